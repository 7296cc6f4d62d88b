/**
 * Ranges of addresses -> an id: overlapping prefixes compiled into disjoint sorted boundaries.
 *
 * Boundary i says that addresses from starts[i] up to the next boundary have values[i]; the first
 * boundary is address 0. A first-level index on the top bits leaves a search among the few
 * boundaries of one block.
 */
import type { PrefixGroups } from './prefix-list.js';
import { last4 } from './prefix-list.js';
import { U32Builder } from './column-builder.js';
import type { RangeLookup } from './reference.js';
import type { Sections, TableFile } from './table-file.js';

/** Index sizes: beyond 2^20 entries (4 MB) the index leaves the caches and gains nothing. */
const MIN_INDEX_BITS = 4;
const MAX_INDEX_BITS = 20;
/** IPv6 is indexed within 2000::/3, where all global unicast is. */
const GLOBAL6 = 1;
const MAX_INDEX_BITS_6 = 18;

function indexBits(boundaries: number, max: number): number {
  return Math.min(max, Math.max(MIN_INDEX_BITS, 32 - Math.clz32(boundaries)));
}

/** Group that covers each group most closely, plus 1; 0 = none. Prefixes nest or are disjoint, so the groups' order makes this one pass. */
export function parentGroups(groups: PrefixGroups): Uint32Array {
  const parents = new Uint32Array(groups.count);
  const open: number[] = [];
  for (let g = 0; g < groups.count; g++) {
    if (g === groups.count4) open.length = 0;
    while (open.length > 0 && !covers(groups, open[open.length - 1], g)) open.pop();
    parents[g] = open.length === 0 ? 0 : open[open.length - 1] + 1;
    open.push(g);
  }
  return parents;
}

function covers(groups: PrefixGroups, outer: number, inner: number): boolean {
  if (inner < groups.count4) {
    return groups.start4[inner] <= last4(groups.start4[outer], groups.length[outer]);
  }
  const a = 4 * (outer - groups.count4);
  const b = 4 * (inner - groups.count4);
  const length = groups.length[outer];
  for (let w = 0; w < 4; w++) {
    const bits = Math.min(32, length - 32 * w);
    if (bits <= 0) return true;
    const shift = 32 - bits;
    if (groups.start6[a + w] >>> shift !== groups.start6[b + w] >>> shift) return false;
  }
  return true;
}

/** Sections of the table that answers `values[g]` for the addresses whose longest prefix is group g. */
export function compileRanges(groups: PrefixGroups, values: Uint32Array): Sections {
  const v4 = boundaries4(groups, values);
  const v6 = boundaries6(groups, values);
  return {
    starts4: v4.starts,
    values4: v4.values,
    index4: index4(v4.starts),
    starts6: v6.starts,
    values6: v6.values,
    index6: index6(v6.starts),
  };
}

interface Boundaries {
  readonly starts: Uint32Array;
  readonly values: Uint32Array;
}

function boundaries4(groups: PrefixGroups, groupValues: Uint32Array): Boundaries {
  const starts = new U32Builder();
  const values = new U32Builder();
  const open: number[] = [];
  let pendingStart = 0;
  let pendingValue = 0;
  let written = -1;
  // A boundary is pending until the next address is known: a later one at the same address replaces it.
  const put = (start: number, value: number): void => {
    if (start !== pendingStart && pendingValue !== written) {
      starts.push(pendingStart);
      values.push(pendingValue);
      written = pendingValue;
    }
    pendingStart = start;
    pendingValue = value;
  };
  const close = (): void => {
    const closed = open.pop() ?? 0;
    const last = last4(groups.start4[closed], groups.length[closed]);
    if (last === 0xffffffff) return;
    put(last + 1, open.length === 0 ? 0 : groupValues[open[open.length - 1]]);
  };
  for (let g = 0; g < groups.count4; g++) {
    while (open.length > 0 && !covers(groups, open[open.length - 1], g)) close();
    put(groups.start4[g], groupValues[g]);
    open.push(g);
  }
  while (open.length > 0) close();
  put(-1, 0);
  return { starts: starts.view(), values: values.view() };
}

function boundaries6(groups: PrefixGroups, groupValues: Uint32Array): Boundaries {
  const starts = new U32Builder();
  const values = new U32Builder();
  const open: number[] = [];
  const pending = new Uint32Array(4);
  let pendingValue = 0;
  let written = -1;
  const flush = (): void => {
    if (pendingValue === written) return;
    for (let w = 0; w < 4; w++) starts.push(pending[w]);
    values.push(pendingValue);
    written = pendingValue;
  };
  const put = (words: Uint32Array, at: number, value: number): void => {
    const same =
      words[at] === pending[0] &&
      words[at + 1] === pending[1] &&
      words[at + 2] === pending[2] &&
      words[at + 3] === pending[3];
    if (!same) flush();
    for (let w = 0; w < 4; w++) pending[w] = words[at + w];
    pendingValue = value;
  };
  const after = new Uint32Array(4);
  const close = (): void => {
    const closed = open.pop() ?? 0;
    if (!nextAfter6(groups.start6, 4 * (closed - groups.count4), groups.length[closed], after)) {
      return;
    }
    put(after, 0, open.length === 0 ? 0 : groupValues[open[open.length - 1]]);
  };
  for (let g = groups.count4; g < groups.count; g++) {
    while (open.length > 0 && !covers(groups, open[open.length - 1], g)) close();
    put(groups.start6, 4 * (g - groups.count4), groupValues[g]);
    open.push(g);
  }
  while (open.length > 0) close();
  flush();
  return { starts: starts.view(), values: values.view() };
}

