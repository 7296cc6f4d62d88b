/**
 * What an engine wants a bundle to do.
 *
 * Fault: the SDK asks for it without saying which worker asks; Prism refuses that. Its repair for
 * Dataflow, which names coders of windowed values where the model wants those of elements, is kept.
 */
import {
  GetProcessBundleDescriptorRequest,
  ProcessBundleDescriptor,
} from 'apache-beam/proto/beam_fn_api';
import type { Method, RpcClient } from './rpc.js';

const GET_DESCRIPTOR: Method<GetProcessBundleDescriptorRequest, ProcessBundleDescriptor> = {
  path: '/org.apache.beam.model.fn_execution.v1.BeamFnControl/GetProcessBundleDescriptor',
  request: GetProcessBundleDescriptorRequest,
  response: ProcessBundleDescriptor,
};

const WINDOWED = ['beam:coder:windowed_value:v1', 'beam:coder:param_windowed_value:v1'];

/** Descriptors of an engine, each asked for once. */
export class Descriptors {
  readonly #client: RpcClient;
  readonly #found = new Map<string, Promise<ProcessBundleDescriptor>>();

  /** `client` must be of the control endpoint and say the worker's id. */
  constructor(client: RpcClient) {
    this.#client = client;
  }

  get(id: string): Promise<ProcessBundleDescriptor> {
    let found = this.#found.get(id);
    if (found === undefined) {
      const request = { processBundleDescriptorId: id };
      found = this.#client.unary(GET_DESCRIPTOR, request).then(withElementCoders);
      found.catch(() => this.#found.delete(id));
      this.#found.set(id, found);
    }
    return found;
  }
}

function withElementCoders(descriptor: ProcessBundleDescriptor): ProcessBundleDescriptor {
  for (const collection of Object.values(descriptor.pcollections)) {
    const { spec, componentCoderIds } = descriptor.coders[collection.coderId];
    if (spec !== undefined && WINDOWED.includes(spec.urn)) {
      collection.coderId = componentCoderIds[0];
    }
  }
  return descriptor;
}
