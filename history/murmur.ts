/**
 * MurmurHash3 x86_32 over words (Appleby, public domain): the hash of what history writes to disk, so
 * it may never change without a new format of the day files. No key: who wants two of his own things
 * to look like one can have it.
 */

/** The hash with one word more; begin with a seed. */
export function mixWord(hash: number, word: number): number {
  let k = Math.imul(word, 0xcc9e2d51);
  k = Math.imul((k << 15) | (k >>> 17), 0x1b873593);
  const h = hash ^ k;
  return (Math.imul((h << 13) | (h >>> 19), 5) + 0xe6546b64) | 0;
}

/** The finished hash of so many bytes: 32 bits, unsigned. */
export function finishHash(hash: number, bytes: number): number {
  let h = hash ^ bytes;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
