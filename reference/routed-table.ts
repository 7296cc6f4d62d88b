/** Announced prefixes: 1 = the address is in one, 0 = it is in none. */
import { PrefixList } from './prefix-list.js';
import { compileRanges, RangeTable } from './range-table.js';
import type { TableFile } from './table-file.js';
import { encodeTable } from './table-file.js';

export class RoutedTableBuilder {
  readonly #prefixes = new PrefixList();

  addPrefix(family: 4 | 6, words: Uint32Array, length: number): void {
    this.#prefixes.add(family, words, length, 0);
  }

  encode(): Uint8Array[] {
    const groups = this.#prefixes.group();
    return encodeTable('routed', {}, compileRanges(groups, new Uint32Array(groups.count).fill(1)));
  }
}

/** Throws CorruptTableError. */
export function openRouted(file: TableFile): RangeTable {
  return new RangeTable(file, 2);
}
