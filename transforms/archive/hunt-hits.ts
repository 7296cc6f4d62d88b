import { jsonCoder } from '../../beam/coders.js';
import { applyFn, registerFn } from '../../beam/fn.js';
import type { PCollection } from 'apache-beam';
import { detectHits } from '../../filters/detect.js';
import { filterOfShape } from '../../filters/filters.js';
import type { FilterPlan } from '../../filters/policies.js';
import {
  decodeConversationBatch,
  encodeConversationBatch,
  type ConversationBatch,
} from '../../pipeline/conversation-batch.js';
import type { Hit } from '../../pipeline/hit.js';
import type { Reference } from '../../reference/reference.js';
import { openSnapshot, type ManifestRef } from '../../reference/snapshot.js';
import { findingKey } from '../collapse/finding-state.js';
import type { HitSet } from '../filter.js';
import { joinReferenceTables } from '../join/reference.js';
import { preparedFor } from '../prepared-policies.js';
import { REFERENCE_SIDE, referenceOf } from '../reference-side.js';

/** Name of the side input with the snapshot that has judged before; null = none has. */
const BEFORE_SIDE = 'before';

interface HuntHitsParams {
  /** Of filters that judge single conversations. */
  readonly plans: readonly FilterPlan[];
  readonly findingWindowMs: number;
}

registerFn<HuntHitsParams, ConversationBatch>(
  'flowsieve/hunt-hits',
  ({ plans, findingWindowMs }, context) => {
    const keyed = plans.map((plan) => ({ plan, planKey: JSON.stringify(plan) }));
    return {
      process(batch): void {
        const reference = referenceOf(context);
        const [before] = context.side(BEFORE_SIDE) as readonly (ManifestRef | null)[];
        // A batch is changed by being joined, and its ids mean something in one snapshot only.
        const joined = joinReferenceTables(copyOf(batch), reference);
        let known: { batch: ConversationBatch; reference: Reference } | undefined;
        for (const { plan, planKey } of keyed) {
          const hits = hitsOf(joined, reference, plan, planKey);
          if (hits.length === 0) continue;
          context.count(`hits/${plan.id}`, hits.length);
          let told = NONE;
          if (before !== null) {
            known ??= joinedWith(batch, openSnapshot(before));
            const earlier = hitsOf(known.batch, known.reference, plan, planKey);
            told = new Set(earlier.map((hit) => findingKey(hit, findingWindowMs)));
          }
          const late = hits.filter((hit) => !told.has(findingKey(hit, findingWindowMs)));
          if (late.length === 0) continue;
          const set: HitSet = { filter: plan.id, origin: batch.origin, hits: late };
          context.emit('hits', set);
        }
      },
    };
  },
);

const NONE: ReadonlySet<string> = new Set();

function copyOf(batch: ConversationBatch): ConversationBatch {
  return decodeConversationBatch(encodeConversationBatch(batch));
}

function joinedWith(
  batch: ConversationBatch,
  reference: Reference,
): { batch: ConversationBatch; reference: Reference } {
  return { batch: joinReferenceTables(copyOf(batch), reference), reference };
}

function hitsOf(
  batch: ConversationBatch,
  reference: Reference,
  plan: FilterPlan,
  planKey: string,
): Hit[] {
  const filter = filterOfShape(plan.id, 'conversation');
  const policies = preparedFor(filter, plan, planKey, reference);
  const hits: Hit[] = [];
  detectHits(batch, reference, filter, policies, (hit) => hits.push(hit));
  return hits;
}

/**
 * Conversations that are not joined yet -> hits of the filters under the snapshot `reference`, less
 * those of findings that the snapshot `before` gives for the same batch: they have been told.
 */
export function huntHits(
  conversations: PCollection<ConversationBatch>,
  reference: PCollection<ManifestRef>,
  before: PCollection<ManifestRef | null>,
  params: HuntHitsParams,
): PCollection<HitSet> {
  return applyFn(conversations, {
    name: 'hunt hits',
    fn: 'flowsieve/hunt-hits',
    params,
    sides: { [REFERENCE_SIDE]: reference, [BEFORE_SIDE]: before },
    outputs: { hits: jsonCoder },
  })['hits'];
}
