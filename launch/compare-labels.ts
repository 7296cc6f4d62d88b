import type { Finding } from '../pipeline/finding.js';
import { labelKey, type Label } from './generate/label.js';

/** What of a finding identifies it beside a label. */
export type ComparedFinding = Pick<
  Finding,
  | 'id'
  | 'filter'
  | 'customer'
  | 'customerAddress'
  | 'remoteAddress'
  | 'service'
  | 'indicator'
  | 'windowStart'
>;

/** Findings of one filter beside what was planted for it. */
export interface FilterComparison {
  readonly filter: string;
  /** Labels that must be found. */
  readonly planted: number;
  readonly found: number;
  readonly missed: number;
  /** Findings that no label asks for. */
  readonly false: number;
  /** Near-misses and suppressed risks that rightly did not fire. */
  readonly silent: number;
}

/** A finding that nobody planted, and what it was taken for, if it was a near-miss. */
export interface FalseFinding {
  readonly finding: ComparedFinding;
  readonly nearMiss: Label | undefined;
}

export interface Comparison {
  /** One a filter, sorted. */
  readonly filters: readonly FilterComparison[];
  readonly missed: readonly Label[];
  readonly false: readonly FalseFinding[];
}

/**
 * Compares findings with labels by filter, customer, both addresses, service, indicator and UTC day.
 * Several findings of one key are one. The finding window must be a day.
 */
export function compareLabels(
  labels: Iterable<Label>,
  findings: Iterable<ComparedFinding>,
): Comparison {
  const wanted = new Map<string, Label>();
  const unwanted = new Map<string, Label>();
  for (const label of labels) {
    if (label.expect === 'finding') wanted.set(labelKey(label), label);
    else unwanted.set(relationKey(label), label);
  }
  const found = new Set<string>();
  const wrong = new Map<string, FalseFinding>();
  for (const finding of findings) {
    const keyed = { ...finding, day: finding.windowStart.slice(0, 10) };
    const key = labelKey(keyed);
    if (wanted.has(key)) found.add(key);
    else wrong.set(key, { finding, nearMiss: unwanted.get(relationKey(keyed)) });
  }
  const missed = [...wanted].filter(([key]) => !found.has(key)).map(([, label]) => label);
  const falseFindings = [...wrong.values()];
  const fired = new Set(falseFindings.map(({ nearMiss }) => nearMiss));
  const silent = [...unwanted.values()].filter((label) => !fired.has(label));

  const names = new Set([
    ...[...wanted.values(), ...unwanted.values()].map(({ filter }) => filter),
    ...falseFindings.map(({ finding }) => finding.filter),
  ]);
  const filters = [...names].sort().map((filter) => {
    const planted = count([...wanted.values()], filter);
    const missing = count(missed, filter);
    return {
      filter,
      planted,
      found: planted - missing,
      missed: missing,
      false: falseFindings.filter(({ finding }) => finding.filter === filter).length,
      silent: count(silent, filter),
    };
  });
  return { filters, missed, false: falseFindings };
}

/** Two addresses and a filter: a near-miss has no indicator, and may fire under another service. */
function relationKey(
  label: Pick<Label, 'filter' | 'customer' | 'customerAddress' | 'remoteAddress' | 'day'>,
): string {
  const { filter, customer, customerAddress, remoteAddress, day } = label;
  return JSON.stringify([filter, customer, customerAddress, remoteAddress, day]);
}

function count(labels: readonly Label[], filter: string): number {
  return labels.filter((label) => label.filter === filter).length;
}