/** First address after the prefix into `after`; false where the prefix reaches the last address. */
function nextAfter6(starts: Uint32Array, at: number, length: number, after: Uint32Array): boolean {
  for (let w = 0; w < 4; w++) after[w] = starts[at + w];
  if (length === 0) return false;
  let word = (length - 1) >>> 5;
  let carry = 2 ** (31 - ((length - 1) & 31));
  for (; word >= 0 && carry > 0; word--) {
    const sum = after[word] + carry;
    after[word] = sum % 2 ** 32;
    carry = sum >= 2 ** 32 ? 1 : 0;
  }
  return carry === 0;
}

/** Entry t: the last boundary at or before the first address of block t; one more entry ends the last block. */
function index4(starts: Uint32Array): Uint32Array {
  const bits = indexBits(starts.length, MAX_INDEX_BITS);
  const index = new Uint32Array(2 ** bits + 1);
  let boundary = 0;
  for (let t = 0; t < 2 ** bits; t++) {
    const base = t * 2 ** (32 - bits);
    while (boundary + 1 < starts.length && starts[boundary + 1] <= base) boundary++;
    index[t] = boundary;
  }
  index[2 ** bits] = starts.length - 1;
  return index;
}

/** As `index4`, over the blocks of 2000::/3. */
function index6(starts: Uint32Array): Uint32Array {
  const count = starts.length / 4;
  const bits = indexBits(count, MAX_INDEX_BITS_6);
  const index = new Uint32Array(2 ** bits + 1);
  let boundary = 0;
  for (let t = 0; t <= 2 ** bits; t++) {
    const base = 0x20000000 + t * 2 ** (29 - bits);
    while (boundary + 1 < count && atOrBefore(starts, 4 * (boundary + 1), base)) boundary++;
    index[t] = boundary;
  }
  return index;
}

function atOrBefore(starts: Uint32Array, at: number, word: number): boolean {
  if (starts[at] !== word) return starts[at] < word;
  return starts[at + 1] === 0 && starts[at + 2] === 0 && starts[at + 3] === 0;
}

/** An opened range table. */
export class RangeTable implements RangeLookup {
  readonly #starts4: Uint32Array;
  readonly #values4: Uint32Array;
  readonly #index4: Uint32Array;
  readonly #shift4: number;
  readonly #starts6: Uint32Array;
  readonly #values6: Uint32Array;
  readonly #index6: Uint32Array;
  readonly #shift6: number;

  /** Throws CorruptTableError where a look-up could leave a section or a value is not below `limit`. */
  constructor(file: TableFile, limit: number) {
    this.#starts4 = file.u32('starts4');
    this.#values4 = file.u32('values4');
    this.#index4 = file.u32('index4');
    this.#starts6 = file.u32('starts6');
    this.#values6 = file.u32('values6');
    this.#index6 = file.u32('index6');
    checkFamily(file, '4', this.#starts4.length, this.#values4, this.#index4, limit);
    checkFamily(file, '6', this.#starts6.length / 4, this.#values6, this.#index6, limit);
    this.#shift4 = 32 - Math.log2(this.#index4.length - 1);
    this.#shift6 = 29 - Math.log2(this.#index6.length - 1);
  }

  find4(word: number): number {
    const address = word >>> 0;
    const block = address >>> this.#shift4;
    const starts = this.#starts4;
    let low = this.#index4[block];
    let high = this.#index4[block + 1];
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (starts[middle] <= address) low = middle;
      else high = middle - 1;
    }
    return this.#values4[low];
  }

  find6(w0: number, w1: number, w2: number, w3: number): number {
    const a0 = w0 >>> 0;
    const a1 = w1 >>> 0;
    const a2 = w2 >>> 0;
    const a3 = w3 >>> 0;
    const starts = this.#starts6;
    const index = this.#index6;
    let low: number;
    let high: number;
    if (a0 >>> 29 === GLOBAL6) {
      const block = (a0 & 0x1fffffff) >>> this.#shift6;
      low = index[block];
      high = index[block + 1];
    } else if (a0 < 0x20000000) {
      low = 0;
      high = index[0];
    } else {
      low = index[index.length - 1];
      high = this.#values6.length - 1;
    }
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      const at = 4 * middle;
      const s0 = starts[at];
      let before = s0 < a0;
      if (s0 === a0) {
        const s1 = starts[at + 1];
        before = s1 < a1;
        if (s1 === a1) {
          const s2 = starts[at + 2];
          before = s2 < a2 || (s2 === a2 && starts[at + 3] <= a3);
        }
      }
      if (before) low = middle;
      else high = middle - 1;
    }
    return this.#values6[low];
  }
}

function checkFamily(
  file: TableFile,
  family: string,
  boundaries: number,
  values: Uint32Array,
  index: Uint32Array,
  limit: number,
): void {
  const bits = Math.log2(index.length - 1);
  file.check(
    boundaries >= 1 && boundaries === values.length,
    `${boundaries} boundaries of IPv${family} and ${values.length} values`,
  );
  file.check(
    Number.isInteger(bits) && bits <= MAX_INDEX_BITS,
    `index of IPv${family} has ${index.length} entries`,
  );
  file.checkBelow(`index${family}`, index, boundaries);
  file.checkBelow(`values${family}`, values, limit);
}
