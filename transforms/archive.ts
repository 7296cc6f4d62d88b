import { conversationBatchCoder } from '../beam/coders.js';
import { applyFn, registerFn } from '../beam/fn.js';
import type { PCollection } from 'apache-beam';
import { Timing, type PaneInfo } from 'apache-beam/values';
import type { ConversationBatch } from '../pipeline/conversation-batch.js';
import { ArchiveWriter } from './archive/archive-writer.js';
import { Retention } from './archive/retention.js';
import { untilWritten } from './write/open-sinks.js';
import { WriteError } from './write/write-error.js';

export interface ArchiveSpec {
  readonly directory: string;
  /** How long before the newest window conversations are kept, in event time. */
  readonly lookbackMs: number;
}

/** Of this process, by directory. */
const retentions = new Map<string, Retention>();

registerFn<ArchiveSpec, ConversationBatch>(
  'flowsieve/archive',
  ({ directory, lookbackMs }, context) => {
    const writer = new ArchiveWriter(directory);
    return {
      async process(batch, { pane }): Promise<void> {
        if (batch.referenceVersion !== '') throw new Error('joined conversations are not archived');
        if (batch.rows > 0 && isOnTime(pane)) {
          const kept = await written(directory, () => writer.add(batch));
          context.count(kept ? 'archived/conversations' : 'dropped/archive/no-day', batch.rows);
        }
        await context.send('conversations', batch);
      },
      async finishBundle(): Promise<void> {
        await written(directory, () => writer.finish());
        let retention = retentions.get(directory);
        if (retention === undefined) {
          retention = new Retention(directory);
          retentions.set(directory, retention);
        }
        const pruned = await retention.prune(writer.newestMs, lookbackMs);
        if (pruned > 0) context.count('archived/pruned-files', pruned);
      },
    };
  },
);

/** A full disk is waited for, as where findings go to. */
function written<T>(directory: string, write: () => Promise<T>): Promise<T> {
  return untilWritten(async () => {
    try {
      return await write();
    } catch (error) {
      const isOfSystem = (error as NodeJS.ErrnoException).errno !== undefined;
      throw isOfSystem ? new WriteError(directory, error) : error;
    }
  });
}

/** The pane that a window is judged by: neither a preview nor an afterthought. */
function isOnTime({ timing, isFirst, isLast }: PaneInfo): boolean {
  return timing === Timing.ON_TIME || (isFirst && isLast);
}

/**
 * Conversations -> the same; those of on-time panes are kept in an archive, one file a batch, for
 * indicators that are published later. What a bundle kept is on disk when the bundle ends; the same
 * batch once more replaces its file.
 *
 * They pass through, because joinReference changes batches where they lie: side by side with it the
 * archive would have what one snapshot made of them.
 */
export function archive(
  conversations: PCollection<ConversationBatch>,
  spec: ArchiveSpec,
): PCollection<ConversationBatch> {
  return applyFn(conversations, {
    name: 'archive',
    fn: 'flowsieve/archive',
    params: spec,
    outputs: { conversations: conversationBatchCoder },
  })['conversations'];
}
