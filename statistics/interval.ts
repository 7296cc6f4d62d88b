/** The bounds of a confidence interval, both included. */
export interface Interval {
  readonly low: number;
  readonly high: number;
}

/** What lies outside a two-sided interval on either side; throws a RangeError on a level outside 0 to 1. */
export function tailOutside(level: number): number {
  if (level > 0 && level < 1) return (1 - level) / 2;
  throw new RangeError(`level ${level} is not between 0 and 1`);
}
