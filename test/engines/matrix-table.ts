import { renderTable } from '../../launch/text-table.js';

const COLUMNS = ['case', 'engine', 'in', 'kept', 'out', 'as local'] as const;
const rows: string[][] = [];

/** A line of the table that the conformance tests print at their end. */
export function tell(
  test: string,
  engine: string,
  counts: { readonly in: number; readonly kept: string; readonly out: string },
  same: boolean,
): void {
  rows.push([test, engine, String(counts.in), counts.kept, counts.out, same ? 'yes' : 'NO']);
}

after(() => {
  if (rows.length === 0) return;
  const aligns = COLUMNS.map((column) => (column === 'in' ? 'right' : 'left'));
  process.stdout.write(`\n${renderTable([[...COLUMNS], ...rows], aligns, { framed: false })}\n`);
});
