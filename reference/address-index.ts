/** Where each address begins in sorted lists of addresses that may repeat, one list a family. */
import type { TableFile } from './table-file.js';

/** As in range tables: beyond 2^20 entries the index leaves the caches and gains nothing. */
const MIN_INDEX_BITS = 4;
const MAX_INDEX_BITS = 20;

export class AddressIndex {
  readonly #words4: Uint32Array;
  /** Four words an address. */
  readonly #words6: Uint32Array;
  /** Entry t: place of the first IPv4 address that is not before block t; one more ends the last block. */
  readonly #index4: Uint32Array;
  readonly #shift4: number;

  /** Throws CorruptTableError where a list is not sorted. */
  constructor(file: TableFile, words4: Uint32Array, words6: Uint32Array) {
    for (let i = 1; i < words4.length; i++) {
      if (words4[i] < words4[i - 1]) file.check(false, `IPv4 address ${i} is out of order`);
    }
    for (let at = 4; at < words6.length; at += 4) {
      if (
        compare6(words6, at - 4, words6[at], words6[at + 1], words6[at + 2], words6[at + 3]) > 0
      ) {
        file.check(false, `IPv6 address ${at / 4} is out of order`);
      }
    }
    this.#words4 = words4;
    this.#words6 = words6;
    const bits = Math.min(MAX_INDEX_BITS, Math.max(MIN_INDEX_BITS, 32 - Math.clz32(words4.length)));
    this.#shift4 = 32 - bits;
    this.#index4 = new Uint32Array(2 ** bits + 1);
    for (let t = 0, place = 0; t < this.#index4.length; t++) {
      while (place < words4.length && words4[place] < t * 2 ** this.#shift4) place++;
      this.#index4[t] = place;
    }
  }

  /** Place of the first entry of an IPv4 address; -1 = it has none. */
  first4(word: number): number {
    const address = word >>> 0;
    const words = this.#words4;
    const block = address >>> this.#shift4;
    let low = this.#index4[block];
    let high = this.#index4[block + 1];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (words[middle] < address) low = middle + 1;
      else high = middle;
    }
    return low < words.length && words[low] === address ? low : -1;
  }

  /** The same of an IPv6 address, in the list of IPv6. */
  first6(w0: number, w1: number, w2: number, w3: number): number {
    const a0 = w0 >>> 0;
    const a1 = w1 >>> 0;
    const a2 = w2 >>> 0;
    const a3 = w3 >>> 0;
    const words = this.#words6;
    const count = words.length / 4;
    let low = 0;
    let high = count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compare6(words, 4 * middle, a0, a1, a2, a3) < 0) low = middle + 1;
      else high = middle;
    }
    return low < count && compare6(words, 4 * low, a0, a1, a2, a3) === 0 ? low : -1;
  }

  /** Place after the last entry of the IPv4 address that begins at `first`. */
  end4(first: number): number {
    const words = this.#words4;
    let end = first + 1;
    while (end < words.length && words[end] === words[first]) end++;
    return end;
  }

  end6(first: number): number {
    const words = this.#words6;
    const at = 4 * first;
    let end = first + 1;
    while (
      4 * end < words.length &&
      compare6(words, 4 * end, words[at], words[at + 1], words[at + 2], words[at + 3]) === 0
    ) {
      end++;
    }
    return end;
  }
}

/** Below 0 where the address at `at` comes before a0..a3, 0 where it is the same. */
function compare6(
  words: Uint32Array,
  at: number,
  a0: number,
  a1: number,
  a2: number,
  a3: number,
): number {
  return words[at] - a0 || words[at + 1] - a1 || words[at + 2] - a2 || words[at + 3] - a3;
}
