import { jsonCoder } from '../beam/coders.js';
import { applyFn, registerFn } from '../beam/fn.js';
import type { PCollection } from 'apache-beam';
import { Timing, type PaneInfo } from 'apache-beam/values';
import { detectHits } from '../filters/detect.js';
import { filterOfShape, type Filter } from '../filters/filters.js';
import type { FilterPlan } from '../filters/policies.js';
import type { BatchOrigin, ConversationBatch } from '../pipeline/conversation-batch.js';
import type { Hit } from '../pipeline/hit.js';
import type { ManifestRef } from '../reference/snapshot.js';
import { PaneMemory } from './panes/pane-memory.js';
import { preparedFor } from './prepared-policies.js';
import { REFERENCE_SIDE, referenceOf } from './reference-side.js';

/** All that one filter detected in one batch. An empty one tells that an earlier pane's hits are gone. */
export interface HitSet {
  readonly filter: string;
  readonly origin: BatchOrigin;
  readonly hits: readonly Hit[];
}

/** Whether an early pane, or an earlier one, had hits. */
const memory = new PaneMemory<'hits'>();

/** An empty set is worth telling only where an earlier pane may have had hits. */
function tells(filter: Filter, origin: BatchOrigin, pane: PaneInfo, hit: boolean): boolean {
  if (pane.isFirst && pane.isLast) return hit;
  const place = `${filter.id} ${origin.key} ${origin.part}`;
  const index = filter.early ? pane.index : pane.onTimeIndex;
  const before = memory.earlier(place, index);
  const had = hit || (before?.has('hits') ?? true);
  memory.remember(place, index, pane.isLast, had ? HITS : NONE);
  return had;
}

const HITS: ReadonlySet<'hits'> = new Set(['hits'] as const);
const NONE: ReadonlySet<'hits'> = new Set();

registerFn<FilterPlan, ConversationBatch>('flowsieve/filter', (plan, context) => {
  const filter = filterOfShape(plan.id, 'conversation');
  const planKey = JSON.stringify(plan);
  return {
    process(batch, { pane }): void {
      // An early pane has the conversations whose side is proven.
      if (pane.timing === Timing.EARLY && !filter.early) return;
      const reference = referenceOf(context);
      const policies = preparedFor(filter, plan, planKey, reference);
      const hits: Hit[] = [];
      detectHits(batch, reference, filter, policies, (hit) => {
        hits.push(hit);
      });
      if (hits.length > 0) context.count(`hits/${plan.id}`, hits.length);
      if (!tells(filter, batch.origin, pane, hits.length > 0)) return;
      context.emit('hits', { filter: plan.id, origin: batch.origin, hits } satisfies HitSet);
    },
  };
});

/** Conversations -> hits of one filter under every customer's policy. */
export function applyFilter(
  conversations: PCollection<ConversationBatch>,
  reference: PCollection<ManifestRef>,
  plan: FilterPlan,
): PCollection<HitSet> {
  return applyFn(conversations, {
    name: `filter ${plan.id}`,
    fn: 'flowsieve/filter',
    params: plan,
    sides: { [REFERENCE_SIDE]: reference },
    outputs: { hits: jsonCoder },
  })['hits'];
}
