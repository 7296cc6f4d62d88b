import erfcinv from '@stdlib/math-base-special-erfcinv';
import gammaQuantile from '@stdlib/stats-base-dists-gamma-quantile';
import { tailOutside, type Interval } from './interval.js';

/** The largest count for which the bounds below were measured. */
const MAX_COUNT = 1e12;

/**
 * The shape up to which the library answers. Worst relative error of the quantiles, at levels up to
 * 0.999999:
 *
 * | shape     | library | `cornishFisher` |
 * | --------- | ------- | --------------- |
 * | up to 150 | 2e-12   |                 |
 * | 500       | 9e-13   | 8e-10           |
 * | 800       | 7e-13   | 1e-10           |
 * | 1000      | 1e-3    | 6e-11           |
 * | 1e4       | 1e-4    | 2e-14           |
 * | 1e6       | 1e-6    | 1e-16           |
 */
const LIBRARY_SHAPE = 500;

/**
 * The exact interval of a Poisson mean at `level` (0..1), from one count of 0 or above, also a real
 * one. Throws a RangeError on other numbers.
 * Source: Garwood, "Fiducial Limits for the Poisson Distribution", Biometrika 28, 1936.
 */
export function garwood(count: number, level: number): Interval {
  const tail = tailOutside(level);
  if (!(count >= 0 && count < MAX_COUNT)) {
    throw new RangeError(`count ${count} is not within 0 to ${MAX_COUNT}`);
  }
  const deviate = Math.SQRT2 * erfcinv(2 * tail);
  return {
    low: count === 0 ? 0 : gammaPoint(count, tail, -deviate),
    high: gammaPoint(count + 1, 1 - tail, deviate),
  };
}

/** Where a gamma distribution of scale 1 has the probability `p` below, and a normal one `deviate`. */
function gammaPoint(shape: number, p: number, deviate: number): number {
  return shape <= LIBRARY_SHAPE ? gammaQuantile(p, shape, 1) : cornishFisher(shape, deviate);
}

/**
 * The point of a gamma distribution of a large shape, from the point of a normal one.
 * Source: Goldberg and Levine, "Approximate Formulas for the Percentage Points and Normalization of t
 * and chi squared", Annals of Mathematical Statistics 17, 1946, of half a chi squared.
 */
function cornishFisher(shape: number, z: number): number {
  const root = Math.sqrt(shape);
  return (
    shape +
    z * root +
    (z ** 2 - 1) / 3 +
    (z ** 3 - 7 * z) / (36 * root) -
    (3 * z ** 4 + 7 * z ** 2 - 16) / (810 * shape) +
    (9 * z ** 5 + 256 * z ** 3 - 433 * z) / (38880 * shape * root) +
    (12 * z ** 6 - 243 * z ** 4 - 923 * z ** 2 + 1472) / (204120 * shape ** 2)
  );
}
