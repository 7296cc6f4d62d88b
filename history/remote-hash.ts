/**
 * The 64-bit hash by which history knows an address, as two words. It is written to disk: it may
 * never change without a new format of the day files. Of IPv4 addresses no two have the same first
 * word. Who aims at a hash gains that two of his own addresses look like one.
 * Two hashes (murmur.ts) over the words of the address, with different seeds.
 */
import { addressOf } from '../pipeline/address.js';
import { finishHash, mixWord } from './murmur.js';

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
  return finishHash(mixWord(seed, word), 4);
}

function hash6(words: Uint32Array, at: number, seed: number): number {
  let h = mixWord(seed, words[at]);
  h = mixWord(h, words[at + 1]);
  h = mixWord(h, words[at + 2]);
  return finishHash(mixWord(h, words[at + 3]), 16);
}
