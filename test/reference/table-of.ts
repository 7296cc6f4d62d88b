import type { RangeTable } from '../../reference/range-table.js';
import { TableFile } from '../../reference/table-file.js';

/** The opened file of a table's pieces, as if it had been written and read. */
export function tableFileOf(kind: string, pieces: readonly Uint8Array[]): TableFile {
  const bytes = new Uint8Array(Buffer.concat(pieces));
  return new TableFile(`${kind}.table`, kind, bytes);
}

/** Value of an address in words. */
export function findWords(
  table: Pick<RangeTable, 'find4' | 'find6'>,
  family: 4 | 6,
  words: ArrayLike<number>,
): number {
  return family === 4 ? table.find4(words[0]) : table.find6(words[0], words[1], words[2], words[3]);
}
