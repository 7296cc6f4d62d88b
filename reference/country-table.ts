/** Countries by address; the longest prefix wins. */
import { TextBuilder, U32Builder } from './column-builder.js';
import { PrefixList } from './prefix-list.js';
import { compileRanges, RangeTable } from './range-table.js';
import type { CountryTable } from './reference.js';
import type { TableFile } from './table-file.js';
import { encodeTable } from './table-file.js';

export class CountryTableBuilder {
  readonly #prefixes = new PrefixList();
  readonly #codes = new TextBuilder();
  readonly #code = new U32Builder();
  /** Prefixes that two countries have; the first code in the alphabet got them. Known after `encode`. */
  conflicts = 0;

  constructor() {
    this.#codes.id('');
  }

  /** `code`: ISO 3166-1 alpha-2, upper case. */
  addPrefix(family: 4 | 6, words: Uint32Array, length: number, code: string): void {
    this.#prefixes.add(family, words, length, this.#code.length);
    this.#code.push(this.#codes.id(code));
  }

  encode(feed: string, feedVersion: string): Uint8Array[] {
    const { texts, place } = this.#codes.sorted();
    const code = this.#code.view();
    const groups = this.#prefixes.group();
    const values = new Uint32Array(groups.count);
    for (let g = 0; g < groups.count; g++) {
      let value = place[code[groups.rows[groups.rowOffsets[g]]]];
      for (let r = groups.rowOffsets[g] + 1; r < groups.rowOffsets[g + 1]; r++) {
        const other = place[code[groups.rows[r]]];
        if (other !== value) this.conflicts++;
        value = Math.min(value, other);
      }
      values[g] = value;
    }
    return encodeTable(
      'countries',
      { codes: texts, feed, feedVersion },
      compileRanges(groups, values),
    );
  }
}

/** An opened country table. */
export class CompiledCountryTable implements CountryTable {
  readonly codes: readonly string[];
  readonly feed: string;
  readonly feedVersion: string;
  readonly #ranges: RangeTable;

  /** Throws CorruptTableError. */
  constructor(file: TableFile) {
    this.codes = file.texts('codes');
    this.feed = String(file.meta['feed']);
    this.feedVersion = String(file.meta['feedVersion']);
    this.#ranges = new RangeTable(file, this.codes.length);
  }

  find4(word: number): number {
    return this.#ranges.find4(word);
  }

  find6(w0: number, w1: number, w2: number, w3: number): number {
    return this.#ranges.find6(w0, w1, w2, w3);
  }
}
