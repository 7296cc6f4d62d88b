import Table from 'cli-table3';
import { printable } from './terminal-text.js';

export type Align = 'left' | 'right';

/** The last column is wrapped there, in characters. */
const LAST_WIDTH = 60;

/**
 * Rows as text for people: framed where it goes to a terminal, else aligned by spaces. Cells are
 * made printable. Rows must not be none. No line feed at the end.
 */
export function renderTable(
  rows: readonly (readonly string[])[],
  aligns: readonly Align[],
  { framed }: { readonly framed: boolean },
): string {
  const cells = rows.map((row) => row.map(printable));
  return framed ? framedTable(cells, aligns) : alignedTable(cells, aligns);
}

function framedTable(rows: readonly (readonly string[])[], aligns: readonly Align[]): string {
  const last = aligns.length - 1;
  const widest = Math.max(...rows.map((row) => row[last].length));
  const table = new Table({
    colAligns: [...aligns],
    style: { head: [], border: [], compact: true },
    wordWrap: true,
    colWidths: aligns.map((_, i) => (i === last && widest > LAST_WIDTH ? LAST_WIDTH : null)),
  });
  for (const row of rows) table.push([...row]);
  return table.toString();
}

function alignedTable(rows: readonly (readonly string[])[], aligns: readonly Align[]): string {
  const widths = aligns.map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  const pad = (cell: string, column: number): string =>
    aligns[column] === 'left' ? cell.padEnd(widths[column]) : cell.padStart(widths[column]);
  return rows.map((row) => row.map(pad).join('  ').trimEnd()).join('\n');
}
