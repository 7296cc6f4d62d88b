import '../../../beam/fn.js';
import { EventEmitter, once } from 'node:events';
import * as grpc from '@grpc/grpc-js';
import {
  Elements,
  GetProcessBundleDescriptorRequest,
  InstructionRequest,
  InstructionResponse,
  LogControl,
  LogEntry_List,
  ProcessBundleDescriptor,
  StateRequest,
  StateResponse,
  type LogEntry,
} from 'apache-beam/proto/beam_fn_api';
import {
  GetProvisionInfoRequest,
  GetProvisionInfoResponse,
  type ProvisionInfo,
} from 'apache-beam/proto/beam_provision_api';
import type { MessageType } from '../../../beam/worker/rpc.js';

const UNLIMITED = { 'grpc.max_receive_message_length': -1, 'grpc.max_send_message_length': -1 };
const FN = 'org.apache.beam.model.fn_execution.v1';

type Duplex<Request, Response> = grpc.ServerDuplexStream<Request, Response>;

/** What a bundle has sent so far. */
export interface Received {
  readonly chunks: Uint8Array[];
  isLast: boolean;
}

/**
 * The engine's side of Beam's Fn API, on 127.0.0.1: what a worker connects to, under the control of
 * a test. As Prism, it refuses whoever does not say its worker id.
 */
export class FakeEngine extends EventEmitter {
  readonly logs: LogEntry[] = [];
  readonly workerIds: string[] = [];
  readonly descriptors = new Map<string, ProcessBundleDescriptor>();
  readonly received = new Map<string, Received>();
  /** Answers requests for state, or with undefined leaves one open; the default has none. */
  answerState: (request: StateRequest) => Partial<StateResponse> | undefined = () => ({
    error: 'no state',
  });
  provision: Partial<ProvisionInfo> = {};
  control: Duplex<InstructionResponse, InstructionRequest> | undefined;
  readonly controls: Duplex<InstructionResponse, InstructionRequest>[] = [];
  data: Duplex<Elements, Elements> | undefined;
  state: Duplex<StateRequest, StateResponse> | undefined;
  readonly #server = new grpc.Server(UNLIMITED);
  readonly #responses = new Map<string, InstructionResponse>();
  #port = 0;

  get endpoint(): string {
    return `127.0.0.1:${this.#port}`;
  }

  static async start(): Promise<FakeEngine> {
    const engine = new FakeEngine();
    await engine.#listen();
    return engine;
  }

  /** Sends an instruction and resolves with the answer. */
  async ask(
    instructionId: string,
    request: InstructionRequest['request'],
  ): Promise<InstructionResponse> {
    await this.connected();
    this.control?.write({ instructionId, request });
    return this.answer(instructionId);
  }

  async answer(instructionId: string): Promise<InstructionResponse> {
    for (;;) {
      const response = this.#responses.get(instructionId);
      if (response !== undefined) return response;
      await once(this, 'response');
    }
  }

  async connected(): Promise<void> {
    while (this.control === undefined) await once(this, 'control');
  }

  /** Has a bundle begin; resolves with its answer. */
  bundle(instructionId: string, descriptorId: string): Promise<InstructionResponse> {
    return this.ask(instructionId, {
      oneofKind: 'processBundle',
      processBundle: { processBundleDescriptorId: descriptorId, cacheTokens: [] },
    } as never);
  }

  /** Sends elements; waits for the worker's data stream first. */
  async send(instructionId: string, data: Uint8Array, isLast: boolean): Promise<void> {
    while (this.data === undefined) await once(this, 'data-stream');
    this.data.write({
      data: [{ instructionId, transformId: 'source', data, isLast }],
      timers: [],
    });
  }

  /** All bytes that a bundle has sent, once it has told the last. */
  async all(instructionId: string): Promise<Uint8Array> {
    while (this.received.get(instructionId)?.isLast !== true) await once(this, 'elements');
    return Buffer.concat(this.received.get(instructionId)?.chunks ?? []);
  }

  /** Gone, without a word to its workers. */
  stop(): void {
    this.#server.forceShutdown();
  }

