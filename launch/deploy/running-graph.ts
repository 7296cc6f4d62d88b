import { createHash } from 'node:crypto';
import { Pipeline } from 'apache-beam/proto/beam_runner_api';
import { getGcs } from '../../transforms/objects/gcs.js';
import type { DataflowJob } from '../dataflow/job-body.js';

/**
 * The pipeline that a job runs, from where its options say that it is. Throws where they say nothing,
 * or it is not there any more or another.
 */
export async function runningPipeline(job: DataflowJob): Promise<Pipeline> {
  const { pipelineUrl, pipelineProtoHash } = job.environment?.sdkPipelineOptions?.options ?? {};
  const id = job.id ?? '';
  if (typeof pipelineUrl !== 'string') throw new Error(`job ${id} does not say what it runs`);
  const bytes = await getGcs(pipelineUrl);
  if (bytes === undefined) throw new Error(`the pipeline of job ${id} is gone: ${pipelineUrl}`);
  const found = createHash('sha256').update(bytes).digest('hex');
  if (pipelineProtoHash !== found) {
    throw new Error(`${pipelineUrl} is not the pipeline that job ${id} was started with`);
  }
  return Pipeline.fromBinary(bytes);
}
