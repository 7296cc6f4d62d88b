import { jsonCoder } from '../beam/coders.js';
import { applyFn, registerFn } from '../beam/fn.js';
import type { PCollection } from 'apache-beam';
import { detectHits } from '../filters/detect.js';
import { filterById } from '../filters/filters.js';
import { preparePolicies, type FilterPlan, type PreparedPolicies } from '../filters/policies.js';
import type { ConversationBatch } from '../pipeline/conversation-batch.js';
import type { Hit } from '../pipeline/hit.js';
import type { ManifestRef } from '../reference/snapshot.js';
import { REFERENCE_SIDE, referenceOf } from './reference-side.js';

registerFn<FilterPlan, ConversationBatch>('flowsieve/filter', (plan, context) => {
  const filter = filterById(plan.id);
  let version: string | undefined;
  let policies: PreparedPolicies | undefined;
  return {
    process(batch): void {
      const reference = referenceOf(context);
      if (policies === undefined || reference.version !== version) {
        policies = preparePolicies(filter, plan, reference);
        ({ version } = reference);
      }
      let hits = 0;
      detectHits(batch, reference, filter, policies, (hit) => {
        hits++;
        context.emit('hits', hit);
      });
      if (hits > 0) context.count(`hits/${plan.id}`, hits);
    },
  };
});

/** Conversations -> hits of one filter under every customer's policy. */
export function applyFilter(
  conversations: PCollection<ConversationBatch>,
  reference: PCollection<ManifestRef>,
  plan: FilterPlan,
): PCollection<Hit> {
  return applyFn(conversations, {
    name: `filter ${plan.id}`,
    fn: 'flowsieve/filter',
    params: plan,
    sides: { [REFERENCE_SIDE]: reference },
    outputs: { hits: jsonCoder },
  })['hits'] as PCollection<Hit>;
}
