import { readStatuses } from '../worker/worker-status.js';

/** How long workers may take to start, and a job may be without any. */
export const WORKER_DEADLINE_MS = 60_000;

/** What an engine may take to notice by itself that a worker failed, and to say so. */
const GRACE_MS = 5000;

/**
 * Watches that a job has workers: an engine may wait for them for ever (Prism does). What it knows
 * comes from the workers themselves on this machine (`directory`), or else from whether the engine
 * has counted anything.
 */
export class WorkerDeadline {
  readonly #directory: string | undefined;
  readonly #clock: () => number;
  #since: number;
  #failedSince: number | undefined;

  /** `clock` gives ms and may begin anywhere. */
  constructor(directory: string | undefined, clock: () => number = () => performance.now()) {
    this.#directory = directory;
    this.#clock = clock;
    this.#since = clock();
  }

  /** Why the job is to be given up; undefined while it is not. `counted`: the engine has counters. */
  problem(counted: boolean): string | undefined {
    const now = this.#clock();
    if (this.#directory === undefined) {
      return counted || now - this.#since < WORKER_DEADLINE_MS
        ? undefined
        : `the engine has counted nothing in ${WORKER_DEADLINE_MS / 1000} s: no worker has started`;
    }
    const { connected, running, failures } = readStatuses(this.#directory);
    if (running > 0) {
      this.#since = now;
      this.#failedSince = undefined;
      return undefined;
    }
    if (failures.length > 0) {
      this.#failedSince ??= now;
      if (now - this.#failedSince < GRACE_MS) return undefined;
      return `no worker runs: ${failures.at(-1) ?? ''}`;
    }
    if (now - this.#since < WORKER_DEADLINE_MS) return undefined;
    const waited = `for ${WORKER_DEADLINE_MS / 1000} s`;
    return connected === 0
      ? `no worker has started ${waited}; what its start printed is in the engine's output`
      : `no worker runs any more ${waited}`;
  }
}
