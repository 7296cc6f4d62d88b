import { printable } from '../terminal-text.js';
import { renderTable } from '../text-table.js';
import { countersSince, countersUnder, recordsRead, type JobCounters } from './job-counters.js';
import type { LatencyHistogram } from './latency.js';
import { bytesText, countText, durationText } from './quantities.js';
import type { StreamStatus } from './stream-status.js';

/** What a streaming job did from its start to its end. */
export interface StreamRun {
  /** At the end. */
  readonly status: StreamStatus;
  /** Counters at its start: those of earlier processes on the same state; empty at the first. */
  readonly before: JobCounters;
  /** From the arrival of a flow until its first finding was written. */
  readonly latency: LatencyHistogram;
  readonly seconds: number;
}

/** What the end table holds, in order. A section without rows is left out. */
interface Section {
  readonly title: string;
  readonly rows: readonly Row[];
}

/** Name, count, and what there is to say of it. */
type Row = readonly [name: string, count: string, note: string];

/**
 * The end table of a streaming job, for people, in the style of a batch run's. Counts are this
 * process' own. No line feed at its end.
 */
export function renderStreamSummary(
  run: StreamRun,
  { table }: { readonly table: boolean },
): string {
  const cells = sectionsOf(run).flatMap(({ title, rows }) =>
    rows.map((row, i) => [i === 0 ? title : '', ...row]),
  );
  const body = renderTable(cells, ['left', 'left', 'right', 'left'], { framed: table });
  const { problem } = run.status;
  return problem === undefined ? body : `${body}\nnote: ${printable(problem)}`;
}

function sectionsOf({ status, before, latency, seconds }: StreamRun): readonly Section[] {
  const counters = countersSince(status.counters, before);
  const records = recordsRead(counters);
  const total = recordsRead(status.counters);
  const rate = seconds > 0 ? `, ${countText(Math.round(records / seconds))}/s` : '';
  const since = total > records ? `; ${countText(total)} since the state began` : '';
  const { state } = status;
  const findings = rowsUnder(counters, 'findings/');
  const sections: Section[] = [
    {
      title: 'read',
      rows: [['records', countText(records), `in ${durationText(seconds * 1000)}${rate}${since}`]],
    },
    { title: 'rejected', rows: rowsUnder(counters, 'rejects/') },
    { title: 'skipped', rows: rowsUnder(counters, 'skipped/') },
    { title: 'dropped', rows: rowsUnder(counters, 'dropped/') },
    { title: 'conversations', rows: rowsUnder(counters, 'conversations/') },
    { title: 'findings', rows: findings.length === 0 ? [['none', '0', '']] : findings },
    { title: 'hidden', rows: rowsUnder(counters, 'hidden/') },
    { title: 'latency', rows: latencyRows(latency) },
    {
      title: 'state',
      rows: [
        ['commits', countText(state.commits), ''],
        ['open groups', countText(state.groups), bytesText(state.bytes)],
      ],
    },
  ];
  return sections.filter(({ rows }) => rows.length > 0);
}

function latencyRows(latency: LatencyHistogram): Row[] {
  if (latency.count === 0) return [];
  const note = `of ${countText(latency.count)} findings, from the arrival of the flow`;
  return [
    ['p50', durationText(latency.quantile(0.5)), note],
    ['p99', durationText(latency.quantile(0.99)), ''],
  ];
}

function rowsUnder(counters: JobCounters, prefix: string): Row[] {
  return countersUnder(counters, prefix).map(([rest, n]) => [
    rest.replace('/', ' '),
    countText(n),
    '',
  ]);
}
