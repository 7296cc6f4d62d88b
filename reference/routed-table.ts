/** Announced prefixes: 1 = the address is in one, 0 = it is in none. */
import { PrefixList } from './prefix-list.js';
import { compileRanges, RangeTable } from './range-table.js';
import type { RoutedLookup } from './reference.js';
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
export function openRouted(file: TableFile): RoutedLookup {
  const ranges = new RangeTable(file, 2);
  return {
    find4: (word) => ranges.find4(word),
    find6: (w0, w1, w2, w3) => ranges.find6(w0, w1, w2, w3),
    // A feed of IPv4 prefixes says nothing of IPv6.
    knows4: file.u32('values4').some((value) => value !== 0),
    knows6: file.u32('values6').some((value) => value !== 0),
  };
}
