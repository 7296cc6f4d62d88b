import { constants } from 'node:fs';
import { access, mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { historyStore } from '../history/open-store.js';
import { HistoryStorageError } from '../history/storage-error.js';
import type { InputSpec } from '../pipeline/chunk.js';
import type { JobSpec } from '../pipeline/pipeline.js';
import { compileSnapshot, snapshotIsStale } from '../reference/compile.js';
import { FeedError } from '../reference/feeds/feed-reader.js';
import { readManifest, type Manifest, type ManifestRef } from '../reference/snapshot.js';
import type { Config } from './config/config.js';
import { ConfigurationError, customerProblems } from './config/configuration-error.js';

/** Bytes of a range of a large file. */
const RANGE_BYTES = 64 << 20;

/** What the graph is made from; `stream` null, as a batch job has it. */
export function jobSpec(
  config: Config,
  reference: ManifestRef,
  { rangeBytes = RANGE_BYTES, nowMs = config.nowMs }: { rangeBytes?: number; nowMs?: number } = {},
): JobSpec {
  return {
    inputs: config.inputs.flatMap(inputSpecs),
    rangeBytes,
    windowMs: config.windowMs,
    findingWindowMs: config.findingWindowMs,
    shards: config.shards,
    filters: config.filters,
    reference,
    suppressions: config.suppressions,
    nowMs,
    findingsPath: join(config.output, 'findings.ndjson'),
    rejectsPath: join(config.output, 'rejects.ndjson'),
    noticesPath: join(config.output, 'notices.ndjson'),
    history: config.history ?? null,
    stream: null,
  };
}

function inputSpecs(input: Config['inputs'][number]): InputSpec[] {
  const { files, format, sensor, samplingRate, unknownFlags } = input;
  return files.map((uri) => ({ name: input.uri, uri, format, sensor, samplingRate, unknownFlags }));
}

/**
 * Makes the directories that a job writes to; `other` is what the other kind of run (batch, streaming)
 * would have left in the output. Throws a ConfigurationError where that cannot be done,
 * and an Error where no filter runs for anybody.
 */
export async function prepareOutput(config: Config, other: string): Promise<void> {
  if (config.filters.length === 0) throw new Error('no filter is enabled for any customer');
  await makeDirectory(config, 'output', config.output);
  if ((await readdir(config.output)).includes(other)) {
    const message = `expected a directory without the findings of another kind of run, ${join(config.output, other)} is there`;
    throw new ConfigurationError([{ place: config.file, path: 'output', message }]);
  }
  await makeDirectory(config, 'reference.snapshot', config.reference.snapshot);
  if (config.history !== undefined) await prepareHistory(config, config.history);
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
export async function prepareReference(config: Config): Promise<ManifestRef> {
  const { spec, snapshot } = config.reference;
  const newest = async (): Promise<Manifest> =>
    (await snapshotIsStale(spec, snapshot))
      ? compileSnapshot(spec, snapshot)
      : readManifest(snapshot);
  const manifest = await newest().catch((error: unknown) => {
    if (!(error instanceof FeedError)) throw error;
    throw new ConfigurationError([{ place: config.file, path: '', message: error.message }]);
  });
  const problems = customerProblems(manifest);
  if (problems.length > 0) throw new ConfigurationError(problems);
  return { version: manifest.version, directory: snapshot };
}
