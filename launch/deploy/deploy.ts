import { DataflowError, type DataflowClient } from '../dataflow/client.js';
import { jobBody, type DataflowJob } from '../dataflow/job-body.js';
import { isOver, JobStateError, waitFor } from '../dataflow/job-state.js';
import type { PreparedJob } from '../dataflow/prepare-job.js';
import { newRequestId, sendJob, submitJob, type SubmittedJob } from '../dataflow/submit.js';
import { compareGraphs, type Renames } from './compatible.js';
import { graphSteps } from './graph-steps.js';
import { runningPipeline } from './running-graph.js';

export interface DeployOptions {
  readonly renames?: Renames;
  /** Whether a job that cannot be replaced is drained, so that the new one can be started. */
  readonly drain: boolean;
  /** Uploads what the job needs. */
  readonly stage: () => Promise<void>;
  /** Told what happens, a sentence each. */
  readonly say: (message: string) => void;
  /** How often the service is asked. */
  readonly pollMs?: number;
  /** Until a job must run, and until one must be drained. */
  readonly startLimitMs?: number;
  readonly drainLimitMs?: number;
}

export type Deployed =
  /** There was none. */
  | { readonly how: 'started'; readonly id: string }
  /** It goes on where the former one was. */
  | { readonly how: 'updated'; readonly id: string; readonly replaced: string }
  /** The former one was drained. */
  | { readonly how: 'restarted'; readonly id: string; readonly drained: string };

/** The new graph cannot take the place of the running one, which goes on. */
export class UpdateRefusedError extends Error {
  override readonly name = 'UpdateRefusedError';
}

/** The new job did not start, and the former one was started again. */
export class RolledBackError extends Error {
  override readonly name = 'RolledBackError';
}

const POLL_MS = 10_000;
const MINUTE_MS = 60_000;

/**
 * Has the streaming job `job` run: starts it, or has it take the place of the active one of its name.
 * Where that is refused, by the comparison of the graphs here or by the service, the running one is
 * drained and the new one started; if that does not come to run, the former one is started again
 * from its own pipeline. Comes back when a job runs. Throws an UpdateRefusedError where nothing was
 * changed, a RolledBackError where the former job runs again.
 */
export async function deploy(
  client: DataflowClient,
  job: PreparedJob,
  options: DeployOptions,
): Promise<Deployed> {
  const { say, stage } = options;
  const { jobName } = job.options;
  const active = await client.active(jobName);
  if (active?.type === 'JOB_TYPE_BATCH') {
    throw new UpdateRefusedError(`job ${active.id} named ${jobName} is a batch job`);
  }
  await stage();
  if (active === undefined) {
    say(`there is no active job named ${jobName}: starting it`);
    return { how: 'started', id: (await start(client, job, options)).id };
  }
  const running = await client.get(active.id, { all: true });
  if (running.currentState === 'JOB_STATE_RUNNING') {
    const refusal = await update(client, job, { ...running, id: active.id }, options);
    if (typeof refusal !== 'string') return refusal;
    say(`job ${active.id} cannot be updated:\n${refusal}`);
    if (!options.drain) throw new UpdateRefusedError(`job ${active.id} was left as it is`);
    say(`draining job ${active.id}; its open windows are told as they are`);
    await client.request(active.id, 'JOB_STATE_DRAINED');
  } else {
    say(`job ${active.id} is about to end: waiting for that`);
  }
  await waitFor(client, active.id, isOver, {
    everyMs: options.pollMs ?? POLL_MS,
    limitMs: options.drainLimitMs ?? 60 * MINUTE_MS,
  });
  try {
    const { id } = await start(client, job, options);
    return { how: 'restarted', id, drained: active.id };
  } catch (error) {
    say(`the new job does not run: ${(error as Error).message}`);
    const { id } = await startAgain(client, running, options);
    const message = `the new job does not run; the former one was started again as job ${id}`;
    throw new RolledBackError(message, { cause: error });
  }
}

/** Has the job take the place of `running`; where that is refused, says why. */
async function update(
  client: DataflowClient,
  job: PreparedJob,
  running: SubmittedJob,
  options: DeployOptions,
): Promise<Deployed | string> {
  const { say, renames } = options;
  const steps = graphSteps(await runningPipeline(running));
  const { mapping, problems } = compareGraphs(steps, graphSteps(job.pipeline.proto), renames);
  if (problems.length > 0) return problems.join('\n');
  say(`updating job ${running.id}`);
  const replaces = { id: running.id, transformNameMapping: mapping };
  try {
    const { id } = await submitJob(client, { ...job, clientRequestId: newRequestId(), replaces });
    await runs(client, id, options);
    return { how: 'updated', id, replaced: running.id };
  } catch (error) {
    const refused =
      (error instanceof DataflowError && error.status === 400) ||
      (error instanceof JobStateError && isOver(error.job));
    // A job whose replacement failed goes on; one that is over was replaced in truth.
    if (!refused || isOver(await client.get(running.id))) throw error;
    return (error as Error).message;
  }
}

async function start(
  client: DataflowClient,
  job: PreparedJob,
  options: DeployOptions,
): Promise<SubmittedJob> {
  return begin(client, jobBody({ ...job, clientRequestId: newRequestId() }), options);
}

/** Starts a job again as it was, from the pipeline that it ran. */
async function startAgain(
  client: DataflowClient,
  former: DataflowJob,
  options: DeployOptions,
): Promise<SubmittedJob> {
  const { projectId, location, name, type, labels, environment } = former;
  const body = { projectId, location, name, type, labels, environment };
  const given = Object.entries(body).filter(([, value]) => value !== undefined);
  const clientRequestId = newRequestId();
  return begin(client, { ...Object.fromEntries(given), steps: [], clientRequestId }, options);
}

async function begin(
  client: DataflowClient,
  body: DataflowJob,
  options: DeployOptions,
): Promise<SubmittedJob> {
  const job = await sendJob(client, body);
  options.say(`job ${job.id} is submitted`);
  await runs(client, job.id, options);
  return job;
}

async function runs(client: DataflowClient, id: string, options: DeployOptions): Promise<void> {
  await waitFor(client, id, ({ currentState }) => currentState === 'JOB_STATE_RUNNING', {
    everyMs: options.pollMs ?? POLL_MS,
    limitMs: options.startLimitMs ?? 20 * MINUTE_MS,
  });
}
