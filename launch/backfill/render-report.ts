import { renderTable } from '../text-table.js';
import { printable } from '../terminal-text.js';
import type { BackfillReport } from './run-backfill.js';

const HEAD = ['partition', 'files', 'flows', 'findings', 'state', ''];

/** The end table of a backfill, for people: a line a partition, then what there is to say. No line feed at its end. */
export function renderReport(report: BackfillReport, { table }: { table: boolean }): string {
  const rows = report.partitions.map(({ partition, files, rows, findings, state, note }) => [
    partition,
    count(files),
    count(rows),
    count(findings),
    state,
    note,
  ]);
  const body = renderTable([HEAD, ...rows], ['left', 'right', 'right', 'right', 'left', 'left'], {
    framed: table,
  });
  const states = ['judged', 'unchanged', 'failed'].flatMap((wanted) => {
    const of = report.partitions.filter(({ state }) => state === wanted).length;
    return of === 0 ? [] : [`${of} ${wanted}`];
  });
  const notices = report.notices.map((notice) => `note: ${printable(notice)}`);
  const sum = `${report.partitions.length} partitions: ${states.join(', ')}; ${count(report.findings)} findings in all`;
  return [body, ...notices, sum].join('\n');
}

function count(value: number | null): string {
  return value === null ? '-' : value.toLocaleString('en-US');
}
