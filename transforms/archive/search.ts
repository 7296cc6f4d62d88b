import { jsonCoder, conversationBatchCoder } from '../../beam/coders.js';
import { applyFn, registerFn } from '../../beam/fn.js';
import { reshuffle } from '../../beam/reshuffle.js';
import type { PCollection } from 'apache-beam';
import type { ConversationBatch } from '../../pipeline/conversation-batch.js';
import { archivedAtMs, archivedDays, archivedFiles, readArchived } from './archive-listing.js';
import { DamagedFileError } from './archived-file.js';
import { dayOf, isDay, type ArchivedName } from './archived-name.js';

export interface SearchSpec {
  readonly directory: string;
  /** Starts of windows, in ms since 1970 UTC, the end excluded. */
  readonly sinceMs: number;
  readonly untilMs: number;
  /** Files that were written later are left out, ms since 1970 UTC. */
  readonly archivedBeforeMs: number;
  /** What it is stopped by; the name of no other search of the process. */
  readonly id: string;
}

/** Searches of this process that may be stopped, by id. A graph carries no signals. */
const signals = new Map<string, AbortSignal>();

/** Has a search end with the signal's reason once that is aborted; undefined forgets it. */
export function stopSearchBy(id: string, signal: AbortSignal | undefined): void {
  if (signal === undefined) signals.delete(id);
  else signals.set(id, signal);
}

registerFn<SearchSpec, unknown>('flowsieve/list-archive', (spec, context) => {
  const { directory, sinceMs, untilMs, archivedBeforeMs, id } = spec;
  return {
    async process(): Promise<void> {
      for (const day of await archivedDays(directory)) {
        if (day < firstDay(sinceMs)) continue;
        signals.get(id)?.throwIfAborted();
        let window = -Infinity;
        for (const { unfinished, ...name } of await archivedFiles(directory, day)) {
          const { windowStartMs } = name;
          if (unfinished || windowStartMs < sinceMs || windowStartMs >= untilMs) continue;
          if ((await archivedAtMs(directory, name)) > archivedBeforeMs) continue;
          if (windowStartMs !== window) context.count('searched/windows');
          window = windowStartMs;
          await context.send('files', name);
        }
      }
    },
  };
});

/** Days sort as text; before 1970 and after 9999 there are none. */
function firstDay(sinceMs: number): string {
  if (sinceMs <= 0) return '';
  const day = sinceMs < 8.64e15 ? dayOf(sinceMs) : '';
  return isDay(day) ? day : '9999-99-99';
}

registerFn<SearchSpec, ArchivedName>('flowsieve/read-archive', ({ directory, id }, context) => ({
  async process(name): Promise<void> {
    signals.get(id)?.throwIfAborted();
    let batch: ConversationBatch | undefined;
    try {
      batch = await readArchived(directory, name);
    } catch (error) {
      if (!(error instanceof DamagedFileError)) throw error;
      context.count(`damaged/${error.damage}`);
      return;
    }
    if (batch === undefined) {
      context.count('searched/pruned-meanwhile');
      return;
    }
    context.count('searched/batches');
    context.count('searched/conversations', batch.rows);
    await context.send('conversations', batch);
    // A search may run inside a streaming job, which must get its turn even if all files are cached.
    await new Promise(setImmediate);
  },
}));

/** The conversations that an archive has of windows in a span of time; damaged files are counted. */
export function searchArchive(
  impulse: PCollection<unknown>,
  spec: SearchSpec,
): PCollection<ConversationBatch> {
  const { files } = applyFn(impulse, {
    name: 'list archive',
    fn: 'flowsieve/list-archive',
    params: spec,
    outputs: { files: jsonCoder },
  }) as { files: PCollection<ArchivedName> };
  return applyFn(reshuffle(files, 'spread files'), {
    name: 'read archive',
    fn: 'flowsieve/read-archive',
    params: spec,
    outputs: { conversations: conversationBatchCoder },
  })['conversations'];
}
