import { conversationBatchCoder, flowBatchCoder, keyedCoder } from '../beam/coders.js';
import { applyFn, registerFn } from '../beam/fn.js';
import { foldPerKey, registerFold } from '../beam/fold-per-key.js';
import { windowInto } from '../beam/windows.js';
import type { PCollection } from 'apache-beam';
import { Timing as PaneTiming } from 'apache-beam/values';
import { GRADE, GRADE_NAMES, REASON } from '../pipeline/codes.js';
import type { ConversationBatch } from '../pipeline/conversation-batch.js';
import { BATCH_ROWS, selectedRows, type FlowBatch } from '../pipeline/flow-batch.js';
import { ConversationFold } from './dedupe/conversation-fold.js';
import { Splitter, type Piece } from './dedupe/pieces.js';
import { conversationFiring, type Timing } from './firing.js';

export interface DedupeParams {
  readonly windowMs: number;
  readonly shards: number;
  /** Whether a filter asks for attempts and answers; else they go no further. */
  readonly attempts: boolean;
}

registerFn<DedupeParams, FlowBatch>('flowsieve/split', ({ windowMs, shards }, context) => {
  const onPiece = ({ shard, earliestMs, batch }: Piece): void => {
    const value = { key: String(shard), value: batch };
    context.emit('pieces', value, { timestampMs: earliestMs, window: 'global' });
  };
  const splitters = {
    4: new Splitter(windowMs, shards, onPiece),
    6: new Splitter(windowMs, shards, onPiece),
  };
  return {
    process(batch): void {
      splitters[batch.family].add(batch);
    },
    finishBundle(): void {
      splitters[4].flush();
      splitters[6].flush();
    },
  };
});

registerFold<DedupeParams, FlowBatch>(
  'flowsieve/conversations',
  ({ attempts }, shard, window) => {
    if (window === undefined) throw new Error('conversations are folded in windows');
    const folds: { 4?: ConversationFold; 6?: ConversationFold } = {};
    let repeated = 0;
    return {
      add(piece): void {
        repeated += (folds[piece.family] ??= new ConversationFold(
          piece.family,
          selectedRows(piece),
        )).add(piece);
      },
      finish(context, { isLast, timing }): void {
        // Before its window ends only what cannot turn round is told, and the rest not even made.
        const leastReason = timing === PaneTiming.EARLY ? REASON.handshake : REASON.unknown;
        // Counted once: an earlier pane holds the same again.
        if (isLast && repeated > 0) context.count('dropped/dedupe/redelivered', repeated);
        const least = attempts ? GRADE.unknown : GRADE.medium;
        for (const fold of [folds[4], folds[6]]) {
          if (fold === undefined) continue;
          const { batches, grades } = fold.finish(
            window,
            shard,
            { grade: least, reason: leastReason },
            BATCH_ROWS,
          );
          for (let grade = 0; grade < grades.length; grade++) {
            if (isLast && grades[grade] > 0)
              context.count(`conversations/${GRADE_NAMES[grade]}`, grades[grade]);
          }
          for (const batch of batches) context.emit('conversations', batch);
        }
      },
    };
  },
  selectedRows,
);

/**
 * Flow records -> conversations: one of each, whoever saw it and in whichever direction, in
 * event-time windows. The one big shuffle: pieces by (window, shard), never single conversations.
 *
 * The result is in the global window, because side inputs and windowed main inputs do not go
 * together in this SDK; the window's bounds are columns.
 */
export function dedupe(
  flows: PCollection<FlowBatch>,
  params: DedupeParams,
  timing: Timing,
): PCollection<ConversationBatch> {
  const pieces = applyFn(flows, {
    name: 'split',
    fn: 'flowsieve/split',
    params,
    outputs: { pieces: keyedCoder(flowBatchCoder) },
  })['pieces'] as PCollection<{ key: string; value: FlowBatch }>;
  const windowed = windowInto(
    pieces,
    'conversation windows',
    params.windowMs,
    conversationFiring(timing),
  );
  const { conversations } = foldPerKey(
    windowed,
    'dedupe',
    { fold: 'flowsieve/conversations', params },
    { conversations: conversationBatchCoder },
  );
  return windowInto<ConversationBatch>(conversations, 'leave conversation windows', null);
}
