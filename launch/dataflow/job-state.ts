import { setTimeout as sleep } from 'node:timers/promises';
import type { DataflowClient } from './client.js';
import type { DataflowJob } from './job-body.js';

/** States in which a job is over. */
const TERMINAL: ReadonlySet<string> = new Set([
  'JOB_STATE_DONE',
  'JOB_STATE_FAILED',
  'JOB_STATE_CANCELLED',
  'JOB_STATE_UPDATED',
  'JOB_STATE_DRAINED',
]);

export function isOver({ currentState }: DataflowJob): boolean {
  return currentState !== undefined && TERMINAL.has(currentState);
}

/** `JOB_STATE_RUNNING` -> `running`. */
export function stateName({ currentState = 'JOB_STATE_UNKNOWN' }: DataflowJob): string {
  return currentState
    .replace(/^JOB_STATE_/, '')
    .toLowerCase()
    .replaceAll('_', ' ');
}

const FIRST_WAIT_MS = 500;

export interface Waiting {
  /** How often the service is asked, once it was asked a few times. */
  readonly everyMs: number;
  /** Then it is given up; undefined = never. */
  readonly limitMs?: number | undefined;
  /** Told of each state, once. */
  readonly onState?: (job: DataflowJob) => void;
}

/** A job did not come to the state that was waited for. */
export class JobStateError extends Error {
  override readonly name = 'JobStateError';
  readonly job: DataflowJob;

  constructor(job: DataflowJob, message: string) {
    super(message);
    this.job = job;
  }
}

/**
 * Waits until `reached`, and gives the job then. Throws a JobStateError where it is over without that,
 * with the errors that the service tells of, or where the limit is over.
 */
export async function waitFor(
  client: DataflowClient,
  id: string,
  reached: (job: DataflowJob) => boolean,
  { everyMs, limitMs, onState }: Waiting,
): Promise<DataflowJob> {
  const began = Date.now();
  let told: string | undefined;
  for (let waitMs = Math.min(FIRST_WAIT_MS, everyMs); ; waitMs = Math.min(waitMs * 1.5, everyMs)) {
    const job = await client.get(id);
    if (job.currentState !== told) onState?.(job);
    told = job.currentState;
    if (reached(job)) return job;
    if (isOver(job)) throw new JobStateError(job, await ending(client, id, job));
    if (limitMs !== undefined && Date.now() - began >= limitMs) {
      const seconds = Math.round(limitMs / 1000);
      throw new JobStateError(job, `job ${id} is still ${stateName(job)} after ${seconds} s`);
    }
    await sleep(waitMs);
  }
}

/** What a failure's message repeats. */
const SHOWN_ERRORS = 5;

async function ending(client: DataflowClient, id: string, job: DataflowJob): Promise<string> {
  const errors = await client.errors(id).catch(() => []);
  const texts = errors.slice(-SHOWN_ERRORS).map(({ messageText = '' }) => messageText.trim());
  return [`job ${id} is ${stateName(job)}`, ...texts].join('\n');
}
