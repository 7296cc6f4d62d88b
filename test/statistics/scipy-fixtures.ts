import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import type { RateComparison, RateCounts } from '../../statistics/rates.js';

interface Fixtures {
  readonly binomial: readonly Record<'x' | 'n' | 'p' | 'upper' | 'lower', number>[];
  readonly clopperPearson: readonly Record<
    'successes' | 'trials' | 'level' | 'low' | 'high',
    number
  >[];
  readonly rates: readonly (RateCounts & RateComparison)[];
  readonly garwood: readonly Record<'count' | 'level' | 'low' | 'high', number>[];
  readonly hypergeometric: readonly Record<
    'k' | 'population' | 'successes' | 'draws' | 'upper',
    number
  >[];
  readonly benjaminiHochberg: readonly {
    readonly pValues: readonly number[];
    readonly adjusted: readonly number[];
  }[];
}

/** What make-fixtures.py wrote, from the root of the project. */
export function scipyFixtures(): Fixtures {
  const path = join('test', 'statistics', 'fixtures.json');
  return JSON.parse(readFileSync(path, 'utf8')) as Fixtures;
}

/** Relative; the worst that is seen below the border is 2e-10, at counts of 1e6. */
const BOUND = 1e-9;

/** Of more counts than this the library's tails and quantiles of a few whole ones are up to 5e-8 off. */
const EXACT_TRIALS = 1e7;

/** The bound for binomial counts of so many trials. */
export function binomialBound(trials: number): number {
  return trials > EXACT_TRIALS ? 1e-7 : BOUND;
}

/** Expects a relative error of no more than the bound; 0, 1 and null exactly where they are meant. */
export function expectAgreement(
  found: number | null,
  expected: number | null,
  of: string,
  bound: number = BOUND,
): void {
  if (found === expected) return;
  if (found === null || expected === null || expected === 0) {
    expect.fail(`${of}: ${found} instead of ${expected}`);
  }
  const error = Math.abs(found - expected) / Math.abs(expected);
  // Not above: NaN is no agreement.
  if (!(error <= bound)) expect.fail(`${of}: ${found} instead of ${expected}, ${error} off`);
}
