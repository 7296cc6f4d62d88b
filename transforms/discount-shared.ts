import { jsonCoder } from '../beam/coders.js';
import { applyFn, registerFn } from '../beam/fn.js';
import type { PCollection } from 'apache-beam';
import { discountShared } from '../filters/shared-in-effect.js';
import type { History } from '../history/history.js';
import { openHistory } from '../history/open-history.js';
import type { HistoryRef } from '../history/store.js';
import type { Finding } from '../pipeline/finding.js';
import type { Notice } from '../pipeline/notice.js';
import { summarized } from './collapse.js';
import { withdrawn } from './settle-findings.js';
import { regraded } from './suppress.js';

const HISTORY_SIDE = 'history';

registerFn<null, Finding>('flowsieve/discount-shared', (_params, context) => {
  /** By start of the finding window: to find an opened history again costs a hash of its reference. */
  const histories = new Map<number, History>();
  return {
    async process(finding, { pane }): Promise<void> {
      const [ref] = context.side(HISTORY_SIDE) as readonly (HistoryRef | null)[];
      if (ref === null) {
        context.emit('findings', finding);
        return;
      }
      const startMs = Date.parse(finding.windowStart);
      let history = histories.get(startMs);
      if (history === undefined) {
        history = await openHistory(ref, startMs);
        histories.set(startMs, history);
      }
      const { finding: left, notices } = discountShared(finding, history);
      for (const notice of notices) context.emit('notices', notice);
      if (left === undefined) {
        context.count('dropped/discount-shared/shared-in-effect');
        // An earlier pane may have been told when less was known.
        if (!pane.isFirst) context.emit('findings', withdrawn(finding));
        return;
      }
      context.emit('findings', left === finding ? finding : summarized(regraded(left)));
    },
  };
});

/**
 * Findings -> those that still hold where the history shows that the remote is shared in effect.
 * After collapse, because the history of the run's own days is complete only then.
 */
export function discountSharedRemotes(
  findings: PCollection<Finding>,
  history: PCollection<HistoryRef | null>,
): { findings: PCollection<Finding>; notices: PCollection<Notice> } {
  const { findings: left, notices } = applyFn(findings, {
    name: 'discount shared',
    fn: 'flowsieve/discount-shared',
    params: null,
    sides: { [HISTORY_SIDE]: history },
    outputs: { findings: jsonCoder, notices: jsonCoder },
  });
  return { findings: left, notices };
}
