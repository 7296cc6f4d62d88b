/**
 * Side inputs from an engine.
 *
 * Fault: when the SDK's state stream breaks, nobody tells those that wait for an answer, and their
 * bundle never ends. Repair: they are all rejected.
 */
import type { MaybePromise } from 'apache-beam/worker/state';
import { StateRequest, StateResponse, type StateKey } from 'apache-beam/proto/beam_fn_api';
import type { Duplex, Method, RpcClient } from './rpc.js';

const STATE: Method<StateRequest, StateResponse> = {
  path: '/org.apache.beam.model.fn_execution.v1.BeamFnState/State',
  request: StateRequest,
  response: StateResponse,
};

interface Waiting {
  resolve(response: StateResponse): void;
  reject(error: Error): void;
}

/** One stream of requests for state, shared by all bundles of a worker. */
export class FailingStateChannel {
  readonly #stream: Duplex<StateRequest, StateResponse>;
  readonly #waiting = new Map<string, Waiting>();
  #requests = 0;
  #broken: Error | undefined;

  constructor(client: RpcClient) {
    this.#stream = client.duplex(STATE);
    this.#stream.on('data', (response: StateResponse) => {
      const waiting = this.#waiting.get(response.id);
      this.#waiting.delete(response.id);
      waiting?.resolve(response);
    });
    this.#stream.on('error', (error) => this.#break(error));
    this.#stream.on('end', () => this.#break(new Error('the state stream has ended')));
  }

  /** As the SDK's state provider calls it: all bytes behind a key, decoded. */
  getState<T>(
    instructionId: string,
    stateKey: StateKey,
    decode: (data: Uint8Array) => T,
  ): MaybePromise<T> {
    return { type: 'promise', promise: this.#read(instructionId, stateKey).then(decode) };
  }

  close(): void {
    this.#stream.end();
  }

  async #read(instructionId: string, stateKey: StateKey): Promise<Uint8Array> {
    const chunks: Uint8Array[] = [];
    let continuationToken: Uint8Array = new Uint8Array();
    do {
      const { response, error } = await this.#ask({
        id: `get-${this.#requests++}`,
        instructionId,
        stateKey,
        request: { oneofKind: 'get', get: { continuationToken } },
      });
      if (error !== '') throw new Error(error);
      if (response.oneofKind !== 'get') throw new Error('the engine did not answer with state');
      chunks.push(response.get.data);
      continuationToken = response.get.continuationToken;
    } while (continuationToken.length > 0);
    return chunks.length === 1 ? chunks[0] : Buffer.concat(chunks);
  }

  #ask(request: StateRequest): Promise<StateResponse> {
    if (this.#broken !== undefined) return Promise.reject(this.#broken);
    return new Promise((resolve, reject) => {
      this.#waiting.set(request.id, { resolve, reject });
      this.#stream.write(request);
    });
  }

  #break(error: Error): void {
    this.#broken ??= error;
    for (const waiting of this.#waiting.values()) waiting.reject(error);
    this.#waiting.clear();
  }
}
