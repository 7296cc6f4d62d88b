import { conversationBatchCoder } from '../beam/coders.js';
import { applyFn, registerFn } from '../beam/fn.js';
import type { PCollection } from 'apache-beam';
import type { ConversationBatch } from '../pipeline/conversation-batch.js';
import type { ManifestRef } from '../reference/snapshot.js';
import { joinReferenceTables } from './join/reference.js';
import { REFERENCE_SIDE, referenceOf } from './reference-side.js';

registerFn<null, ConversationBatch>('flowsieve/join-reference', (_params, context) => ({
  process(batch): void {
    context.count('kept/join-reference', batch.rows);
    context.emit('conversations', joinReferenceTables(batch, referenceOf(context)));
  },
}));

/** Conversations -> conversations with the ids of what the reference tables hold of them. */
export function joinReference(
  conversations: PCollection<ConversationBatch>,
  reference: PCollection<ManifestRef>,
): PCollection<ConversationBatch> {
  return applyFn(conversations, {
    name: 'join reference',
    fn: 'flowsieve/join-reference',
    params: null,
    sides: { [REFERENCE_SIDE]: reference },
    outputs: { conversations: conversationBatchCoder },
  })['conversations'];
}
