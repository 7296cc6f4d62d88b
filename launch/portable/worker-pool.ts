import '../../beam/prepare.js';
import 'apache-beam';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import * as grpc from '@grpc/grpc-js';
import {
  StartWorkerRequest,
  StartWorkerResponse,
  StopWorkerRequest,
  StopWorkerResponse,
} from 'apache-beam/proto/beam_fn_api';
import type { MessageType } from '../../beam/worker/rpc.js';

const KILL_AFTER_MS = 5000;

/** Starts and stops worker processes as an engine asks for: its `external` environment. */
export class WorkerPool {
  /** HOST:PORT. */
  readonly endpoint: string;
  readonly #server: grpc.Server;
  readonly #workers: Map<string, ChildProcess>;

  private constructor(endpoint: string, server: grpc.Server, workers: Map<string, ChildProcess>) {
    this.endpoint = endpoint;
    this.#server = server;
    this.#workers = workers;
  }

  /** Listens at `address` (HOST:PORT, port 0 = any); a worker is `command` with an engine's flags. */
  static async listen(address: string, command: string): Promise<WorkerPool> {
    const server = new grpc.Server();
    const workers = new Map<string, ChildProcess>();
    const start = (request: StartWorkerRequest): StartWorkerResponse => {
      const { workerId, controlEndpoint, loggingEndpoint, provisionEndpoint } = request;
      const endpoints = {
        // Provision tells the rest, and the pipeline's options.
        ...(provisionEndpoint === undefined
          ? { control_endpoint: controlEndpoint?.url, logging_endpoint: loggingEndpoint?.url }
          : { provision_endpoint: provisionEndpoint.url }),
      };
      const flags = Object.entries(endpoints).flatMap(([name, url]) =>
        url === undefined ? [] : [`--${name}=${url}`],
      );
      const worker = spawn(command, [`--id=${workerId}`, ...flags], { stdio: 'inherit' });
      // One that cannot be started says nothing and is missed; see WorkerDeadline.
      worker.on('error', () => workers.delete(workerId));
      worker.on('exit', () => workers.delete(workerId));
      workers.set(workerId, worker);
      return { error: '' };
    };
    const stop = ({ workerId }: StopWorkerRequest): StopWorkerResponse => {
      workers.get(workerId)?.kill('SIGTERM');
      return { error: '' };
    };
    server.addService(
      {
        startWorker: methodOf('StartWorker', StartWorkerRequest, StartWorkerResponse),
        stopWorker: methodOf('StopWorker', StopWorkerRequest, StopWorkerResponse),
      },
      { startWorker: answering(start), stopWorker: answering(stop) },
    );
    const credentials = grpc.ServerCredentials.createInsecure();
    const port = await new Promise<number>((resolve, reject) => {
      server.bindAsync(address, credentials, (error, bound) => {
        if (error === null) resolve(bound);
        else reject(error);
      });
    });
    const host = address.slice(0, address.lastIndexOf(':'));
    return new WorkerPool(`${host}:${port}`, server, workers);
  }

  /** Stops all workers that still run, and takes no more. */
  async close(): Promise<void> {
    const running = [...this.#workers.values()];
    const ends = running.map((worker) => once(worker, 'exit'));
    for (const worker of running) worker.kill('SIGTERM');
    const killing = setTimeout(() => {
      for (const worker of running) worker.kill('SIGKILL');
    }, KILL_AFTER_MS);
    await Promise.all(ends);
    clearTimeout(killing);
    this.#server.forceShutdown();
  }
}

function methodOf<Request, Response>(
  name: string,
  request: MessageType<Request>,
  response: MessageType<Response>,
): grpc.MethodDefinition<Request, Response> {
  return {
    path: `/org.apache.beam.model.fn_execution.v1.BeamFnExternalWorkerPool/${name}`,
    requestStream: false,
    responseStream: false,
    requestSerialize: (message) => Buffer.from(request.toBinary(message)),
    requestDeserialize: (bytes) => request.fromBinary(bytes),
    responseSerialize: (message) => Buffer.from(response.toBinary(message)),
    responseDeserialize: (bytes) => response.fromBinary(bytes),
  };
}

function answering<Request, Response>(
  answer: (request: Request) => Response,
): grpc.handleUnaryCall<Request, Response> {
  return (call, callback) => callback(null, answer(call.request));
}
