import betaQuantile from '@stdlib/stats-base-dists-beta-quantile';
import { betaAbove, betaBelow, MAX_BETA_SUM, requireShapes } from './incomplete-beta.js';
import { tailOutside, type Interval } from './interval.js';

/**
 * P(X >= x), where X of `n` independent trials succeed, each with probability `p`. x and n may be
 * real (counts divided by a dispersion): the incomplete beta function runs smoothly between the whole
 * numbers. Throws a RangeError unless 0 <= x <= n and 0 <= p <= 1.
 */
export function binomialUpperTail(x: number, n: number, p: number): number {
  requirePart('x', x, n);
  return manySuccesses(x, n - x, p);
}

/** P(X <= x); otherwise as the upper tail. At real x both tails overlap as they do at whole ones. */
export function binomialLowerTail(x: number, n: number, p: number): number {
  requirePart('x', x, n);
  return fewSuccesses(x, n - x, p);
}

/**
 * The exact interval at `level` (0..1) of the probability of success; counts may be real. Of no
 * trials it is 0 to 1. Throws a RangeError unless 0 <= successes <= trials.
 * Source: Clopper and Pearson, "The Use of Confidence or Fiducial Limits Illustrated in the Case of
 * the Binomial", Biometrika 26, 1934.
 */
export function clopperPearson(successes: number, trials: number, level: number): Interval {
  requirePart('successes', successes, trials);
  return shareOfSuccesses(successes, trials - successes, level);
}

/**
 * The same three for those who know the failures: taken from the trials, a real number of few failures
 * among many trials would lose its digits.
 */
export function manySuccesses(successes: number, failures: number, p: number): number {
  requireShare(p);
  return successes === 0 ? 1 : betaBelow(p, successes, failures + 1);
}

/** Otherwise as `binomialLowerTail`. */
export function fewSuccesses(successes: number, failures: number, p: number): number {
  requireShare(p);
  return failures === 0 ? 1 : betaAbove(p, successes + 1, failures);
}

/** Otherwise as `clopperPearson`. */
export function shareOfSuccesses(successes: number, failures: number, level: number): Interval {
  const tail = tailOutside(level);
  return {
    low: successes === 0 ? 0 : betaPoint(tail, successes, failures + 1),
    high: failures === 0 ? 1 : betaPoint(1 - tail, successes + 1, failures),
  };
}

/**
 * Where a beta distribution has the probability `p` below. The worst relative error measured is 4e-11
 * at sums of the shapes up to 1e10, but 2e-8 for whole shapes below 40 against 1e9. Beyond it is a
 * guess: of 4e11 against 1311 it stopped at twice the distance from the end.
 */
function betaPoint(p: number, a: number, b: number): number {
  requireShapes(a, b);
  return betaQuantile(p, a, b);
}

function requirePart(name: string, part: number, whole: number): void {
  if (!(whole >= 0 && whole < MAX_BETA_SUM)) {
    throw new RangeError(`${whole} trials are not within 0 to ${MAX_BETA_SUM}`);
  }
  if (!(part >= 0 && part <= whole)) {
    throw new RangeError(`${name} ${part} is not within 0 to ${whole}`);
  }
}

function requireShare(p: number): void {
  if (!(p >= 0 && p <= 1)) throw new RangeError(`p ${p} is not within 0 to 1`);
}
