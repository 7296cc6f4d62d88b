/** Sinks that the engine itself runs: a standard URN without an output. */
import './prepare.js';
import 'apache-beam';
import type { PCollection } from 'apache-beam';
import type { Pipeline } from 'apache-beam/internal/pipeline';
import type { PTransform } from 'apache-beam/proto/beam_runner_api';
import { withName } from 'apache-beam/transforms/transform';

/** Hands `input` to the engine's own transform of `urn`. */
export function primitiveSink(
  input: PCollection<unknown>,
  name: string,
  urn: string,
  payload: Uint8Array,
): void {
  const expand = (_input: unknown, _pipeline: Pipeline, proto: PTransform): object => {
    proto.spec = { urn, payload };
    // No worker of ours runs it.
    proto.environmentId = '';
    return {};
  };
  input.apply(withName(name, expand) as never);
}
