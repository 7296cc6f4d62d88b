import type { HistoryRef } from '../history/store.js';

/**
 * What a job without an end has on an engine other than ours, which knows no sources of our own and
 * whose workers keep no files. Plain JSON.
 */
export interface EngineSpec {
  /** The history when the job was deployed; null = none is kept. */
  readonly history: HistoryRef | null;
  readonly sinks: readonly EngineSink[];
  /** Directory, or `gs://bucket/prefix`, for rejects and notices. */
  readonly output: string;
}

/** Where findings go. */
export type EngineSink =
  /** `projects/P/topics/T`, written by the engine itself. */
  | { readonly kind: 'pubsub'; readonly topic: string }
  /** Files below a directory or `gs://bucket/prefix`. */
  | { readonly kind: 'objects'; readonly directory: string };
