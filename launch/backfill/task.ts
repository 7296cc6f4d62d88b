/** What is asked of a process that runs one pass over one partition, and what it answers. JSON. */
import type { JobSpec } from '../../pipeline/pipeline.js';
import type { RunOptions } from '../run-job.js';

/** `history` writes the days' files, `findings` judges by them. */
export type Pass = 'history' | 'findings';

export interface Task {
  readonly pass: Pass;
  readonly spec: JobSpec;
  readonly runner: RunOptions['runner'];
}

export type Answer =
  | { readonly kind: 'progress'; readonly bytesRead: number; readonly records: number }
  | { readonly kind: 'done'; readonly counters: Readonly<Record<string, number>> }
  | { readonly kind: 'failed'; readonly message: string };
