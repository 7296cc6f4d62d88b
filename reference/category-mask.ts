/** Names as bits of a mask: tag categories and inventory tags. */

/** Bits of a mask. */
export const MAX_NAMES = 32;

/** Mask of those of `names` that `known` has; bit i is known[i]. */
export function maskOf(known: readonly string[], names: Iterable<string>): number {
  let mask = 0;
  for (const name of names) {
    const bit = known.indexOf(name);
    if (bit >= 0) mask |= 1 << bit;
  }
  return mask >>> 0;
}

/** Throws where there are more names than bits. */
export function checkNames(what: string, names: readonly string[]): void {
  if (names.length <= MAX_NAMES) return;
  const quoted = names.map((name) => JSON.stringify(name)).join(', ');
  throw new RangeError(
    `reference: ${names.length} distinct ${what}, at most ${MAX_NAMES}: ${quoted.slice(0, 1000)}`,
  );
}
