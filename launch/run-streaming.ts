import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from './config/config.js';
import { ConfigurationError } from './config/configuration-error.js';
import { LateIndicators } from './hunt-job.js';
import { prepareReference, prepareOutput } from './job-spec.js';
import { ownSinks, streamingSpec } from './streaming-spec.js';
import { openLevelStore, type LevelStore } from './local/state/level-store.js';
import { StreamingRunner, type StreamingJob } from './local/streaming/streaming-runner.js';
import { BurstLog, createLogger } from './log.js';
import { printError } from './messages.js';
import { LatencyHistogram } from './operations/latency.js';
import { serveOperations, type OperationsServer } from './operations/serve-operations.js';
import type { StreamStatus } from './operations/stream-status.js';
import { onTermination } from './operations/termination.js';
import { buildPipeline, type JobSpec } from '../pipeline/pipeline.js';
import { readManifest, type Manifest, type ManifestRef } from '../reference/snapshot.js';
import { appendLines, closeAppended } from '../transforms/append.js';
import { NewestSnapshot } from '../transforms/read/live/latest-reference.js';
import { pubsubSource } from '../transforms/read/live/pubsub-subscription.js';
import { closeSinks, watchSinks } from '../transforms/write/open-sinks.js';

export interface StreamingRunOptions {
  /** `HOST:PORT` for metrics and health; undefined = none are served. */
  readonly metrics?: string | undefined;
  /** Takes nothing in: closes the windows that are open, and ends. */
  readonly drain?: boolean;
  /** Told every minute. */
  readonly onStatus?: (status: StreamStatus) => void;
  /** Told once it takes flows in. */
  readonly onReady?: (status: StreamStatus, metrics: OperationsServer | undefined) => void;
}

export interface StreamingReport {
  readonly status: StreamStatus;
  /** Counters of earlier processes on the same state. */
  readonly before: ReadonlyMap<string, number>;
  readonly latency: LatencyHistogram;
  readonly seconds: number;
}

const STATUS_EVERY_MS = 60_000;

/** The size of the state is looked at so often: that reads a directory. */
const SIZE_EVERY_MS = 10_000;

/**
 * Runs the job without an end, until SIGTERM or SIGINT or until all its inputs have ended. What was
 * taken in is in the state directory; a start goes on where the last process ended, however it ended.
 *
 * Throws a ConfigurationError where a setting is at fault, a StateError where the state cannot be
 * used, and what a source or sink failed with for good.
 */
export async function runStreaming(
  config: Config,
  options: StreamingRunOptions = {},
): Promise<StreamingReport> {
  const began = performance.now();
  const log = createLogger('stream');
  const bursts = new BurstLog(log);
  const latency = new LatencyHistogram();
  const watch = new StreamWatch((error) => {
    bursts.error('snapshot-unusable', {}, `the snapshot cannot be used: ${error.message}`);
  });
  await makeState(config);
  await prepareOutput(config, 'findings.ndjson');
  const server =
    options.metrics === undefined
      ? undefined
      : await serveOperations(options.metrics, () => watch.status(), {
          latency,
          failure: () => watch.failure,
        });
  let dispose: () => void = () => undefined;
  let store: LevelStore | undefined;
  let hunts: LateIndicators | undefined;
  const timers: NodeJS.Timeout[] = [];
  try {
    const reference = await prepareReference(config);
    await watch.follow(reference);
    store = await openLevelStore(join(config.streaming.state, 'store'));
    watch.store = store;
    const { recovered } = store;
    if (recovered !== undefined) {
      log[recovered.repaired ? 'warn' : 'error'](recovered, recovered.message);
      printError(recovered.message);
    }
    const runner = new StreamingRunner({
      store,
      watermark: {
        disorderMs: config.streaming.disorderMs,
        idleMs: config.streaming.idleMs,
        behindMs: config.streaming.allowedLatenessMs,
      },
      shape: {
        window: config.windowMs,
        findingWindow: config.findingWindowMs,
        shards: config.shards,
      },
      pubsub: pubsubSource,
      drain: options.drain ?? false,
      onStart: (job) => {
        watch.job = job;
        watch.before = new Map(job.counters());
        options.onReady?.(watch.status(), server);
      },
      onReject: (reject) => {
        const path = join(config.output, 'rejects.ndjson');
        appendLines({ path, content: 'rejects' }, [reject]).catch((error: unknown) => {
          bursts.error('rejects-not-written', {}, (error as Error).message);
        });
      },
      onCommitFailure: (error) => {
        const message = `the state cannot be written: ${(error as Error).message}`;
        bursts.error('commit-failed', { error }, message);
      },
    });
    watchSinks({
      onTaken: (taken, { kind }) => {
        // The sink that every job has, and that remembers for good.
        if (kind !== 'files') return;
        const nowMs = Date.now();
        for (const { finding, isNew } of taken) {
          // What a hunt finds came in long ago.
          if (isNew && finding.retro !== true) latency.observe(nowMs - watch.arrivedMs(nowMs));
        }
      },
      onMessage: (message) => {
        bursts.warn('sink', {}, message);
      },
      onProblem: (problem) => {
        watch.sinkProblem = problem?.message;
        if (problem !== undefined) bursts.error('sink-failed', {}, problem.message);
      },
    });
    const spec = streamingSpec(config, reference);
    hunts = lateIndicators(config, spec, log);
    const stop = (): void => {
      watch.isEnding = true;
      watch.job?.stop();
    };
    dispose = onTermination(stop, {
      limitMs: config.streaming.stopWithinMs,
      remaining: () => watch.remaining(),
    });
    timers.push(
      setInterval(() => {
        bursts.flush();
        options.onStatus?.(watch.status());
      }, STATUS_EVERY_MS),
      setInterval(() => void watch.measure(), SIZE_EVERY_MS),
      setInterval(() => {
        void watch.follow(reference).then((changed) => {
          if (changed) hunts?.onReference(watch.reference ?? reference);
        });
        if (watch.refusedSuppressions()) {
          const message = `${config.suppressionsPath ?? ''} cannot be used: what it said before stays in force`;
          bursts.error('suppressions-unusable', {}, message);
        }
      }, config.streaming.referenceEveryMs),
    );
    for (const timer of timers) timer.unref();
    await watch.measure();
    hunts?.onReference(watch.reference ?? reference);
    await runner.run((root) => {
      buildPipeline(root, spec);
    });
    await watch.measure();
    return {
      status: watch.status(),
      before: watch.before,
      latency,
      seconds: (performance.now() - began) / 1000,
    };
  } catch (error) {
    watch.failure = (error as Error).message;
    throw error;
  } finally {
    for (const timer of timers) clearInterval(timer);
    watch.isEnding = true;
    bursts.flush({ all: true });
    // A sink that takes nothing is now an error, and not waited for.
    watchSinks({});
    await hunts?.close();
    await closeSinks();
    await closeAppended();
    watchSinks({});
    await store?.close();
    await server?.close();
    dispose();
  }
}

