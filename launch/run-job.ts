import { constants } from 'node:fs';
import { access, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { PipelineResult } from 'apache-beam/runners/runner';
import type { Logger } from 'pino';
import '../beam/operators.js';
import { createRunner } from 'apache-beam/runners/runner';
import { expiredEntries } from '../filters/suppression.js';
import { historyStore } from '../history/open-store.js';
import { HistoryStorageError } from '../history/storage-error.js';
import type { InputSpec } from '../pipeline/chunk.js';
import type { Notice } from '../pipeline/notice.js';
import { buildPipeline, type JobSpec } from '../pipeline/pipeline.js';
import { compileSnapshot, snapshotIsStale } from '../reference/compile.js';
import { FeedError } from '../reference/feeds/feed-reader.js';
import { readManifest, type ManifestRef } from '../reference/snapshot.js';
import { writeLines } from '../transforms/write/ordered-lines.js';
import type { Config } from './config/config.js';
import { ConfigurationError, customerProblems } from './config/configuration-error.js';
import { reportOf, type RunReport } from './job-report.js';
import { LocalRunner } from './local/local-runner.js';
import { readLines } from './findings-file.js';
import { createLogger } from './log.js';
import { referenceNotices } from './reference-notices.js';
import { summaryJson } from './summary.js';

export type { RunReport } from './job-report.js';

export interface RunOptions {
  readonly runner: 'local' | 'direct';
  /** Ms since 1970 UTC; what expiry is compared with. */
  readonly nowMs: number;
  readonly onProgress?: (progress: Progress) => void;
  /** For tests: how finely the work is cut. Findings do not depend on it. */
  readonly rangeBytes?: number;
  readonly bundleGroups?: number;
}

export interface Progress {
  readonly bytesRead: number;
  readonly bytesTotal: number;
  readonly records: number;
  readonly stage: string;
}

/** The job's notices that the summary shows; the file has all. */
const SHOWN_NOTICES = 20;

/** Bytes of a range of a large file. */
const RANGE_BYTES = 64 << 20;

/**
 * Runs the whole job in batch and writes findings.ndjson, rejects.ndjson, notices.ndjson and summary.json into the
 * configured output directory. Throws where it cannot be done: a ConfigurationError where the
 * customers or feeds are the reason. Bad records are none.
 */
export async function runJob(config: Config, options: RunOptions): Promise<RunReport> {
  const began = performance.now();
  if (config.filters.length === 0) throw new Error('no filter is enabled for any customer');
  await makeDirectory(config, 'output', config.output);
  await makeDirectory(config, 'reference.snapshot', config.reference.snapshot);
  if (config.history !== undefined) await prepareHistory(config, config.history);
  const log = createLogger('job');
  const reference = await prepareReference(config);
  log.info(reference, 'reference data are ready');
  const spec = jobSpec(config, options, reference);
  const result = await runnerOf(options, log).run((root) => {
    buildPipeline(root, spec);
  });
  const report = reportOf(await countersOf(result), {
    expiredSuppressions: expiredEntries(config.suppressions, options.nowMs).map(({ id }) => id),
    referenceVersion: reference.version,
    nowMs: options.nowMs,
    seconds: (performance.now() - began) / 1000,
    notices: [
      ...referenceNotices(config, reference),
      ...(await jobNotices(join(config.output, 'notices.ndjson'))),
    ],
  });
  await writeLines(join(config.output, 'summary.json'), summaryJson(report).trimEnd().split('\n'));
  return report;
}

function runnerOf(
  { runner, bundleGroups, onProgress }: RunOptions,
  log: Logger,
): { run: LocalRunner['run'] } {
  if (runner === 'direct') return createRunner({ runner: 'direct' });
  return new LocalRunner({
    ...(bundleGroups === undefined ? {} : { bundleGroups }),
    onProgress: (stage, counters) => {
      log.debug({ stage, counters: Object.fromEntries(counters) }, 'progress');
      onProgress?.({
        bytesRead: counters.get('bytes-read') ?? 0,
        bytesTotal: counters.get('bytes-listed') ?? 0,
        records: recordsIn(counters),
        stage,
      });
    },
  });
}

/** Records decoded so far, of all formats. */
function recordsIn(counters: ReadonlyMap<string, number>): number {
  let records = 0;
  for (const [name, value] of counters) if (name.startsWith('records/')) records += value;
  return records;
}

function countersOf(result: PipelineResult): Promise<Record<string, number>> {
  return result.counters();
}

/** Makes a directory that the configuration names; what is wrong with it is the configuration's. */
async function makeDirectory(config: Config, setting: string, path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true });
    await access(path, constants.W_OK);
  } catch (error) {
    const message = `expected a directory that can be written, got ${(error as Error).message}`;
    throw new ConfigurationError([{ place: config.file, path: setting, message }]);
  }
}

/** Makes sure that the history can be kept; where not, its setting or what it names is at fault. */
async function prepareHistory(config: Config, place: string): Promise<void> {
  try {
    await historyStore(place).prepare();
  } catch (error) {
    if (!(error instanceof HistoryStorageError)) throw error;
    const { problem: message } = error;
    throw new ConfigurationError([{ place: config.file, path: 'history', message }]);
  }
}

/** The compiled snapshot; built when missing or older than its feeds. */
async function prepareReference(config: Config): Promise<ManifestRef> {
  const { spec, snapshot } = config.reference;
  const manifest = (await snapshotIsStale(spec, snapshot))
    ? await compileSnapshot(spec, snapshot).catch((error: unknown) => {
        if (!(error instanceof FeedError)) throw error;
        throw new ConfigurationError([{ place: config.file, path: '', message: error.message }]);
      })
    : await readManifest(snapshot);
  const problems = customerProblems(manifest);
  if (problems.length > 0) throw new ConfigurationError(problems);
  return { version: manifest.version, directory: snapshot };
}

/** Sentences of the job's own notices, the first of them. */
async function jobNotices(path: string): Promise<string[]> {
  const messages: string[] = [];
  let more = 0;
  for await (const { text } of readLines(path)) {
    if (text === undefined) continue;
    if (messages.length < SHOWN_NOTICES) messages.push((JSON.parse(text) as Notice).message);
    else more++;
  }
  return more === 0 ? messages : [...messages, `${more} more notices in ${path}`];
}

function jobSpec(config: Config, options: RunOptions, reference: ManifestRef): JobSpec {
  return {
    inputs: config.inputs.flatMap(inputSpecs),
    rangeBytes: options.rangeBytes ?? RANGE_BYTES,
    windowMs: config.windowMs,
    findingWindowMs: config.findingWindowMs,
    shards: config.shards,
    filters: config.filters,
    reference,
    suppressions: config.suppressions,
    nowMs: options.nowMs,
    findingsPath: join(config.output, 'findings.ndjson'),
    rejectsPath: join(config.output, 'rejects.ndjson'),
    noticesPath: join(config.output, 'notices.ndjson'),
    history: config.history ?? null,
  };
}

function inputSpecs(input: Config['inputs'][number]): InputSpec[] {
  const { files, format, sensor, samplingRate, unknownFlags } = input;
  return files.map((uri) => ({ name: input.uri, uri, format, sensor, samplingRate, unknownFlags }));
}
