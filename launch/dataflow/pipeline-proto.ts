import '../../beam/operators.js';
import { createHash } from 'node:crypto';
import type { Root } from 'apache-beam';
import { asDockerEnvironment } from 'apache-beam/internal/environments';
import { Pipeline } from 'apache-beam/proto/beam_runner_api';
import { PipelineResult, Runner } from 'apache-beam/runners/runner';

/** A pipeline as it is uploaded. */
export interface PipelineFile {
  readonly proto: Pipeline;
  readonly bytes: Uint8Array;
  /** SHA-256 of `bytes`, hexadecimal. */
  readonly sha256: string;
}

/** The pipeline that `build` makes, with all steps of ours in containers of `image`; nothing runs. */
export async function pipelineFile(
  build: (root: Root) => void,
  image: string,
): Promise<PipelineFile> {
  const keeper = new PipelineKeeper();
  await keeper.runAsync((root: Root) => {
    build(root);
  });
  const { pipeline } = keeper;
  if (pipeline?.components === undefined) throw new Error('the graph has no steps');
  const { environments } = pipeline.components;
  for (const [id, environment] of Object.entries(environments)) {
    // Nothing is staged: the image has the code.
    environments[id] = {
      ...asDockerEnvironment(environment, image),
      dependencies: [],
      displayData: [],
    };
  }
  const bytes = Pipeline.toBinary(pipeline);
  return { proto: pipeline, bytes, sha256: createHash('sha256').update(bytes).digest('hex') };
}

/** A runner that keeps the pipeline instead of running it. */
class PipelineKeeper extends Runner {
  pipeline: Pipeline | undefined;

  override runPipeline(pipeline: Pipeline): Promise<PipelineResult> {
    this.pipeline = pipeline;
    return Promise.resolve(new PipelineResult());
  }
}
