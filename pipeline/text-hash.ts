/** A hash of a text in (0, 1]; fixed, because samples of different workers are merged. */
export function textHash(text: string): number {
  const high = hash32(text, 0x811c9dc5) * 0x200000;
  return (high + (hash32(text, 0x01000193) >>> 11) + 1) / 2 ** 53;
}

/** FNV-1a with a final mix. */
function hash32(text: string, seed: number): number {
  let h = seed;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