/** What the job says of itself, gathered from its parts. */
class StreamWatch {
  job: StreamingJob | undefined;
  store: LevelStore | undefined;
  before: ReadonlyMap<string, number> = new Map();
  failure: string | undefined;
  sinkProblem: string | undefined;
  isEnding = false;
  reference: ManifestRef | undefined;
  readonly #onUnusable: (error: Error) => void;
  #newest: NewestSnapshot | undefined;
  #manifest: Manifest | undefined;
  #bytes = 0;
  #refused: number | undefined;

  constructor(onUnusable: (error: Error) => void) {
    this.#onUnusable = onUnusable;
  }

  status(): StreamStatus {
    const { job, store } = this;
    const problem = this.failure ?? this.sinkProblem ?? job?.problem;
    return {
      ready: job !== undefined && problem === undefined && !this.isEnding,
      problem: problem ?? (job === undefined ? 'it is starting' : undefined),
      counters: new Map(job?.counters() ?? this.before),
      sources: (job?.sources ?? []).map(({ name, watermarkMs, exporters, waiting }) => ({
        name,
        watermarkMs: Number.isFinite(watermarkMs) ? watermarkMs : null,
        exporters,
        waitingElements: waiting.elements,
        waitingBytes: waiting.bytes,
      })),
      state: {
        bytes: this.#bytes,
        groups: job?.openGroups ?? 0,
        commits: store?.commits ?? 0,
      },
      references: this.#manifest === undefined ? [] : [referenceStatus(this.#manifest)],
    };
  }

  /** When the earliest of what is being told came in. */
  arrivedMs(nowMs: number): number {
    return this.job?.arrivedMs ?? nowMs;
  }

  remaining(): string {
    const waiting = this.job?.sources.reduce((sum, { waiting: { elements } }) => sum + elements, 0);
    return `${waiting ?? 0} elements wait to be taken up; what was not committed comes again, but not from UDP`;
  }

  async measure(): Promise<void> {
    this.#bytes = (await this.store?.size().catch(() => undefined)) ?? this.#bytes;
  }

  /** Whether the suppressions were unusable since it was asked last. */
  refusedSuppressions(): boolean {
    const refused = this.job?.counters().get('suppressions/unusable') ?? 0;
    const before = this.#refused ?? this.before.get('suppressions/unusable') ?? 0;
    this.#refused = refused;
    return refused > before;
  }

  /** Looks for a newer snapshot; true where there is one that can be used. */
  async follow({ directory }: ManifestRef): Promise<boolean> {
    this.#newest ??= new NewestSnapshot(directory);
    const newer = await this.#newest.look().catch((error: unknown) => {
      this.#onUnusable(error as Error);
      return undefined;
    });
    this.reference = newer ?? this.reference;
    // A feed that is unchanged leaves the version as it is, but is fresh again.
    const manifest = await readManifest(directory).catch(() => undefined);
    if (manifest?.version === this.reference?.version) this.#manifest = manifest;
    return newer !== undefined;
  }
}

function referenceStatus({ version, feeds }: Manifest): StreamStatus['references'][number] {
  return {
    version,
    feeds: feeds.map(({ name, fetchedAt }) => ({ name, fetchedMs: Date.parse(fetchedAt) })),
  };
}

function lateIndicators(
  config: Config,
  { stream }: JobSpec,
  log: ReturnType<typeof createLogger>,
): LateIndicators | undefined {
  const archive = stream?.archive ?? null;
  if (stream === null || archive === null) return undefined;
  return new LateIndicators({
    config,
    archive,
    sinks: [{ kind: 'files', directory: config.output }, ...ownSinks(config.sinks)],
    log,
  });
}

async function makeState(config: Config): Promise<void> {
  await mkdir(config.streaming.state, { recursive: true }).catch((error: unknown) => {
    const message = `expected a directory that can be written, got ${(error as Error).message}`;
    throw new ConfigurationError([{ place: config.file, path: 'streaming.state', message }]);
  });
}
