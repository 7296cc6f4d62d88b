/**
 * p values adjusted for their number, in the order given: those of at most q keep the expected share
 * of false findings among them at q or below. Throws a RangeError on one outside 0 to 1.
 * Source: Benjamini and Hochberg, "Controlling the False Discovery Rate", JRSS B 57, 1995.
 */
export function benjaminiHochberg(pValues: readonly number[]): number[] {
  for (const [i, p] of pValues.entries()) {
    if (!(p >= 0 && p <= 1)) throw new RangeError(`p value ${i} is ${p}, not within 0 to 1`);
  }
  const tests = pValues.length;
  const falling = [...pValues.keys()].sort((a, b) => pValues[b] - pValues[a]);
  const adjusted = new Array<number>(tests);
  let smallest = 1;
  for (const [above, i] of falling.entries()) {
    smallest = Math.min(smallest, pValues[i] * (tests / (tests - above)));
    adjusted[i] = smallest;
  }
  return adjusted;
}
