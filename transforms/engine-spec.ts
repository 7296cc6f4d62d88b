import type { HistoryRef } from '../history/store.js';

/**
 * What a job without an end has on an engine other than ours, which knows no sources of our own:
 * reference, suppressions and history stay what they were. Plain JSON.
 */
export interface EngineSpec {
  /** The history when the job was submitted; null = none is kept. */
  readonly history: HistoryRef | null;
  /** null = workers write as the local runner does, rejects and notices into files of their own. */
  readonly outputs: EngineOutputs | null;
}

/** Where a job writes whose engine writes topics itself, and whose workers keep no files. */
export interface EngineOutputs {
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
