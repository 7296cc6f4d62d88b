import { constants } from 'node:fs';
import { access, mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isGcs } from '../objects/object-uri.js';
import { historyStore } from '../history/open-store.js';
import { HistoryStorageError } from '../history/storage-error.js';
import type { InputSpec } from '../pipeline/chunk.js';
import type { JobSpec } from '../pipeline/pipeline.js';
import { compileSnapshot, snapshotIsStale } from '../reference/compile.js';
import { FeedError } from '../reference/feeds/feed-reader.js';
import { readManifest, type Manifest, type ManifestRef } from '../reference/snapshot.js';
import type { Config } from './config/config.js';
import { ConfigurationError, customerProblems } from './config/configuration-error.js';
import { outputFile } from './output-place.js';
import { prepareObjects } from './prepare-objects.js';

/** Bytes of a range of a large file. */
const RANGE_BYTES = 64 << 20;

export interface JobOptions {
  readonly rangeBytes?: number;
  /** Ms since 1970 UTC; what expiry is compared with. */
  readonly nowMs?: number;
  /** Whether an input that cannot be read whole fails the job. */
  readonly strict?: boolean;
}

/** What the graph is made from; `stream` null, as a batch job has it. */
export function jobSpec(
  config: Config,
  reference: ManifestRef,
  { rangeBytes = RANGE_BYTES, nowMs = config.nowMs, strict = false }: JobOptions = {},
): JobSpec {
  return {
    inputs: config.inputs.flatMap(inputSpecs),
    rangeBytes,
    strict,
    windowMs: config.windowMs,
    findingWindowMs: config.findingWindowMs,
    shards: config.shards,
    filters: config.filters,
    reference,
    suppressions: config.suppressions,
    nowMs,
    findingsPath: outputFile(config.output, 'findings.ndjson'),
    rejectsPath: outputFile(config.output, 'rejects.ndjson'),
    noticesPath: outputFile(config.output, 'notices.ndjson'),
    history: config.history ?? null,
    stream: null,
  };
}

function inputSpecs(input: Config['inputs'][number]): InputSpec[] {
  const { files, pattern, format, sensor, samplingRate, unknownFlags } = input;
  // A million names are not written into the graph: the step that reads looks for them again.
  const uris = pattern === undefined ? files : [pattern];
  return uris.map((uri) => ({ name: input.uri, uri, format, sensor, samplingRate, unknownFlags }));
}

/**
 * Makes the directories that a job writes to; `other` is what the other kind of run (batch, streaming)
 * would have left in the output. Throws a ConfigurationError where that cannot be done,
 * and an Error where no filter runs for anybody.
 */
export async function prepareOutput(config: Config, other: string): Promise<void> {
  if (config.filters.length === 0) throw new Error('no filter is enabled for any customer');
  await prepareObjects(config);
  if (!isGcs(config.output)) await prepareDirectory(config, other);
  await makeDirectory(config, 'reference.snapshot', config.reference.snapshot);
  if (config.history !== undefined) await prepareHistory(config, config.history);
}

async function prepareDirectory(config: Config, other: string): Promise<void> {
  await makeDirectory(config, 'output', config.output);
  if ((await readdir(config.output)).includes(other)) {
    const message = `expected a directory without the findings of another kind of run, ${join(config.output, other)} is there`;
    throw new ConfigurationError([{ place: config.file, path: 'output', message }]);
  }
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
