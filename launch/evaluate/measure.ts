import { clopperPearson } from '../../statistics/binomial.js';
import type { Comparison, FilterComparison } from '../compare-labels.js';

/** Successes among trials, with the exact interval of their probability at `LEVEL`. */
export interface Proportion {
  readonly successes: number;
  /** At least 1. */
  readonly trials: number;
  readonly low: number;
  readonly high: number;
}

/** Level of all intervals of an evaluation. */
export const LEVEL = 0.95;

/**
 * The proportion and its interval (C. Clopper and E. Pearson, "The use of confidence or fiducial
 * limits illustrated in the case of the binomial", 1934). undefined without trials: a filter that
 * found nothing has no precision, neither 0 nor 1.
 */
export function proportion(successes: number, trials: number): Proportion | undefined {
  if (trials === 0) return undefined;
  return { successes, trials, ...clopperPearson(successes, trials, LEVEL) };
}

/** Counts of one filter with what they say of it. */
export interface FilterMeasure extends FilterComparison {
  /** Of its findings, those that were planted. */
  readonly precision: Proportion | undefined;
  /** Of what was planted for it, what it found. */
  readonly recall: Proportion | undefined;
}

/** Precision and recall of each filter, in the order of the comparison. */
export function measure({ filters }: Pick<Comparison, 'filters'>): readonly FilterMeasure[] {
  return filters.map((counts) => ({
    ...counts,
    precision: proportion(counts.true, counts.true + counts.false),
    recall: proportion(counts.found, counts.planted),
  }));
}
