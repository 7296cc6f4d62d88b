import type { RemoteScope } from './remote-scope.js';

/** No network covers the address. */
export const NO_NETWORK = -1;

/**
 * Networks that a policy names, for a look-up a row: the longest that covers an address decides.
 * Nested prefixes become disjoint sorted boundaries in typed arrays; a look-up is one binary search
 * and allocates nothing. For the hundreds of networks that people write, not for feeds.
 */
export class NetworkIndex {
  readonly #starts4: Uint32Array;
  /** How many boundaries start below each block of 2^shift addresses. */
  readonly #firstOf4: Uint32Array;
  readonly #shift4: number;
  readonly #values4: Int32Array;
  /** Four words a boundary. */
  readonly #starts6: Uint32Array;
  readonly #values6: Int32Array;

  /** The value of a network is its position in `networks`; of equal ones the first counts. */
  constructor(networks: readonly RemoteScope[]) {
    const four = boundaries(networks, 4);
    const six = boundaries(networks, 6);
    this.#starts4 = Uint32Array.from(four, ({ start }) => Number(start));
    // 16 kB spare most steps of a search among many boundaries, and are wasted on few.
    this.#shift4 = four.length > 16 ? 20 : 31;
    this.#firstOf4 = firstLevel(this.#starts4, this.#shift4);
    this.#values4 = Int32Array.from(four, ({ value }) => value);
    this.#starts6 = Uint32Array.from(six.flatMap(({ start }) => wordsOf(start)));
    this.#values6 = Int32Array.from(six, ({ value }) => value);
  }

  /** Position of the longest network that covers the address in row `row` of a column; NO_NETWORK = none. */
  find(family: 4 | 6, column: Uint32Array, row: number): number {
    return family === 4 ? this.#find4(column[row]) : this.#find6(column, row * 4);
  }

  #find4(word: number): number {
    const starts = this.#starts4;
    const block = word >>> this.#shift4;
    let low = this.#firstOf4[block];
    let high = this.#firstOf4[block + 1];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (starts[middle] <= word) low = middle + 1;
      else high = middle;
    }
    return low === 0 ? NO_NETWORK : this.#values4[low - 1];
  }

  #find6(column: Uint32Array, at: number): number {
    const starts = this.#starts6;
    let low = 0;
    let high = starts.length / 4;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compareWords(starts, middle * 4, column, at) <= 0) low = middle + 1;
      else high = middle;
    }
    return low === 0 ? NO_NETWORK : this.#values6[low - 1];
  }
}

function firstLevel(starts: Uint32Array, shift: number): Uint32Array {
  const blocks = 2 ** (32 - shift);
  const first = new Uint32Array(blocks + 1);
  for (const start of starts) first[(start >>> shift) + 1]++;
  for (let block = 1; block <= blocks; block++) first[block] += first[block - 1];
  return first;
}

function compareWords(a: Uint32Array, aAt: number, b: Uint32Array, bAt: number): number {
  for (let w = 0; w < 4; w++) {
    const left = a[aAt + w];
    const right = b[bAt + w];
    if (left !== right) return left < right ? -1 : 1;
  }
  return 0;
}

interface Boundary {
  readonly start: bigint;
  /** What holds from `start` to the next boundary. */
  readonly value: number;
}

/** Flattens nested networks of one family: prefixes either nest or are apart, so a stack suffices. */
function boundaries(networks: readonly RemoteScope[], family: 4 | 6): Boundary[] {
  const ranges = networks
    .map((network, value) => ({ network, value }))
    .filter(({ network }) => network.family === family)
    .map(({ network, value }) => ({
      start: bigOf(network.first),
      end: bigOf(network.last),
      bits: network.bits,
      value,
    }))
    // Of equal networks the last on the stack holds, so the first in the policy comes last.
    .sort((a, b) =>
      a.start === b.start ? a.bits - b.bits || b.value - a.value : a.start < b.start ? -1 : 1,
    );
  const found: Boundary[] = [];
  const open: { readonly end: bigint; readonly value: number }[] = [];
  const put = (start: bigint, value: number): void => {
    if (found.at(-1)?.start === start) found.pop();
    found.push({ start, value });
  };
  const closeBefore = (start: bigint | undefined): void => {
    for (let top = open.at(-1); top !== undefined; top = open.at(-1)) {
      if (start !== undefined && top.end >= start) return;
      open.pop();
      put(top.end + 1n, open.at(-1)?.value ?? NO_NETWORK);
    }
  };
  for (const range of ranges) {
    closeBefore(range.start);
    put(range.start, range.value);
    open.push({ end: range.end, value: range.value });
  }
  closeBefore(undefined);
  // What would start behind the last address starts nowhere.
  return found.filter(({ start }) => start < 1n << (family === 4 ? 32n : 128n));
}

function bigOf(words: readonly number[]): bigint {
  return words.reduce((sum, word) => (sum << 32n) | BigInt(word), 0n);
}

function wordsOf(value: bigint): number[] {
  return [96n, 64n, 32n, 0n].map((shift) => Number((value >> shift) & 0xffffffffn));
}
