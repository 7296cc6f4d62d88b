/**
 * The sum of two counts, at most `Number.MAX_SAFE_INTEGER` (packets, or 9 PB): up to there sums of
 * whole numbers are exact, so that they come to the same in any order, whatever a record claims.
 */
export function addCounts(a: number, b: number): number {
  const sum = a + b;
  return sum < Number.MAX_SAFE_INTEGER ? sum : Number.MAX_SAFE_INTEGER;
}
