/**
 * Transforms of another SDK: in the graph they are placeholders, until the launcher has an expansion
 * service put its own in their place (`expand-external.ts`).
 *
 * Fault: the SDK's external transforms are asynchronous all the way up to the graph's function, name
 * their parts by a counter of the process, and start services of their own.
 * Repair: building the graph stays synchronous and asks nobody; an engine that has none refuses the
 * placeholder's URN.
 */
import './prepare.js';
import 'apache-beam';
import type { PCollection, Root } from 'apache-beam';
import type { Coder } from 'apache-beam/coders/coders';
import type { Pipeline } from 'apache-beam/internal/pipeline';
import type { PTransform } from 'apache-beam/proto/beam_runner_api';
import { withName } from 'apache-beam/transforms/transform';
import type { Configuration } from './external-configuration.js';
import { unbounded } from './source.js';

export const EXTERNAL_URN = 'flowsieve:transform:external:v1';

/** What a placeholder stands for. Plain JSON. */
export interface ExternalTransform {
  /** As the expansion service knows it. */
  readonly urn: string;
  readonly configuration: Configuration;
}

/** Applies a source of another SDK; `coder` must be that of its output. Unbounded. */
export function externalSource<T>(
  root: Root,
  name: string,
  external: ExternalTransform,
  coder: Coder<T>,
): PCollection<T> {
  return unbounded(root, name, EXTERNAL_URN, () => encodeExternal(external), coder);
}

/** Applies a sink of another SDK, which must understand the coder of `input`. */
export function externalSink(
  input: PCollection<unknown>,
  name: string,
  external: ExternalTransform,
): void {
  const expand = (_input: unknown, _pipeline: Pipeline, proto: PTransform): unknown => {
    proto.spec = { urn: EXTERNAL_URN, payload: encodeExternal(external) };
    proto.environmentId = '';
    return {};
  };
  input.apply(withName(name, expand) as never);
}

function encodeExternal(external: ExternalTransform): Uint8Array {
  return Buffer.from(JSON.stringify(external));
}

/** Reads the payload of a placeholder. */
export function decodeExternal(payload: Uint8Array): ExternalTransform {
  return JSON.parse(Buffer.from(payload).toString()) as ExternalTransform;
}