  async #listen(): Promise<void> {
    const named = (call: { readonly metadata: grpc.Metadata }): boolean => {
      const id: unknown = call.metadata.get('worker_id')[0];
      if (typeof id !== 'string') return false;
      this.workerIds.push(id);
      return true;
    };
    this.#server.addService(
      {
        control: duplex(`${FN}.BeamFnControl/Control`, InstructionResponse, InstructionRequest),
        describe: unary(
          `${FN}.BeamFnControl/GetProcessBundleDescriptor`,
          GetProcessBundleDescriptorRequest,
          ProcessBundleDescriptor,
        ),
        data: duplex(`${FN}.BeamFnData/Data`, Elements, Elements),
        state: duplex(`${FN}.BeamFnState/State`, StateRequest, StateResponse),
        logging: duplex(`${FN}.BeamFnLogging/Logging`, LogEntry_List, LogControl),
        provision: unary(
          `${FN}.ProvisionService/GetProvisionInfo`,
          GetProvisionInfoRequest,
          GetProvisionInfoResponse,
        ),
      },
      {
        control: (call: Duplex<InstructionResponse, InstructionRequest>) => {
          if (!named(call)) {
            call.end();
            return;
          }
          this.control = call;
          this.controls.push(call);
          call.on('data', (response: InstructionResponse) => {
            this.#responses.set(response.instructionId, response);
            this.emit('response');
          });
          call.on('error', () => undefined);
          call.on('end', () => call.end());
          this.emit('control');
        },
        describe: (
          call: grpc.ServerUnaryCall<GetProcessBundleDescriptorRequest, ProcessBundleDescriptor>,
          reply: grpc.sendUnaryData<ProcessBundleDescriptor>,
        ) => {
          const found = this.descriptors.get(call.request.processBundleDescriptorId);
          if (!named(call) || found === undefined) {
            reply({ code: grpc.status.INVALID_ARGUMENT, details: 'no worker_id' });
          } else {
            reply(null, found);
          }
        },
        data: (call: Duplex<Elements, Elements>) => {
          this.data = call;
          call.on('data', (elements: Elements) => {
            for (const { instructionId, data, isLast } of elements.data)
              this.#take(instructionId, data, isLast);
          });
          call.on('error', () => undefined);
          call.on('end', () => call.end());
          this.emit('data-stream');
        },
        state: (call: Duplex<StateRequest, StateResponse>) => {
          this.state = call;
          call.on('data', (request: StateRequest) => {
            const answer = this.answerState(request);
            if (answer === undefined) return;
            const nothing = { error: '', response: { oneofKind: undefined } };
            call.write({ id: request.id, ...nothing, ...answer });
          });
          call.on('error', () => undefined);
          call.on('end', () => call.end());
        },
        logging: (call: Duplex<LogEntry_List, LogControl>) => {
          call.on('data', ({ logEntries }: LogEntry_List) => {
            this.logs.push(...logEntries);
            this.emit('log');
          });
          call.on('error', () => undefined);
          call.on('end', () => call.end());
        },
        provision: (
          call: grpc.ServerUnaryCall<GetProvisionInfoRequest, GetProvisionInfoResponse>,
          reply: grpc.sendUnaryData<GetProvisionInfoResponse>,
        ) => {
          if (!named(call)) {
            reply({ code: grpc.status.INVALID_ARGUMENT });
            return;
          }
          const url = { url: this.endpoint, authentication: undefined };
          const info = { controlEndpoint: url, loggingEndpoint: url, ...this.provision };
          reply(null, GetProvisionInfoResponse.create({ info } as never));
        },
      },
    );
    const credentials = grpc.ServerCredentials.createInsecure();
    this.#port = await new Promise<number>((resolve, reject) => {
      this.#server.bindAsync('127.0.0.1:0', credentials, (error, port) => {
        if (error === null) resolve(port);
        else reject(error);
      });
    });
  }

  #take(instructionId: string, data: Uint8Array, isLast: boolean): void {
    let received = this.received.get(instructionId);
    if (received === undefined) {
      received = { chunks: [], isLast: false };
      this.received.set(instructionId, received);
    }
    if (data.length > 0) received.chunks.push(data);
    received.isLast ||= isLast;
    this.emit('elements');
  }
}

function definition<Request, Response>(
  path: string,
  request: MessageType<Request>,
  response: MessageType<Response>,
  stream: boolean,
): grpc.MethodDefinition<Request, Response> {
  return {
    path: `/${path}`,
    requestStream: stream,
    responseStream: stream,
    requestSerialize: (message) => Buffer.from(request.toBinary(message)),
    requestDeserialize: (bytes) => request.fromBinary(bytes),
    responseSerialize: (message) => Buffer.from(response.toBinary(message)),
    responseDeserialize: (bytes) => response.fromBinary(bytes),
  };
}

function unary<Request, Response>(
  path: string,
  request: MessageType<Request>,
  response: MessageType<Response>,
): grpc.MethodDefinition<Request, Response> {
  return definition(path, request, response, false);
}

function duplex<Request, Response>(
  path: string,
  request: MessageType<Request>,
  response: MessageType<Response>,
): grpc.MethodDefinition<Request, Response> {
  return definition(path, request, response, true);
}
