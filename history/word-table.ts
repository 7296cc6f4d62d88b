/**
 * A table of distinct keys of two to four 32-bit words, numbered in the order they come: values are
 * columns of the caller, by that number. Open addressing with linear probing over typed arrays.
 *
 * A key costs 4 bytes a word (up to a half more while it grows) and 5 to 11 of index.
 */
import { randomInt } from 'node:crypto';

/** Of the process, so that nobody can choose addresses that fall into one chain. */
const SEED = randomInt(2 ** 32) | 0;

const FIRST_ROWS = 16;
/** Slots of the index are filled to at most 3/4. */
const FIRST_SLOTS = 32;

export class WordTable {
  readonly width: number;
  /** Keys so far. */
  size = 0;
  #words: Uint32Array;
  /** Row + 1; 0 = free. */
  #index = new Uint32Array(FIRST_SLOTS);

  constructor(width: 2 | 3 | 4) {
    this.width = width;
    this.#words = new Uint32Array(FIRST_ROWS * width);
  }

  /** Makes room for `rows` keys in a table that has none yet. */
  reserve(rows: number): void {
    if (this.size > 0 || rows <= FIRST_ROWS) return;
    this.#words = new Uint32Array(rows * this.width);
    let slots = FIRST_SLOTS;
    while (rows * 4 > slots * 3) slots *= 2;
    this.#index = new Uint32Array(slots);
  }

  /** Row of a key, which is new if it is the former `size`. Words beyond the width must be 0. */
  add(a: number, b: number, c = 0, d = 0): number {
    const slot = this.#slotOf(a, b, c, d);
    const found = this.#index[slot];
    if (found !== 0) return found - 1;
    const row = this.size++;
    const { width } = this;
    const at = row * width;
    if (at === this.#words.length) this.#words = grown(this.#words, width);
    const words = this.#words;
    words[at] = a;
    words[at + 1] = b;
    if (width > 2) words[at + 2] = c;
    if (width > 3) words[at + 3] = d;
    this.#index[slot] = this.size;
    if (this.size * 4 > this.#index.length * 3) this.#rehash();
    return row;
  }

  /** Row of a key; -1 = not there. */
  find(a: number, b: number, c = 0, d = 0): number {
    return this.#index[this.#slotOf(a, b, c, d)] - 1;
  }

  /** Word `word` of the key in row `row`. */
  word(row: number, word: number): number {
    return this.#words[row * this.width + word];
  }

  /** The words of all keys, row by row: `size * width`. */
  words(): Uint32Array {
    return this.#words.subarray(0, this.size * this.width);
  }

  get byteLength(): number {
    return this.#words.byteLength + this.#index.byteLength;
  }

  #slotOf(a: number, b: number, c: number, d: number): number {
    const words = this.#words;
    const index = this.#index;
    const { width } = this;
    const mask = index.length - 1;
    let slot = mix(a, b, c, d) & mask;
    for (;;) {
      const found = index[slot];
      if (found === 0) return slot;
      const at = (found - 1) * width;
      if (
        words[at] === a &&
        words[at + 1] === b &&
        (width < 3 || words[at + 2] === c) &&
        (width < 4 || words[at + 3] === d)
      ) {
        return slot;
      }
      slot = (slot + 1) & mask;
    }
  }

  #rehash(): void {
    const { width, size } = this;
    const words = this.#words;
    const index = new Uint32Array(this.#index.length * 2);
    const mask = index.length - 1;
    for (let row = 0; row < size; row++) {
      const at = row * width;
      const c = width > 2 ? words[at + 2] : 0;
      let slot = mix(words[at], words[at + 1], c, width > 3 ? words[at + 3] : 0) & mask;
      while (index[slot] !== 0) slot = (slot + 1) & mask;
      index[slot] = row + 1;
    }
    this.#index = index;
  }
}

/** A copy half as long again, a multiple of `width`. */
export function grown<A extends Uint32Array | Uint16Array | Float64Array>(array: A, width = 1): A {
  const rows = Math.ceil((array.length / width) * 1.5) + 1;
  const copy = new (array.constructor as new (length: number) => A)(rows * width);
  copy.set(array);
  return copy;
}

/** Each word is mixed fully before the next: keys that differ in one bit are far apart. */
function mix(a: number, b: number, c: number, d: number): number {
  let h = scramble(a ^ SEED);
  h = scramble(Math.imul(h, 0x9e3779b1) ^ b);
  h = scramble(Math.imul(h, 0x9e3779b1) ^ c);
  return scramble(Math.imul(h, 0x9e3779b1) ^ d);
}

function scramble(hash: number): number {
  let h = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}
