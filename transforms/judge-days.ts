import { jsonCoder } from '../beam/coders.js';
import { applyFn, registerFn } from '../beam/fn.js';
import type { PCollection } from 'apache-beam';
import { filterOfShape } from '../filters/filters.js';
import type { FilterPlan } from '../filters/policies.js';
import type { DayCounts, History } from '../history/history.js';
import { openHistory } from '../history/open-history.js';
import { dayStartMs } from '../history/utc-day.js';
import type { Finding } from '../pipeline/finding.js';
import type { Notice } from '../pipeline/notice.js';
import type { ManifestRef } from '../reference/snapshot.js';
import { groupFinding } from './group/group-finding.js';
import type { JudgedDay } from './history.js';
import { preparedFor } from './prepared-policies.js';
import { REFERENCE_SIDE, referenceOf } from './reference-side.js';

registerFn<FilterPlan, JudgedDay>('flowsieve/judge-day', (plan, context) => {
  const filter = filterOfShape(plan.id, 'day');
  const planKey = JSON.stringify(plan);
  return {
    async process({ day, history: ref }): Promise<void> {
      const startMs = dayStartMs(day);
      const history = await openHistory(ref, startMs);
      const counts = history.counts(day);
      if (counts === undefined) return;
      const reference = referenceOf(context);
      const policies = preparedFor(filter, plan, planKey, reference);
      for (const customer of customersOf(counts, history)) {
        const policy = policies.forCustomer(customer);
        if (policy === undefined) continue;
        for (const detection of filter.detect(customer, counts, history, policy.prepared)) {
          context.count(`hits/${plan.id}`);
          context.emit('findings', groupFinding(filter, detection, startMs, reference));
        }
      }
      for (const notice of filter.notices(counts, history)) context.emit('notices', notice);
    },
  };
});

/** Of the day and of those before it: who fell silent is not in the day. */
function customersOf(counts: DayCounts, history: History): readonly string[] {
  const before = history.days.flatMap((day) => history.counts(day)?.customers ?? []);
  return [...new Set([...counts.customers, ...before])].sort();
}

/**
 * Days of the history -> findings of one filter that judges whole days, and notices about sensors.
 * Its finding window is the UTC day, whatever that of the others is.
 */
export function judgeDays(
  judged: PCollection<JudgedDay>,
  reference: PCollection<ManifestRef>,
  plan: FilterPlan,
): { findings: PCollection<Finding>; notices: PCollection<Notice> } {
  const { findings, notices } = applyFn(judged, {
    name: `judge ${plan.id}`,
    fn: 'flowsieve/judge-day',
    params: plan,
    sides: { [REFERENCE_SIDE]: reference },
    outputs: { findings: jsonCoder, notices: jsonCoder },
  });
  return { findings, notices };
}
