import { jsonCoder } from '../beam/coders.js';
import { applyFn, registerFn } from '../beam/fn.js';
import type { PCollection } from 'apache-beam';
import { filterById } from '../filters/filters.js';
import { applySuppressions, type Suppression } from '../filters/suppression.js';
import type { Finding } from '../pipeline/finding.js';
import { summarized } from './collapse.js';

/** Name of the side input with the analyst's exceptions. */
const SUPPRESSIONS_SIDE = 'suppressions';

interface SuppressParams {
  /** Ms since 1970 UTC that expiry is compared with; null = the clock. */
  readonly nowMs: number | null;
}

registerFn<SuppressParams, Finding>('flowsieve/suppress', ({ nowMs }, context) => ({
  process(finding): void {
    const [entries] = context.side(SUPPRESSIONS_SIDE) as readonly (readonly Suppression[])[];
    const {
      finding: left,
      hiddenBy,
      reducedBy,
    } = applySuppressions(finding, entries, nowMs ?? Date.now());
    for (const id of hiddenBy) context.count(`hidden/${id}`);
    if (left === undefined) {
      context.count('dropped/suppress/hidden');
      return;
    }
    // What may be told in several panes is counted by who writes it.
    if (nowMs !== null) context.count(`findings/${left.filter}`);
    for (const id of reducedBy) context.count(`reduced/${id}`);
    context.emit('findings', reducedBy.length === 0 ? left : summarized(regraded(left)));
  },
}));

/** The finding as grave as what is left of its evidence makes it. Its id stays, and so its indicator. */
export function regraded(finding: Finding): Finding {
  const severity = filterById(finding.filter).severityOf?.(finding.evidence);
  return severity === undefined ? finding : { ...finding, severity };
}

/** Findings -> those that no exception hides; what each exception hid is counted. */
export function suppress(
  findings: PCollection<Finding>,
  suppressions: PCollection<readonly Suppression[]>,
  nowMs: number | null,
): PCollection<Finding> {
  return applyFn(findings, {
    name: 'suppress',
    fn: 'flowsieve/suppress',
    params: { nowMs } satisfies SuppressParams,
    sides: { [SUPPRESSIONS_SIDE]: suppressions },
    outputs: { findings: jsonCoder },
  })['findings'];
}
