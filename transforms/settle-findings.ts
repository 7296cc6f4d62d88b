import { jsonCoder } from '../beam/coders.js';
import { foldPerKey, registerFold } from '../beam/fold-per-key.js';
import { windowInto } from '../beam/windows.js';
import type { PCollection } from 'apache-beam';
import type { Finding } from '../pipeline/finding.js';
import { summarized } from './collapse.js';
import { findingFiring, type StreamTiming } from './firing.js';

/** All findings of one filter, finding window and shard, as one pane knows them. */
export interface FindingSet {
  /** Grows from pane to pane. */
  readonly revision: number;
  readonly part: number;
  readonly findings: readonly Finding[];
  /** Of a value that stands for many: what is known of findings so far. */
  readonly ledger?: readonly LedgerEntry[];
}

interface LedgerEntry {
  readonly finding: Finding;
  /** Revision of the pane that had it last. */
  readonly seen: number;
}

registerFold<null, FindingSet>('flowsieve/settle-findings', () => {
  const ledger = new Map<string, LedgerEntry>();
  let latest = -1;
  return {
    add(set): void {
      for (const entry of set.ledger ?? []) ledger.set(entry.finding.id, entry);
      for (const finding of set.findings) {
        const known = ledger.get(finding.id);
        if (known !== undefined && known.seen > set.revision) continue;
        const revision = revisionAfter(known, finding, latest);
        ledger.set(finding.id, { finding: { ...finding, revision }, seen: set.revision });
      }
      latest = Math.max(latest, set.revision);
    },
    finish(context): void {
      for (const { finding, seen } of ledger.values()) {
        context.emit('findings', seen >= latest ? finding : withdrawn(finding));
      }
    },
    compact: () => [{ revision: latest, part: 0, findings: [], ledger: [...ledger.values()] }],
  };
});

/** A revision that outranks what was told before, also where fewer records are left. */
function revisionAfter(known: LedgerEntry | undefined, finding: Finding, latest: number): number {
  if (known === undefined) return finding.revision;
  const { revision } = known.finding;
  // Its withdrawal took the revision after its own.
  if (known.seen < latest) return Math.max(finding.revision, revision + 2);
  if (finding.revision > revision) return finding.revision;
  const same = JSON.stringify({ ...finding, revision }) === JSON.stringify(known.finding);
  return same ? revision : revision + 1;
}

/** The finding as it is told once nothing of it holds any more. */
export function withdrawn(finding: Finding): Finding {
  return summarized({ ...finding, status: 'withdrawn', revision: finding.revision + 1 });
}

/**
 * Findings of groups, pane by pane -> their revisions, and withdrawals of those that a later pane no
 * longer has: a group that stopped to qualify says nothing.
 */
export function settleFindings(
  sets: PCollection<{ key: string; value: FindingSet }>,
  filter: string,
  findingWindowMs: number,
  timing: StreamTiming,
): PCollection<Finding> {
  const { findings } = foldPerKey(
    windowInto(sets, `windows of sets of ${filter}`, findingWindowMs, findingFiring(timing)),
    `settle ${filter}`,
    { fold: 'flowsieve/settle-findings', params: null },
    { findings: jsonCoder },
  );
  return windowInto<Finding>(findings, `leave windows of sets of ${filter}`, null);
}
