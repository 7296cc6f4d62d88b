import { buildHistoryPass, buildPipeline } from '../../pipeline/pipeline.js';
import { createLogger } from '../log.js';
import { runGraph, type Progress } from '../run-job.js';
import type { Task } from './task.js';

/** Runs one pass over one partition in this process; gives the job's counters. */
export async function runTask(
  { pass, spec, runner }: Task,
  onProgress: (progress: Progress) => void = () => undefined,
): Promise<Record<string, number>> {
  const build = pass === 'history' ? buildHistoryPass : buildPipeline;
  const options = { runner, nowMs: spec.nowMs, onProgress };
  return await runGraph((root) => build(root, spec), options, createLogger('backfill'));
}
