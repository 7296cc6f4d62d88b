import { randomUUID } from 'node:crypto';
import { mkdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { JobSpec } from '../../pipeline/pipeline.js';
import { WINDOW_FILES_FOLDER } from '../../transforms/write/window-files.js';
import type { Config } from '../config/config.js';
import { ConfigurationError } from '../config/configuration-error.js';
import { jobSpec, prepareOutput } from '../job-spec.js';
import { lockDirectory } from '../local/state/state-directory.js';
import { StateError } from '../local/state/state-store.js';
import type { RunOptions } from '../run-job.js';
import { inParallel, withRetries } from './attempts.js';
import { commitCandidates, commitDays, commitOutputs, outputsAreWhole } from './commit.js';
import { PinnedHistory } from './given-history.js';
import type { BackfillSpan } from './partitions.js';
import {
  findingsBasis,
  planBackfill,
  referencesOfEvents,
  referencesOfNow,
  supersededPartitions,
  type AsOf,
  type PlannedPartition,
} from './plan.js';
import { ProcessPool, type TaskRunner } from './process-pool.js';
import {
  BackfillDirectory,
  changesBetween,
  recordOf,
  type FindingsRecord,
  type HistoryRecord,
} from './records.js';
import { checkUnchanged } from './source-files.js';
import type { Pass, Task } from './task.js';
import { writeTotals } from './totals.js';

export interface BackfillOptions {
  readonly span: BackfillSpan;
  readonly asOf: AsOf;
  readonly runner: RunOptions['runner'];
  /** Partitions at once. */
  readonly parallel: number;
  readonly signal: AbortSignal;
  /** A line for people, when something is done or went wrong. */
  readonly onLine: (line: string) => void;
  readonly onProgress: (progress: BackfillProgress) => void;
  /** For tests. */
  readonly tasks?: TaskRunner;
  readonly retryDelaysMs?: readonly number[];
}

export interface BackfillProgress {
  readonly stage: string;
  /** Of both passes. */
  readonly bytesRead: number;
  readonly bytesTotal: number;
  readonly records: number;
}

export interface PartitionReport {
  readonly partition: string;
  /** Files that it reads, those of the margin included. */
  readonly files: number;
  /** Rows and findings of its own time; null = it was never judged. */
  readonly rows: number | null;
  readonly findings: number | null;
  readonly state: 'judged' | 'unchanged' | 'failed';
  /** Why, and what there is to know. */
  readonly note: string;
}

export interface BackfillReport {
  /** Oldest first. */
  readonly partitions: readonly PartitionReport[];
  /** Of all that were judged, with those of earlier backfills of the same output. */
  readonly findings: number;
  readonly notices: readonly string[];
}

const RETRY_DELAYS_MS = [2_000, 15_000];

/**
 * Runs the job over the partitions and writes their findings, sorted together, into the configured
 * output directory. What is done already is left as it is, as long as all that it depends on is the
 * same. Throws a ConfigurationError where nothing can be run, the signal's reason where it is
 * stopped; a partition that fails is in the report.
 */
export async function runBackfill(
  config: Config,
  options: BackfillOptions,
): Promise<BackfillReport> {
  await prepareOutput(config, WINDOW_FILES_FOLDER);
  const directory = new BackfillDirectory(config.output);
  await checkOutput(config, directory);
  await mkdir(directory.path, { recursive: true });
  const lock = await locked(config, directory);
  const tasks = options.tasks ?? new ProcessPool();
  const stop = (): void => {
    tasks.close();
  };
  options.signal.addEventListener('abort', stop);
  try {
    await removeAttempts(directory);
    const { partitions } = options.span;
    const references =
      options.asOf === 'now'
        ? await referencesOfNow(config)
        : await referencesOfEvents(config, partitions);
    const plan = await planBackfill(config, options.span, references);
    for (const name of await supersededPartitions(directory, options.span)) {
      options.onLine(`${name}: its time is cut otherwise now and is judged again`);
      await rm(directory.partition(name), { recursive: true });
    }
    return await new Backfill(config, options, directory, plan, tasks).run();
  } finally {
    options.signal.removeEventListener('abort', stop);
    tasks.close();
    await removeAttempts(directory).finally(() => lock.close());
  }
}

/** A process of a backfill that was killed may write a little longer than that. */
async function removeAttempts({ attempts }: BackfillDirectory): Promise<void> {
  await rm(attempts, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
}

/** The findings of another run would be replaced. */
async function checkOutput(config: Config, directory: BackfillDirectory): Promise<void> {
  const findings = join(config.output, 'findings.ndjson');
  const exists = async (path: string): Promise<boolean> =>
    (await stat(path).catch(() => undefined)) !== undefined;
  if (!(await exists(findings)) || (await exists(directory.path))) return;
  const message = `expected a directory without the findings of another kind of run, ${findings} is there`;
  throw new ConfigurationError([{ place: config.file, path: 'output', message }]);
}

async function locked(
  config: Config,
  directory: BackfillDirectory,
): Promise<{ close(): Promise<void> }> {
  try {
    return await lockDirectory(directory.path);
  } catch (error) {
    if (!(error instanceof StateError)) throw error;
    const message = `another backfill writes to it: ${error.message}`;
    throw new ConfigurationError([{ place: config.file, path: 'output', message }]);
  }
}

/** What became of a pass over a partition. */
interface Outcome<Record> {
  /** undefined = there is none that holds. */
  readonly record: Record | undefined;
  /** Why it failed; undefined where it did not. */
  readonly failure: string | undefined;
  /** Whether it was done now, and not before. */
  readonly fresh: boolean;
  /** What changed since it was done before. */
  readonly note: string;
}

class Backfill {
  readonly #config: Config;
  readonly #options: BackfillOptions;
  readonly #directory: BackfillDirectory;
  readonly #plan: readonly PlannedPartition[];
  readonly #tasks: TaskRunner;
  readonly #histories = new Map<string, Outcome<HistoryRecord>>();
  readonly #findings = new Map<string, Outcome<FindingsRecord>>();
  readonly #reading = new Map<string, { bytesRead: number; records: number }>();
  /** Of both passes. */
  readonly #bytesTotal: number;

  constructor(
    config: Config,
    options: BackfillOptions,
    directory: BackfillDirectory,
    plan: readonly PlannedPartition[],
    tasks: TaskRunner,
  ) {
    this.#config = config;
    this.#options = options;
    this.#directory = directory;
    this.#plan = plan;
    this.#tasks = tasks;
    const passes = config.history === undefined ? 1 : 2;
    this.#bytesTotal = passes * plan.reduce((sum, partition) => sum + bytesOf(partition), 0);
  }

  async run(): Promise<BackfillReport> {
    const { parallel } = this.#options;
    if (this.#config.history !== undefined) await this.#writeHistory(this.#config.history);
    const pinned = await this.#pin();
    await inParallel(this.#plan, parallel, async (partition) => {
      this.#findings.set(partition.name, await this.#judge(partition, pinned));
    });
    const totals = await writeTotals(this.#config, this.#directory);
    return {
      partitions: this.#plan.map((partition) => this.#report(partition)),
      ...totals,
    };
  }

  /** The first pass over all partitions. */
  async #writeHistory(history: string): Promise<void> {
    const there = await PinnedHistory.of(history, new Map());
    await inParallel(this.#plan, this.#options.parallel, async (partition) => {
      this.#histories.set(partition.name, await this.#historyOf(partition, history, there));
    });
  }

  async #historyOf(
    partition: PlannedPartition,
    history: string,
    there: PinnedHistory,
  ): Promise<Outcome<HistoryRecord>> {
    const { name, basis } = partition;
    const before = await this.#directory.read(name, 'history');
    const lying = new Map(there.before(partition).days.map(({ day, sha256 }) => [day, sha256]));
    const replaced = before?.days.find(({ day, sha256 }) => lying.get(day) !== sha256)?.day;
    let note = before === undefined ? '' : changesBetween(before.basis, basis);
    if (note === '' && replaced !== undefined) {
      note = `the history of ${replaced}, which another job wrote or somebody removed`;
    }
    if (before !== undefined && note === '') {
      this.#skipped(partition, 'history');
      return { record: before, failure: undefined, fresh: false, note };
    }
    return await this.#attempted(partition, 'history', note, async (attempt) => {
      const spec = { ...this.#specOf(partition, attempt), history: join(attempt, 'days') };
      await this.#run(partition, 'history', spec);
      const committed = await commitDays(join(attempt, 'days'), history);
      const record: HistoryRecord = { ...recordOf(partition, basis), ...committed };
      await this.#directory.write('history', record);
      return record;
    });
  }

  /** The history as the first pass left it; undefined where none is kept. */
  async #pin(): Promise<PinnedHistory | undefined> {
    if (this.#config.history === undefined) return undefined;
    const records = [...this.#histories].flatMap(([name, { record, failure }]) =>
      record === undefined || failure !== undefined ? [] : [[name, record] as const],
    );
    return await PinnedHistory.of(this.#config.history, new Map(records));
  }

  async #judge(
    partition: PlannedPartition,
    pinned: PinnedHistory | undefined,
  ): Promise<Outcome<FindingsRecord>> {
    const { name } = partition;
    const before = await this.#wholeRecord(name);
    const failed = this.#histories.get(name)?.failure;
    if (failed !== undefined) return { record: before, failure: failed, fresh: false, note: '' };
    const history = pinned?.before(partition) ?? null;
    const judged = pinned?.judged(partition) ?? [];
    const read = [history?.days, history?.candidates, judged.map(({ day, kept }) => [day, kept])];
    const basis = findingsBasis(partition, this.#config, read);
    const note = before === undefined ? '' : changesBetween(before.basis, basis);
    if (before !== undefined && note === '') {
      this.#skipped(partition, 'findings');
      return { record: before, failure: undefined, fresh: false, note };
    }
    const outcome = await this.#attempted(partition, 'findings', note, async (attempt) => {
      pinned?.checkOwnDays(partition);
      const candidates = join(attempt, 'candidates');
      const spec = { ...this.#specOf(partition, attempt), given: { history, judged, candidates } };
      const counters = await this.#run(partition, 'findings', spec);
      await pinned?.checkUnchanged(partition);
      if (history !== null) await commitCandidates(candidates, history.directory);
      const outputs = await commitOutputs(attempt, this.#directory.partition(name));
      const record: FindingsRecord = {
        ...recordOf(partition, basis),
        files: partition.files.length,
        outputs,
        counters,
        referenceVersion: partition.reference.version,
        nowMs: this.#config.nowMs,
      };
      await this.#directory.write('findings', record);
      return record;
    });
    return outcome.failure === undefined ? outcome : { ...outcome, record: before };
  }

  /** The record of the second pass whose outputs are there as they were written. */
  async #wholeRecord(name: string): Promise<FindingsRecord | undefined> {
    const record = await this.#directory.read(name, 'findings');
    if (record === undefined) return undefined;
    const whole = await outputsAreWhole(this.#directory.partition(name), record.outputs);
    return whole ? record : undefined;
  }

  /** Does a pass in a directory of its own, again where it fails. `why` is said where it was done before. */
  async #attempted<Record>(
    partition: PlannedPartition,
    pass: Pass,
    why: string,
    work: (attempt: string) => Promise<Record>,
  ): Promise<Outcome<Record>> {
    const { name } = partition;
    const { signal, onLine, retryDelaysMs = RETRY_DELAYS_MS } = this.#options;
    const began = performance.now();
    if (why !== '') onLine(`${name} ${pass}: done again, changed: ${why}`);
    try {
      const record = await withRetries(
        async () => {
          signal.throwIfAborted();
          const attempt = join(this.#directory.attempts, `${name}-${pass}-${randomUUID()}`);
          await mkdir(attempt, { recursive: true });
          try {
            return await work(attempt);
          } finally {
            await rm(attempt, { recursive: true, force: true });
          }
        },
        {
          delaysMs: retryDelaysMs,
          signal,
          onRetry: (error, waitMs) => {
            onLine(`${name} ${pass}: ${messageOf(error)}; tried again in ${waitMs / 1000} s`);
          },
        },
      );
      const seconds = ((performance.now() - began) / 1000).toFixed(1);
      onLine(`${name} ${pass}: done in ${seconds} s`);
      return { record, failure: undefined, fresh: true, note: why };
    } catch (error) {
      signal.throwIfAborted();
      const failure = messageOf(error);
      onLine(`${name} ${pass}: failed: ${failure}`);
      return { record: undefined, failure, fresh: true, note: why };
    }
  }

  /** Runs the task of a pass; its files must be the same all the while. */
  async #run(
    partition: PlannedPartition,
    pass: Pass,
    spec: JobSpec,
  ): Promise<Readonly<Record<string, number>>> {
    const task: Task = { pass, spec, runner: this.#options.runner };
    const counters = await this.#tasks.run(task, (progress) => {
      this.#progressed(partition, pass, progress);
    });
    await checkUnchanged(partition.files);
    this.#skipped(partition, pass);
    return counters;
  }

  #specOf(partition: PlannedPartition, attempt: string): JobSpec {
    return {
      ...jobSpec(this.#config, partition.reference),
      inputs: partition.files.map(({ spec }) => spec),
      findingsPath: join(attempt, 'findings.ndjson'),
      rejectsPath: join(attempt, 'rejects.ndjson'),
      noticesPath: join(attempt, 'notices.ndjson'),
      history: null,
    };
  }

  #skipped(partition: PlannedPartition, pass: Pass): void {
    const { records } = this.#reading.get(`${partition.name} ${pass}`) ?? { records: 0 };
    this.#progressed(partition, pass, { bytesRead: bytesOf(partition), records });
  }

  #progressed(
    { name }: PlannedPartition,
    pass: Pass,
    progress: { bytesRead: number; records: number },
  ): void {
    this.#reading.set(`${name} ${pass}`, progress);
    const all = [...this.#reading.values()];
    this.#options.onProgress({
      stage: pass,
      bytesRead: all.reduce((sum, { bytesRead }) => sum + bytesRead, 0),
      bytesTotal: this.#bytesTotal,
      records: all.reduce((sum, { records }) => sum + records, 0),
    });
  }

  #report(partition: PlannedPartition): PartitionReport {
    const { name, files } = partition;
    const outcome = this.#findings.get(name);
    if (outcome === undefined) throw new Error(`partition ${name} was not judged`);
    const { record, failure, fresh, note } = outcome;
    const changed = note === '' ? [] : [`changed: ${note}`];
    const missing = this.#missingFor(partition);
    const base = {
      partition: name,
      files: files.length,
      rows: record === undefined ? null : (record.counters['rows'] ?? 0),
      findings: record === undefined ? null : findingsIn(record),
    };
    if (failure !== undefined) {
      const stale = record === undefined ? [] : ['its findings are those of an earlier backfill'];
      return { ...base, state: 'failed', note: [failure, ...stale].join('; ') };
    }
    return {
      ...base,
      state: fresh ? 'judged' : 'unchanged',
      note: [...changed, ...missing, ...(files.length === 0 ? ['no files'] : [])].join('; '),
    };
  }

  /** What the judgement of a partition lacked. */
  #missingFor({ startMs }: PlannedPartition): string[] {
    const failed = this.#plan
      .filter((other) => other.startMs < startMs && this.#histories.get(other.name)?.failure)
      .map(({ name }) => name);
    if (failed.length === 0) return [];
    return [
      `judged without the history of ${failed.join(', ')}: start again to have it judged with`,
    ];
  }
}

function bytesOf({ files }: PlannedPartition): number {
  return files.reduce((sum, { size }) => sum + size, 0);
}

/** Findings of a partition, of all filters. */
export function findingsIn({ counters }: FindingsRecord): number {
  return Object.entries(counters)
    .filter(([name]) => name.startsWith('findings/'))
    .reduce((sum, [, count]) => sum + count, 0);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
