/**
 * gRPC calls of Beam's protocols.
 *
 * Fault: the SDK's clients keep gRPC's limit of 4 MB a message, so that a side input or an element
 * beyond it hangs a job in RUNNING without a word. Fault: they leave out the `worker_id` that the
 * model wants with each call. Repair: clients of our own over the SDK's messages, without a limit.
 */
import * as grpc from '@grpc/grpc-js';

/** What protobuf-ts makes of a message. */
export interface MessageType<T> {
  toBinary(message: T): Uint8Array;
  fromBinary(bytes: Uint8Array): T;
}

/** A method of a service; `path` is `/package.Service/Method`. */
export interface Method<Request, Response> {
  readonly path: string;
  readonly request: MessageType<Request>;
  readonly response: MessageType<Response>;
}

/** Messages of a stream that one side writes and the other reads. */
export type Duplex<Request, Response> = grpc.ClientDuplexStream<Request, Response>;

const UNLIMITED: grpc.ClientOptions = {
  'grpc.max_receive_message_length': -1,
  'grpc.max_send_message_length': -1,
  // An engine may be asked for many jobs; a channel of another one must not be found.
  'grpc.use_local_subchannel_pool': 1,
};

/** Calls to one endpoint, unencrypted as engines and their workers speak. */
export class RpcClient {
  readonly #client: grpc.Client;
  readonly #metadata: grpc.Metadata;

  /** `endpoint` is HOST:PORT. `workerId` goes with every call. */
  constructor(endpoint: string, workerId?: string) {
    this.#client = new grpc.Client(endpoint, grpc.credentials.createInsecure(), UNLIMITED);
    this.#metadata = new grpc.Metadata();
    if (workerId !== undefined) this.#metadata.set('worker_id', workerId);
  }

  /** Resolves with the answer; rejects with gRPC's error, at the latest after `timeoutMs`. */
  unary<Request, Response>(
    method: Method<Request, Response>,
    request: Request,
    timeoutMs = 60_000,
  ): Promise<Response> {
    return new Promise((resolve, reject) => {
      this.#client.makeUnaryRequest(
        method.path,
        serializer(method.request),
        deserializer(method.response),
        request,
        this.#metadata,
        { deadline: Date.now() + timeoutMs },
        (error, response) => {
          if (error !== null) reject(error);
          else if (response === undefined) reject(new Error(`${method.path} gave no answer`));
          else resolve(response);
        },
      );
    });
  }

  duplex<Request, Response>(method: Method<Request, Response>): Duplex<Request, Response> {
    return this.#client.makeBidiStreamRequest(
      method.path,
      serializer(method.request),
      deserializer(method.response),
      this.#metadata,
    );
  }

  /** Answers to one request, as they come. */
  stream<Request, Response>(
    method: Method<Request, Response>,
    request: Request,
  ): grpc.ClientReadableStream<Response> {
    return this.#client.makeServerStreamRequest(
      method.path,
      serializer(method.request),
      deserializer(method.response),
      request,
      this.#metadata,
    );
  }

  /** Resolves when the endpoint is reached; rejects where it is not within `timeoutMs`. */
  ready(timeoutMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#client.waitForReady(Date.now() + timeoutMs, (error) => {
        if (error === undefined) resolve();
        else reject(error);
      });
    });
  }

  close(): void {
    this.#client.close();
  }
}

function serializer<T>(type: MessageType<T>): (message: T) => Buffer {
  return (message) => {
    const bytes = type.toBinary(message);
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  };
}

function deserializer<T>(type: MessageType<T>): (bytes: Buffer) => T {
  return (bytes) => type.fromBinary(bytes);
}
