import { conversationBatchCoder } from '../beam/coders.js';
import { applyFn, registerFn } from '../beam/fn.js';
import type { PCollection } from 'apache-beam';
import type { Join } from '../filters/filter.js';
import type { ConversationBatch } from '../pipeline/conversation-batch.js';
import type { ManifestRef } from '../reference/snapshot.js';
import { joinReferenceTables } from './join/reference.js';
import { REFERENCE_SIDE, referenceOf } from './reference-side.js';

interface JoinReferenceParams {
  readonly joins: readonly Join[];
}

registerFn<JoinReferenceParams, ConversationBatch>(
  'flowsieve/join-reference',
  ({ joins }, context) => {
    const wanted = new Set(joins);
    return {
      process(batch): void {
        context.count('kept/join-reference', batch.rows);
        const joined = joinReferenceTables(batch, referenceOf(context), wanted);
        context.emit('conversations', joined);
      },
    };
  },
);

/** Conversations -> conversations with the ids of what the reference tables hold of them. */
export function joinReference(
  conversations: PCollection<ConversationBatch>,
  reference: PCollection<ManifestRef>,
  joins: readonly Join[],
): PCollection<ConversationBatch> {
  return applyFn(conversations, {
    name: 'join reference',
    fn: 'flowsieve/join-reference',
    params: { joins } satisfies JoinReferenceParams,
    sides: { [REFERENCE_SIDE]: reference },
    outputs: { conversations: conversationBatchCoder },
  })['conversations'];
}
