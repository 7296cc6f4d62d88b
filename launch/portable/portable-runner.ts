import '../../beam/prepare.js';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { JobState_Enum } from 'apache-beam/proto/beam_job_api';
import { IsBounded_Enum, type Pipeline } from 'apache-beam/proto/beam_runner_api';
import { PipelineResult, Runner } from 'apache-beam/runners/runner';
import { keepEarliestTimes } from '../../beam/earliest-times.js';
import { expandExternal } from '../../beam/expand-external.js';
import { fireOnce } from '../../beam/once-triggers.js';
import { SOURCE_URN } from '../../beam/source.js';
import { setEnvironment, type WorkerEnvironment } from './environment.js';
import { userCounters } from './job-counters.js';
import { JobService } from './job-service.js';
import { WorkerDeadline } from './worker-deadline.js';
import { WorkerPool } from './worker-pool.js';
import { makeWorkerScript } from './worker-script.js';

/** Where the workers of a job run. */
export type WorkerPlace =
  | WorkerEnvironment
  /** Processes that an engine on this machine starts. */
  | { readonly kind: 'here' }
  /** Processes that this one starts when the engine asks it to. */
  | { readonly kind: 'loopback' };

export interface PortableOptions {
  /** HOST:PORT of a Beam job service. */
  readonly endpoint: string;
  readonly workers: WorkerPlace;
  readonly jobName: string;
  /** HOST:PORT of an expansion service, for steps of another SDK (Kafka). */
  readonly expansionService?: string;
  /** Pipeline options by their plain names, as the engine knows them (`parallelism`, ...). */
  readonly pipelineOptions?: Readonly<Record<string, unknown>>;
  /** Modules that workers load besides their own; for graphs with further steps. */
  readonly modules?: readonly string[];
  /** Cancels the job. */
  readonly cancelled?: AbortSignal;
  readonly log?: Logger;
  /** Told about every second of the counters so far, where the engine has any. */
  readonly onProgress?: (state: string, counters: ReadonlyMap<string, number>) => void;
}

const POLL_MS = 250;
/** Asking an engine for counters costs it something. */
const PROGRESS_MS = 1000;
/** How long an engine may take to cancel a job. */
const CANCEL_MS = 30_000;
/** How long after a job's end its engine may still tell why. */
const LAST_MESSAGES_MS = 3000;
/** Messages of an engine that are kept to say why a job failed; stacks are long. */
const KEPT_ERRORS = 5;

/** States that a job does not leave. */
const ENDED: readonly JobState_Enum[] = [
  JobState_Enum.DONE,
  JobState_Enum.FAILED,
  JobState_Enum.CANCELLED,
  JobState_Enum.UPDATED,
  JobState_Enum.DRAINED,
];

/** What a job's workers need while it runs. */
interface Workers {
  readonly environment: WorkerEnvironment;
  readonly statusDirectory: string | undefined;
  close(): Promise<void>;
}

/**
 * Runs a Beam pipeline on an engine that has a job service (Prism, Flink), and waits for its end.
 * Throws where the job does not end well, with what the engine says about it.
 */
export class PortableRunner extends Runner {
  readonly #options: PortableOptions;

  constructor(options: PortableOptions) {
    super();
    this.#options = options;
  }

