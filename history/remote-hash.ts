/**
 * The 64-bit hash by which history knows an address, as two words. It is written to disk: it may
 * never change without a new format of the day files. Of IPv4 addresses no two have the same first
 * word. Who aims at a hash gains that two of his own addresses look like one.
 * Source: MurmurHash3 x86_32 (Appleby, public domain) over the words of the address, with two seeds.
 */
import { addressOf } from '../pipeline/address.js';

const FIRST_SEED = 0x9747b28c;
const SECOND_SEED = 0x3c6ef372;

export interface RemoteHash {
  hi: number;
  lo: number;
}

/** Hashes the address in row `row` of an address column into `into`. Allocates nothing. */
export function hashAddressAt(
  family: 4 | 6,
  column: Uint32Array,
  row: number,
  into: RemoteHash,
): void {
  if (family === 4) {
    into.hi = hash4(column[row], FIRST_SEED);
    into.lo = hash4(column[row], SECOND_SEED);
  } else {
    into.hi = hash6(column, row * 4, FIRST_SEED);
    into.lo = hash6(column, row * 4, SECOND_SEED);
  }
}

/** Hash of an address in text; undefined if it is none. */
export function hashAddress(text: string): RemoteHash | undefined {
  const address = addressOf(text);
  if (address === undefined) return undefined;
  const hash = { hi: 0, lo: 0 };
  hashAddressAt(address.family, address.words, 0, hash);
  return hash;
}

function hash4(word: number, seed: number): number {
  return finish(round(seed, word), 4);
}

function hash6(words: Uint32Array, at: number, seed: number): number {
  let h = round(seed, words[at]);
  h = round(h, words[at + 1]);
  h = round(h, words[at + 2]);
  return finish(round(h, words[at + 3]), 16);
}

function round(hash: number, word: number): number {
  let k = Math.imul(word, 0xcc9e2d51);
  k = Math.imul((k << 15) | (k >>> 17), 0x1b873593);
  const h = hash ^ k;
  return (Math.imul((h << 13) | (h >>> 19), 5) + 0xe6546b64) | 0;
}

function finish(hash: number, bytes: number): number {
  let h = hash ^ bytes;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
