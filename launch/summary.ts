import type { RunReport } from './run-job.js';
import { printable } from './terminal-text.js';
import { renderTable } from './text-table.js';

/** What the end table holds, in order. A section without rows is left out. */
interface Section {
  readonly title: string;
  readonly rows: readonly Row[];
}

/** Name, count, and what there is to say of it. */
type Row = readonly [name: string, count: string, note: string];

/**
 * The end table of a run, for people: framed on a terminal (`table`), aligned text elsewhere.
 * Notices follow it as sentences. No line feed at its end.
 */
export function renderSummary(report: RunReport, { table }: { readonly table: boolean }): string {
  const cells = sectionsOf(report).flatMap(({ title, rows }) =>
    rows.map((row, i) => [i === 0 ? title : '', ...row]),
  );
  const body = renderTable(cells, ['left', 'left', 'right', 'left'], { framed: table });
  const notices = noticesOf(report).map((notice) => `note: ${printable(notice)}`);
  return [body, ...notices].join('\n');
}

/** Content of `summary.json`: everything but how long it took, so that a rerun writes the same bytes. */
export function summaryJson(report: RunReport): string {
  const { seconds: _, ...rest } = report;
  return `${JSON.stringify(sorted(rest), null, 2)}\n`;
}

function sectionsOf(report: RunReport): readonly Section[] {
  const rate =
    report.seconds > 0 ? `${thousands(Math.round(report.records / report.seconds))}/s` : '';
  const sections: Section[] = [
    {
      title: 'read',
      rows: [
        ['records', thousands(report.records), `in ${report.seconds.toFixed(1)} s, ${rate}`],
        ['flows', thousands(report.rows), 'rows; a two-way record is two'],
      ],
    },
    { title: 'rejected', rows: byFormat(report.rejects) },
    { title: 'skipped', rows: byFormat(report.skipped) },
    {
      title: 'kept',
      rows: report.steps.map(({ step, kept, dropped }) => [step, thousands(kept), drops(dropped)]),
    },
    { title: 'conversations', rows: [['conversations', thousands(report.conversations), '']] },
    { title: 'findings', rows: counted(report.findings) },
    { title: 'hidden', rows: counted(report.hidden) },
    { title: 'less evidence', rows: counted(report.reduced) },
    { title: 'not counted', rows: counted(report.taken) },
  ];
  const found = sections.find(({ title }) => title === 'findings');
  if (found?.rows.length === 0) {
    sections[sections.indexOf(found)] = { title: 'findings', rows: [['none', '0', '']] };
  }
  return sections.filter(({ rows }) => rows.length > 0);
}

function noticesOf(report: RunReport): readonly string[] {
  const expired = report.expiredSuppressions.map(
    (name) => `the suppression ${name} has expired and hides nothing`,
  );
  return [...report.notices, ...expired];
}

function byFormat(counts: Readonly<Record<string, Readonly<Record<string, number>>>>): Row[] {
  return byName(counts).flatMap(([format, reasons]) =>
    byName(reasons).map(([reason, n]): Row => [`${format} ${reason}`, thousands(n), '']),
  );
}

function counted(counts: Readonly<Record<string, number>>): Row[] {
  return byName(counts).map(([name, n]) => [name, thousands(n), '']);
}

function drops(dropped: Readonly<Record<string, number>>): string {
  const some = byName(dropped).filter(([, n]) => n > 0);
  if (some.length === 0) return '';
  return `dropped ${some.map(([reason, n]) => `${thousands(n)} ${reason}`).join(', ')}`;
}

function byName<T>(record: Readonly<Record<string, T>>): [string, T][] {
  return Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1));
}

function thousands(n: number): string {
  return n.toLocaleString('en-US');
}

/** Mappings by key, recursively: the order in which counters were met must not show. Lists stay. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const record = value as Readonly<Record<string, unknown>>;
  return Object.fromEntries(byName(record).map(([key, inner]) => [key, sorted(inner)]));
}
