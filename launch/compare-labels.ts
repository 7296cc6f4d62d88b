import type { Finding } from '../pipeline/finding.js';
import { labelKey, type Label, type LabelKey } from './generate/label.js';

/** What of a finding identifies it beside a label. */
export type ComparedFinding = Pick<
  Finding,
  | 'id'
  | 'filter'
  | 'customer'
  | 'subject'
  | 'customerAddress'
  | 'remoteAddress'
  | 'service'
  | 'indicator'
  | 'windowStart'
>;

/** Findings of one filter beside what was planted for it. */
export interface FilterComparison {
  readonly filter: string;
  /** Labels that must be found; those of one group (`oneOf`) count as one. */
  readonly planted: number;
  readonly found: number;
  readonly missed: number;
  /** Distinct findings that a label asks for; a group may have several. */
  readonly true: number;
  /** Distinct findings that no label asks for. */
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
  /** Of a group that was missed, its first label. */
  readonly missed: readonly Label[];
  readonly false: readonly FalseFinding[];
}

/** What must be found: a label, or any one of a group. */
interface Demand {
  readonly label: Label;
  found: boolean;
}

/**
 * Compares findings with labels by filter, customer, both addresses, service, indicator and UTC day,
 * and by the subject where the label names one. Several findings of one key are one. The finding
 * window must be a day.
 */
export function compareLabels(
  labels: Iterable<Label>,
  findings: Iterable<ComparedFinding>,
): Comparison {
  const demands = new Map<string, Demand>();
  const wanted = new Map<string, Set<Demand>>();
  const unwanted = new Map<string, Label>();
  for (const label of labels) {
    const { subject, oneOf } = label;
    if (label.expect !== 'finding') {
      unwanted.set(relationKey(label, subject), label);
      continue;
    }
    const key = labelKey(label);
    const name = JSON.stringify(oneOf === undefined ? [key] : [label.filter, oneOf]);
    const demand = demands.get(name) ?? { label, found: false };
    demands.set(name, demand);
    const sharing = wanted.get(key);
    if (sharing === undefined) wanted.set(key, new Set([demand]));
    else sharing.add(demand);
  }

  const right = new Map<string, ComparedFinding>();
  const wrong = new Map<string, FalseFinding>();
  for (const finding of findings) {
    const { subject, ...anySubject } = { ...finding, day: finding.windowStart.slice(0, 10) };
    const key = labelKey({ ...anySubject, subject });
    const met = [...(wanted.get(key) ?? []), ...(wanted.get(labelKey(anySubject)) ?? [])];
    for (const demand of met) demand.found = true;
    if (met.length > 0) {
      right.set(key, finding);
    } else {
      const nearMiss =
        unwanted.get(relationKey(anySubject, subject)) ??
        unwanted.get(relationKey(anySubject, undefined));
      wrong.set(key, { finding, nearMiss });
    }
  }

  const fired = new Set([...wrong.values()].map(({ nearMiss }) => nearMiss));
  const silent = [...unwanted.values()].filter((label) => !fired.has(label));
  const missed = [...demands.values()].filter(({ found }) => !found).map(({ label }) => label);
  const counts = {
    planted: countByFilter([...demands.values()].map(({ label }) => label)),
    missed: countByFilter(missed),
    true: countByFilter(right.values()),
    false: countByFilter([...wrong.values()].map(({ finding }) => finding)),
    silent: countByFilter(silent),
    unwanted: countByFilter(unwanted.values()),
  };
  const names = new Set(Object.values(counts).flatMap((count) => [...count.keys()]));
  const filters = [...names].sort().map((filter) => {
    const planted = counts.planted.get(filter) ?? 0;
    const missing = counts.missed.get(filter) ?? 0;
    return {
      filter,
      planted,
      found: planted - missing,
      missed: missing,
      true: counts.true.get(filter) ?? 0,
      false: counts.false.get(filter) ?? 0,
      silent: counts.silent.get(filter) ?? 0,
    };
  });
  return { filters, missed, false: [...wrong.values()] };
}

/** Who and whom: a near-miss has no indicator, and may fire under another service. */
function relationKey(key: LabelKey, subject: string | undefined): string {
  const { filter, customer, customerAddress, remoteAddress, day } = key;
  return JSON.stringify([filter, customer, customerAddress, remoteAddress, subject, day]);
}

function countByFilter(items: Iterable<{ readonly filter: string }>): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { filter } of items) counts.set(filter, (counts.get(filter) ?? 0) + 1);
  return counts;
}
