import Table from 'cli-table3';
import type { Comparison } from '../compare-labels.js';
import { printable } from '../terminal-text.js';
import type { FindingsDiff } from './diff.js';
import type { LabelledMeasure } from './judge-labelled.js';
import type { FilterMeasure, Proportion } from './measure.js';
import { rateName } from './plot.js';
import type { JudgedFinding } from './read-findings.js';

/** Lines of one kind and filter beyond these are counted: JSON has all. */
const SHOWN_LINES = 5;

/** What was measured at one sampling rate, by name; undefined where there was nothing to measure. */
export interface RatePoint {
  /** 1 in N packets. */
  readonly rate: number;
  readonly recalls: ReadonlyMap<string, Proportion | undefined>;
  readonly precisions: ReadonlyMap<string, Proportion | undefined>;
}

/** Planted, found, missed, false, precision and recall, a line a filter. */
export function measureTable(filters: readonly FilterMeasure[]): string {
  return table(
    ['filter', 'planted', 'found', 'missed', 'false', 'precision', 'recall', 'near-misses silent'],
    filters.map((row) => [
      row.filter,
      row.planted,
      row.found,
      row.missed,
      row.false,
      withInterval(row.precision),
      withInterval(row.recall),
      row.silent,
    ]),
  );
}

/** What was missed and what is false, a line each, the first of each filter. */
export function mistakes({ filters, missed, false: wrong }: Comparison): string {
  const lines = filters.flatMap(({ filter }) => [
    ...first(missed, ofFilter(filter), (label) => {
      const about = label.subject ?? label.customerAddress ?? label.customer;
      return (
        `missed: ${filter} ${label.scenario}: ${label.customer} ${about} and ` +
        `${label.remoteAddress ?? '-'}, ${label.service}, ${label.indicator}, ${label.day}`
      );
    }),
    ...first(
      wrong,
      ({ finding }) => finding.filter === filter,
      ({ finding, nearMiss }) =>
        `false: ${filter}: ${finding.customer} ${finding.subject} and ` +
        `${finding.remoteAddress ?? '-'}, ${finding.service}, ${finding.indicator}` +
        (nearMiss === undefined ? '' : `: near-miss ${nearMiss.scenario}`) +
        ` (${finding.id})`,
    ),
  ]);
  return joined(lines);
}

/** Recall and precision, a line a name, a column a sampling rate. */
export function rateTables(points: readonly RatePoint[]): string {
  const recalls = points.map(({ rate, recalls: shares }) => ({ rate, shares }));
  const precisions = points.map(({ rate, precisions: shares }) => ({ rate, shares }));
  return rateTable('recall', recalls) + rateTable('precision', precisions);
}

function rateTable(
  head: string,
  points: readonly { readonly rate: number; readonly shares: RatePoint['recalls'] }[],
): string {
  const names = [...new Set(points.flatMap(({ shares }) => [...shares.keys()]))].sort();
  return table(
    [head, ...points.map(({ rate }) => rateName(rate))],
    names.map((name) => [name, ...points.map(({ shares }) => share(shares.get(name)))]),
  );
}

/** Findings of each filter beside the labels of a log, and what of each kind of malice they name. */
export function labelledTables({ filters, details }: LabelledMeasure): string {
  const findings = table(
    ['filter', 'findings', 'true', 'false', 'unjudged', 'precision'],
    filters.map((row) => [
      row.filter,
      row.findings,
      row.true,
      row.false,
      row.unjudged,
      withInterval(row.precision),
    ]),
  );
  const named = table(
    ['labelled', 'remotes', 'found', 'recall', 'hosts', 'found', 'by filter'],
    details.map((row) => [
      row.detail,
      row.labelled,
      row.found,
      withInterval(row.recall),
      row.hosts,
      row.hostsFound,
      row.byFilter.map(({ filter, found }) => `${filter} ${found}`).join(', ') || '-',
    ]),
  );
  return findings + named;
}

/** The findings that no label supports, a line each, the first of each filter. */
export function falseLines({ filters, false: wrong }: LabelledMeasure): string {
  const lines = filters.flatMap(({ filter }) =>
    first(wrong, ofFilter(filter), ({ summary, id }) => `false: ${filter}: ${summary} (${id})`),
  );
  return joined(lines);
}

/** Counts a filter, then the first findings of each filter that differ. */
export function diffText(diff: FindingsDiff): string {
  const counts = table(
    ['filter', 'newly fired', 'silenced', 'changed', 'same'],
    diff.filters.map((row) => [row.filter, row.fired, row.silenced, row.changed, row.same]),
  );
  const lines = diff.filters.flatMap(({ filter }) => [
    ...first(diff.fired, ofFilter(filter), (finding) => `fired: ${told(finding)}`),
    ...first(diff.silenced, ofFilter(filter), (finding) => `silenced: ${told(finding)}`),
    ...first(
      diff.changed,
      ({ after }) => after.filter === filter,
      ({ before, after }) =>
        `changed: ${filter} (${before.severity}/${before.confidence} to ` +
        `${after.severity}/${after.confidence}): ${after.summary} (${after.id})`,
    ),
  ]);
  return counts + joined(lines);
}

function told({ filter, severity, confidence, summary, id }: JudgedFinding): string {
  return `${filter} (${severity}/${confidence}): ${summary} (${id})`;
}

function ofFilter(filter: string): (item: { readonly filter: string }) => boolean {
  return (item) => item.filter === filter;
}

/** Lines of the first of those items that are wanted, and how many more there are. */
function first<T>(
  items: readonly T[],
  wanted: (item: T) => boolean,
  line: (item: T) => string,
): readonly string[] {
  const own = items.filter(wanted);
  const lines = own.slice(0, SHOWN_LINES).map(line);
  return own.length <= SHOWN_LINES ? lines : [...lines, `... and ${own.length - SHOWN_LINES} more`];
}

function joined(lines: readonly string[]): string {
  return lines.map((line) => `${printable(line)}\n`).join('');
}

/** `0.83 (5/6)`; `-` where there was nothing. */
function share(proportion: Proportion | undefined): string {
  if (proportion === undefined) return '-';
  const { successes, trials } = proportion;
  return `${(successes / trials).toFixed(2)} (${successes}/${trials})`;
}

/** `0.83 (0.36-1.00)`. */
function withInterval(proportion: Proportion | undefined): string {
  if (proportion === undefined) return '-';
  const { successes, trials, low, high } = proportion;
  return `${(successes / trials).toFixed(2)} (${low.toFixed(2)}-${high.toFixed(2)})`;
}

/** Framed; the first column is text, the others are numbers. Names are made printable. */
function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const framed = new Table({
    head: [...head],
    colAligns: head.map((_, column) => (column === 0 ? 'left' : 'right')),
    style: { head: [], border: [], compact: true },
  });
  for (const row of rows) framed.push(row.map((cell) => printable(String(cell))));
  return `${framed.toString()}\n`;
}