  override async runPipeline(pipeline: Pipeline): Promise<PipelineResult> {
    const { expansionService = '' } = this.#options;
    await expandExternal(pipeline, expansionService);
    fireOnce(pipeline);
    refuseLocalSteps(pipeline);
    const { endpoint, jobName, pipelineOptions = {}, modules = [] } = this.#options;
    const service = new JobService(endpoint);
    const workers = await openWorkers(this.#options.workers);
    try {
      setEnvironment(pipeline, workers.environment);
      keepEarliestTimes(pipeline);
      const streaming = Object.values(pipeline.components?.pcollections ?? {}).some(
        ({ isBounded }) => isBounded === IsBounded_Enum.UNBOUNDED,
      );
      const jobId = await service.start(pipeline, jobName, {
        job_name: jobName,
        ...(streaming ? { streaming: true } : {}),
        ...(modules.length > 0 ? { registered_node_modules: modules } : {}),
        ...pipelineOptions,
      });
      this.#options.log?.info({ jobId, endpoint, jobName }, 'the job is started');
      const counters = await this.#follow(service, jobId, streaming ? null : workers);
      return new PortableResult(counters);
    } finally {
      service.close();
      await workers.close();
    }
  }

  /** Waits for the end of a job and gives its counters. */
  async #follow(
    service: JobService,
    jobId: string,
    workers: Workers | null,
  ): Promise<Map<string, number>> {
    const { cancelled, log, onProgress } = this.#options;
    const errors: string[] = [];
    const told = service.followMessages(jobId, ({ text, isError }) => {
      log?.debug({ jobId }, text);
      if (!isError) return;
      errors.push(text);
      if (errors.length > KEPT_ERRORS) errors.shift();
    });
    // A job without an end is restarted by its engine, and its workers with it.
    const deadline =
      workers !== null && watches(jobId, workers)
        ? new WorkerDeadline(workers.statusDirectory)
        : null;
    let asked = -Infinity;
    let givenUp: string | undefined;
    let cancelledAt = Infinity;
    for (;;) {
      const state = await service.state(jobId);
      if (ENDED.includes(state)) {
        if (state === JobState_Enum.DONE) return userCounters(await service.metrics(jobId));
        if (givenUp !== undefined) throw new Error(`the job ${jobId} was cancelled: ${givenUp}`);
        await Promise.race([told, sleep(LAST_MESSAGES_MS, undefined, { ref: false })]);
        throw jobFailed(jobId, state, errors);
      }
      const now = performance.now();
      if (now - asked >= PROGRESS_MS) {
        asked = now;
        const metrics = await service.metrics(jobId);
        onProgress?.(JobState_Enum[state].toLowerCase(), userCounters(metrics));
        if (givenUp === undefined) {
          givenUp =
            cancelled?.aborted === true
              ? 'it was interrupted'
              : deadline?.problem(metrics.attempted.length + metrics.committed.length > 0);
          if (givenUp !== undefined) {
            cancelledAt = now;
            await service.cancel(jobId);
          }
        }
      }
      if (now - cancelledAt > CANCEL_MS) {
        throw new Error(
          `${givenUp ?? ''}; the engine was told to cancel the job ${jobId}, but has not`,
        );
      }
      await sleep(POLL_MS);
    }
  }
}

/** Workers here tell how they are; elsewhere only Prism, whose jobs are `job-001`, ..., needs it. */
function watches(jobId: string, workers: Workers): boolean {
  return workers.statusDirectory !== undefined || /^job-[0-9]+$/.test(jobId);
}

async function openWorkers(place: WorkerPlace): Promise<Workers> {
  if (place.kind !== 'here' && place.kind !== 'loopback') {
    return { environment: place, statusDirectory: undefined, close: () => Promise.resolve() };
  }
  const script = await makeWorkerScript();
  const { command, statusDirectory } = script;
  if (place.kind === 'here') {
    const environment = { kind: 'process', command } as const;
    return { environment, statusDirectory, close: () => script.remove() };
  }
  const pool = await WorkerPool.listen('127.0.0.1:0', command);
  return {
    environment: { kind: 'external', endpoint: pool.endpoint },
    statusDirectory,
    async close(): Promise<void> {
      await pool.close();
      await script.remove();
    },
  };
}

/** Sources of our own exist only in the local runner; an engine would refuse them less readably. */
function refuseLocalSteps(pipeline: Pipeline): void {
  for (const { spec, uniqueName } of Object.values(pipeline.components?.transforms ?? {})) {
    if (spec?.urn === SOURCE_URN) {
      throw new Error(`the step "${uniqueName}" can only be run by --runner local`);
    }
  }
}

function jobFailed(jobId: string, state: JobState_Enum, errors: readonly string[]): Error {
  const message = `the job ${jobId} ended in state ${JobState_Enum[state]}`;
  const said = [...new Set(errors.flatMap(sentencesOf))].join('; ');
  return said === '' ? new Error(message) : new Error(message, { cause: new Error(said) });
}

/** What an engine's message says without its stacks: the first line, and Java's innermost cause. */
function sentencesOf(text: string): string[] {
  const [first, ...rest] = text.split('\n').map((line) => line.trim());
  return [first, ...rest.filter((line) => line.startsWith('Caused by: ')).slice(-1)];
}

class PortableResult extends PipelineResult {
  readonly #counters: ReadonlyMap<string, number>;

  constructor(counters: ReadonlyMap<string, number>) {
    super();
    this.#counters = counters;
  }

  override waitUntilFinish(): Promise<JobState_Enum> {
    return Promise.resolve(JobState_Enum.DONE);
  }

  override counters(): Promise<Record<string, number>> {
    return Promise.resolve(Object.fromEntries(this.#counters));
  }
}
