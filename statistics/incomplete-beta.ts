import betainc from '@stdlib/math-base-special-betainc';
import erfc from '@stdlib/math-base-special-erfc';
import log1pmx from '@stdlib/math-base-special-log1pmx';

/** The largest a + b for which the bounds below were measured. */
export const MAX_BETA_SUM = 1e10;

/**
 * The smaller shape up to which the library answers. Worst relative error of either tail, down to
 * 1e-290, measured with the larger shape from the smaller one to 1e9:
 *
 * | smaller shape | library | `normalDeviate` |
 * | ------------- | ------- | --------------- |
 * | up to 1e3     | 3e-13   | 1e-5 (at 1e3)   |
 * | 1e4           | 3e-12   | 3e-7            |
 * | 1e5           | 2e-11   | 1e-8            |
 * | 1e6           | 2e-10   | 9e-10           |
 * | 1e7           | 3e-6    | 9e-11           |
 * | 1e8           | 2e-2    |                 |
 * | 1e9           | 1e-1    | 9e-13           |
 *
 * Except for whole shapes below 40 against 1e7 to 2^31: 5e-17 of the larger one, 5e-8 at 1e9.
 */
const LIBRARY_SHAPE = 1e6;

/** Nearer to the mean than this, in standard deviations, the correction is its limit. */
const AT_MEAN = 0.01;

/**
 * The beta distribution with shapes `a`, `b` > 0 below `x` in 0..1: the regularized incomplete beta
 * function I_x(a, b), with the relative error above. Throws a RangeError on other shapes.
 *
 * `@stdlib/stats-base-dists-beta-cdf` is the same function without its upper tail, which from 1 - x
 * would lose what a small x is exact to.
 */
export function betaBelow(x: number, a: number, b: number): number {
  requireShapes(a, b);
  if (Math.min(a, b) <= LIBRARY_SHAPE) return betainc(x, a, b, true, false);
  return erfc(-normalDeviate(x, a, b) * Math.SQRT1_2) / 2;
}

/** The beta distribution above `x`, not subtracted from 1; otherwise as `betaBelow`. */
export function betaAbove(x: number, a: number, b: number): number {
  requireShapes(a, b);
  if (Math.min(a, b) <= LIBRARY_SHAPE) return betainc(x, a, b, true, true);
  return erfc(normalDeviate(x, a, b) * Math.SQRT1_2) / 2;
}

export function requireShapes(a: number, b: number): void {
  if (a > 0 && b > 0 && a + b <= MAX_BETA_SUM) return;
  throw new RangeError(
    `beta shapes ${a} and ${b} are not above 0 with a sum up to ${MAX_BETA_SUM}`,
  );
}

/**
 * Where a standard normal distribution has the tails of this one at `x`, for large shapes.
 * Source: Barndorff-Nielsen, "Approximate Interval Probabilities", JRSS B 52, 1990 (r*); w and u are
 * the signed root of the deviance and the distance from the mean in standard deviations, on the
 * scale of ln(x / (1 - x)).
 */
function normalDeviate(x: number, a: number, b: number): number {
  const sum = a + b;
  // From the smaller share: of the larger one its distance from 1 is lost.
  const distance = x <= 0.5 ? sum * x - a : b - sum * (1 - x);
  if (distance <= -a) return -Infinity;
  if (distance >= b) return Infinity;
  const deviance = -2 * (a * log1pmx(distance / a) + b * log1pmx(-distance / b));
  const w = Math.sign(distance) * Math.sqrt(deviance);
  const deviation = Math.sqrt(a * (b / sum));
  const u = distance / deviation;
  const correction = Math.abs(w) < AT_MEAN ? (b - a) / sum / (3 * deviation) : Math.log(u / w) / w;
  return w + correction;
}
