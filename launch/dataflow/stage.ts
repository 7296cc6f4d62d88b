import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MANIFEST_FILE, readManifestOf, type ManifestRef } from '../../reference/manifest.js';
import { hasGcs, putGcs } from '../../transforms/objects/gcs.js';
import { stagingOf } from './job-body.js';
import type { DataflowOptions } from './options.js';
import type { PipelineFile } from './pipeline-proto.js';

const BINARY = { contentType: 'application/octet-stream' };

/** Where a pipeline is put: by its content, so that the same one is put there once. */
export function pipelineUrl(options: DataflowOptions, { sha256 }: PipelineFile): string {
  return `${stagingOf(options)}/pipelines/${sha256}/pipeline.pb`;
}

/** Puts the pipeline where the job's body says that it is. */
export async function stagePipeline(
  options: DataflowOptions,
  pipeline: PipelineFile,
): Promise<string> {
  const url = pipelineUrl(options, pipeline);
  if (!(await hasGcs(url))) await putGcs(url, pipeline.bytes, BINARY);
  return url;
}

/** The compiled reference data as workers find them. */
export function stagedSnapshot(options: DataflowOptions, { version }: ManifestRef): ManifestRef {
  return { version, directory: `${stagingOf(options)}/snapshots` };
}

/**
 * Puts the snapshot's version, a folder of this machine, where workers find it. The manifest comes
 * last: where it is, all of it is.
 */
export async function stageSnapshot(options: DataflowOptions, here: ManifestRef): Promise<void> {
  const there = stagedSnapshot(options, here);
  const to = `${there.directory}/${there.version}`;
  if (await hasGcs(`${to}/${MANIFEST_FILE}`)) return;
  const from = join(here.directory, here.version);
  const files = Object.values(readManifestOf(here).tables).map(({ file }) => file);
  for (const file of [...files, MANIFEST_FILE]) {
    await putGcs(`${to}/${file}`, await readFile(join(from, file)), BINARY);
  }
}
