/**
 * Bloom filters of remotes, keyed by their 64-bit hash.
 *
 * A remote is asked for in the filters of up to 28 days, whose errors add up: 17 bits a remote and 11
 * probes make 0.03 % of the addresses that are not in one filter look as if they were, and 1 % over
 * all. A filter has at least 2,048 bits, because in smaller ones double hashing errs more than
 * independent hashes do.
 * Source: Kirsch and Mitzenmacher, Less Hashing, Same Performance, 2006 (probe i = h1 + i h2 mod m).
 */

/** Probability, at most, that a remote which is not in a filter seems to be. */
export const SEEN_ERROR = 0.0005;

const BITS_PER_REMOTE = 17;
const PROBES = 11;
const LEAST_BITS = 2_048;

/** Bytes of a filter for `remotes` distinct remotes. */
export function seenFilterBytes(remotes: number): number {
  return Math.ceil(Math.max(LEAST_BITS, remotes * BITS_PER_REMOTE) / 64) * 8;
}

export function addSeen(filter: Uint8Array, hi: number, lo: number): void {
  const bits = filter.length * 8;
  for (let i = 0; i < PROBES; i++) {
    const bit = probe(hi, lo, i, bits);
    filter[Math.floor(bit / 8)] |= 1 << (bit % 8);
  }
}

export function hasSeen(filter: Uint8Array, hi: number, lo: number): boolean {
  const bits = filter.length * 8;
  for (let i = 0; i < PROBES; i++) {
    const bit = probe(hi, lo, i, bits);
    if ((filter[Math.floor(bit / 8)] & (1 << (bit % 8))) === 0) return false;
  }
  return true;
}

/** An odd step never stands still, as the number of bits is even. */
function probe(hi: number, lo: number, i: number, bits: number): number {
  return (hi + i * ((lo | 1) >>> 0)) % bits;
}
