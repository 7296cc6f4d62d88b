import fc from 'fast-check';
import { formatAddress4, formatAddress6 } from '../../pipeline/address.js';
import { last4, maskWord } from '../../reference/prefix-list.js';

/** A prefix as words, with host bits cleared. */
export interface CasePrefix {
  readonly family: 4 | 6;
  readonly words: Uint32Array;
  readonly length: number;
}

/** Few distinct values, so that random prefixes nest, touch and repeat. */
const word = fc.oneof(
  fc.constantFrom(0, 0xffffffff, 0x0a000000, 0x20010db8, 0xcb007100, 0x80000000, 1),
  fc.nat({ max: 0xffffffff }),
  fc.nat({ max: 1023 }).map((n) => (0x20010d00 + n) >>> 0),
);

const prefix4 = fc
  .record({ word, length: fc.integer({ min: 0, max: 32 }) })
  .map(({ word: w, length }): CasePrefix => ({
    family: 4,
    words: Uint32Array.of(w & maskWord(length, 0), 0, 0, 0),
    length,
  }));

const prefix6 = fc
  .record({
    words: fc.array(word, { minLength: 4, maxLength: 4 }),
    length: fc.integer({ min: 0, max: 128 }),
  })
  .map(({ words, length }): CasePrefix => ({
    family: 6,
    words: Uint32Array.from(words, (w, i) => w & maskWord(length, i)),
    length,
  }))
  // An IPv4-mapped address is an IPv4 address; the oracle keeps them apart.
  .filter(({ words }) => words[0] !== 0 || words[1] !== 0);

export const anyPrefix = fc.oneof(prefix4, prefix6);

export function prefixAsText({ family, words, length }: CasePrefix): string {
  return `${addressAsText(family, words)}/${length}`;
}

export function addressAsText(family: 4 | 6, words: Uint32Array): string {
  return family === 4
    ? formatAddress4(words[0])
    : formatAddress6(words[0], words[1], words[2], words[3]);
}

/** Addresses at the borders of a prefix: before its first, first, last, after its last. */
export function borders({ family, words, length }: CasePrefix): Uint32Array[] {
  if (family === 4) {
    const last = last4(words[0], length);
    return [words[0] - 1, words[0], last, last + 1].map((w) => Uint32Array.of(w, 0, 0, 0));
  }
  const last = words.map((w, i) => w | ~maskWord(length, i));
  return [step(words, -1), words, last, step(last, 1)];
}

function step(words: Uint32Array, by: 1 | -1): Uint32Array {
  const value = words.reduce((sum, w) => sum * 2n ** 32n + BigInt(w), 0n);
  const moved = BigInt.asUintN(128, value + BigInt(by));
  return Uint32Array.from([96n, 64n, 32n, 0n], (shift) => Number((moved >> shift) & 0xffffffffn));
}
