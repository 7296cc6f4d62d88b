/** The middle value, of an even number the mean of the middle two; throws a RangeError on none, NaN or infinity. */
export function median(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError('no median of 0 values');
  for (const [i, value] of values.entries()) {
    if (!Number.isFinite(value))
      throw new RangeError(`value ${i} is ${value}, not a finite number`);
  }
  const sorted = Float64Array.from(values).sort();
  const middle = sorted.length >> 1;
  if (sorted.length % 2 === 1) return sorted[middle];
  // Halved one by one: their sum may be more than a double holds.
  return sorted[middle - 1] / 2 + sorted[middle] / 2;
}

/** The median distance from the median, not scaled to a standard deviation; errors as the median's. */
export function medianAbsoluteDeviation(values: readonly number[]): number {
  const middle = median(values);
  return median(values.map((value) => Math.abs(value - middle)));
}
