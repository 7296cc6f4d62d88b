import type { JudgedFinding } from './read-findings.js';

/** A finding of both sides that is graded otherwise. */
export interface ChangedFinding {
  readonly before: JudgedFinding;
  readonly after: JudgedFinding;
}

/** How many findings of one filter differ, and how. */
export interface FilterDiff {
  readonly filter: string;
  /** Only in B. */
  readonly fired: number;
  /** Only in A. */
  readonly silenced: number;
  /** In both, with another severity or confidence. */
  readonly changed: number;
  readonly same: number;
}

/** What B would have told otherwise than A. Lists are sorted by filter, customer and id. */
export interface FindingsDiff {
  /** One a filter of either side, sorted. */
  readonly filters: readonly FilterDiff[];
  readonly fired: readonly JudgedFinding[];
  readonly silenced: readonly JudgedFinding[];
  readonly changed: readonly ChangedFinding[];
}

/**
 * Compares the findings of two runs, both by id. The indicator is part of a finding's id: where a
 * feed names a prefix instead of its address, one finding falls silent and another fires.
 */
export function diffFindings(
  a: ReadonlyMap<string, JudgedFinding>,
  b: ReadonlyMap<string, JudgedFinding>,
): FindingsDiff {
  const fired = [...b.values()].filter(({ id }) => !a.has(id)).sort(byPlace);
  const silenced: JudgedFinding[] = [];
  const changed: ChangedFinding[] = [];
  const same: JudgedFinding[] = [];
  for (const before of [...a.values()].sort(byPlace)) {
    const after = b.get(before.id);
    if (after === undefined) silenced.push(before);
    else if (before.severity !== after.severity || before.confidence !== after.confidence)
      changed.push({ before, after });
    else same.push(before);
  }
  const names = new Set([...a.values(), ...b.values()].map(({ filter }) => filter));
  const of = (filter: string, findings: readonly JudgedFinding[]): number =>
    findings.filter((finding) => finding.filter === filter).length;
  const filters = [...names].sort().map((filter) => ({
    filter,
    fired: of(filter, fired),
    silenced: of(filter, silenced),
    changed: of(
      filter,
      changed.map(({ after }) => after),
    ),
    same: of(filter, same),
  }));
  return { filters, fired, silenced, changed };
}

function byPlace(a: JudgedFinding, b: JudgedFinding): number {
  return order(a.filter, b.filter) || order(a.customer, b.customer) || order(a.id, b.id);
}

/** By code unit: the same on every machine. */
function order(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
