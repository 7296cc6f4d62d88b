/**
 * Prefixes as feeds give them, overlapping and in any order, and the same grouped: each distinct
 * prefix once, sorted by first address and then shortest first, with the rows that named it.
 */
import { U32Builder } from './column-builder.js';

/** Rows of one list: 26 bits, what the sort key leaves beside address and length. */
const MAX_ROWS = 2 ** 26;

/** Distinct prefixes, IPv4 before IPv6; a group is one of them. */
export interface PrefixGroups {
  readonly count: number;
  /** How many of them are IPv4: groups 0..count4-1. */
  readonly count4: number;
  readonly start4: Uint32Array;
  /** Four words a group, from group `count4`. */
  readonly start6: Uint32Array;
  readonly length: Uint8Array;
  /** Rows of group g: rows[rowOffsets[g]..rowOffsets[g + 1]). */
  readonly rowOffsets: Uint32Array;
  readonly rows: Uint32Array;
}

/** Last address of the IPv4 prefix. */
export function last4(start: number, length: number): number {
  // A shift by 32 is a shift by 0.
  return length === 32 ? start : (start | (0xffffffff >>> length)) >>> 0;
}

/** The word at `index` of an IPv6 mask of `length` bits. */
export function maskWord(length: number, index: number): number {
  const bits = Math.min(32, Math.max(0, length - 32 * index));
  return bits === 0 ? 0 : (0xffffffff << (32 - bits)) >>> 0;
}

/** Collects prefixes; the row number ties each to what its feed says of it. Host bits must be zero. */
export class PrefixList {
  readonly #start4 = new U32Builder();
  readonly #length4 = new U32Builder();
  readonly #row4 = new U32Builder();
  readonly #start6 = new U32Builder();
  readonly #length6 = new U32Builder();
  readonly #row6 = new U32Builder();

  get size(): number {
    return this.#row4.length + this.#row6.length;
  }

  add(family: 4 | 6, words: Uint32Array, length: number, row: number): void {
    if (this.size >= MAX_ROWS) throw new RangeError(`more than ${MAX_ROWS} prefixes in a table`);
    if (family === 4) {
      this.#start4.push(words[0]);
      this.#length4.push(length);
      this.#row4.push(row);
      return;
    }
    for (let w = 0; w < 4; w++) this.#start6.push(words[w]);
    this.#length6.push(length);
    this.#row6.push(row);
  }

  group(): PrefixGroups {
    const order4 = this.#order4();
    const order6 = this.#order6();
    const start4 = this.#start4.view();
    const length4 = this.#length4.view();
    const start6 = this.#start6.view();
    const length6 = this.#length6.view();
    const rows = new Uint32Array(this.size);
    const rowOffsets = new U32Builder();
    const lengths = new U32Builder();
    const starts4 = new U32Builder();
    const starts6 = new U32Builder();
    let at = 0;
    let previous = -1;
    for (const i of order4) {
      if (previous < 0 || start4[i] !== start4[previous] || length4[i] !== length4[previous]) {
        rowOffsets.push(at);
        starts4.push(start4[i]);
        lengths.push(length4[i]);
      }
      previous = i;
      rows[at++] = this.#row4.view()[i];
    }
    const count4 = rowOffsets.length;
    previous = -1;
    for (const i of order6) {
      if (previous < 0 || compare6(start6, length6, i, previous) !== 0) {
        rowOffsets.push(at);
        for (let w = 0; w < 4; w++) starts6.push(start6[4 * i + w]);
        lengths.push(length6[i]);
      }
      previous = i;
      rows[at++] = this.#row6.view()[i];
    }
    const count = rowOffsets.length;
    rowOffsets.push(at);
    return {
      count,
      count4,
      start4: starts4.view(),
      start6: starts6.view(),
      length: Uint8Array.from(lengths.view()),
      rowOffsets: rowOffsets.view(),
      rows,
    };
  }

  /** Sorted by (start, length). A 64-bit key sorts natively, 20 times faster than by a comparator. */
  #order4(): Uint32Array {
    const start = this.#start4.view();
    const length = this.#length4.view();
    const count = start.length;
    const keys = new BigUint64Array(count);
    const halves = new Uint32Array(keys.buffer);
    for (let i = 0; i < count; i++) {
      halves[2 * i] = ((length[i] << 26) | i) >>> 0;
      halves[2 * i + 1] = start[i];
    }
    keys.sort();
    const order = new Uint32Array(count);
    for (let i = 0; i < count; i++) order[i] = halves[2 * i] & (MAX_ROWS - 1);
    return order;
  }

  #order6(): Uint32Array {
    const start = this.#start6.view();
    const length = this.#length6.view();
    const order = new Uint32Array(length.length);
    for (let i = 0; i < order.length; i++) order[i] = i;
    return order.sort((a, b) => compare6(start, length, a, b));
  }
}

function compare6(start: Uint32Array, length: Uint32Array, a: number, b: number): number {
  for (let w = 0; w < 4; w++) {
    const difference = start[4 * a + w] - start[4 * b + w];
    if (difference !== 0) return difference;
  }
  return length[a] - length[b];
}

/** Calls `visit` with the fewest prefixes that cover first..last (both included). */
export function splitRange4(
  first: number,
  last: number,
  visit: (start: number, length: number) => void,
): void {
  let at = first;
  while (at <= last) {
    let length = 32;
    // Double the block while it stays aligned and inside.
    while (length > 0) {
      const size = 2 ** (33 - length);
      if (at % size !== 0 || at + size - 1 > last) break;
      length--;
    }
    visit(at, length);
    at += 2 ** (32 - length);
  }
}
