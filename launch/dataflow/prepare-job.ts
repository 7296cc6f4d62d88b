import { mkdir } from 'node:fs/promises';
import { buildPipeline } from '../../pipeline/pipeline.js';
import type { ManifestRef } from '../../reference/snapshot.js';
import type { Config } from '../config/config.js';
import { prepareReference } from '../job-spec.js';
import { batchSpec, streamingSpec } from './job-spec.js';
import type { DataflowOptions } from './options.js';
import { pipelineFile, type PipelineFile } from './pipeline-proto.js';
import { pipelineUrl, stagedSnapshot, stagePipeline, stageSnapshot } from './stage.js';

/** A job whose pipeline is made, and whose files may still have to be uploaded. */
export interface PreparedJob {
  readonly options: DataflowOptions;
  readonly pipeline: PipelineFile;
  /** Where the pipeline is, or will be. */
  readonly pipelineUrl: string;
  readonly streaming: boolean;
  /** The snapshot on this machine. */
  readonly reference: ManifestRef;
}

/**
 * Makes the job's pipeline, the reference data compiled first. `dryRun`: nothing is asked of or sent
 * to Google Cloud, so a history is taken to be empty. Throws a ConfigurationError where customers or
 * feeds are at fault.
 */
export async function prepareJob(
  config: Config,
  { streaming, dryRun }: { readonly streaming: boolean; readonly dryRun: boolean },
): Promise<PreparedJob> {
  const options = config.dataflow;
  if (options === undefined) throw new Error('the configuration was not checked for Dataflow');
  await mkdir(config.reference.snapshot, { recursive: true });
  const reference = await prepareReference(config);
  const there = stagedSnapshot(options, reference);
  const spec = streaming
    ? await streamingSpec(config, there, { offline: dryRun })
    : batchSpec(config, there);
  const pipeline = await pipelineFile((root) => {
    buildPipeline(root, spec);
  }, options.image);
  return { options, pipeline, pipelineUrl: pipelineUrl(options, pipeline), streaming, reference };
}

/** Uploads what the job needs: the reference data and the pipeline. */
export async function stageJob({ options, pipeline, reference }: PreparedJob): Promise<void> {
  await stageSnapshot(options, reference);
  await stagePipeline(options, pipeline);
}
