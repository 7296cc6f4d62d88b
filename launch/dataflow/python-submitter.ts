import '../../beam/prepare.js';
import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import * as grpc from '@grpc/grpc-js';
import 'apache-beam';
import { Struct } from 'apache-beam/proto/google/protobuf/struct';
import {
  GetJobStateRequest,
  JobStateEvent,
  JobState_Enum,
  PrepareJobRequest,
  PrepareJobResponse,
  RunJobRequest,
  RunJobResponse,
} from 'apache-beam/proto/beam_job_api';
import { stagingOf } from './job-body.js';
import type { DataflowOptions } from './options.js';
import type { PreparedJob } from './prepare-job.js';

const MODULE = 'apache_beam.runners.dataflow.dataflow_job_service';

/** Until Python has loaded its service, and until that has submitted the job. */
const START_LIMIT_MS = 180_000;
const SUBMIT_LIMIT_MS = 300_000;
const CALL_LIMIT_MS = 60_000;
const POLL_MS = 500;

/** Lines of the service that a failure's message repeats. */
const SHOWN_LINES = 15;

/** Python, or Python's packages, are not there. */
export class PythonError extends Error {
  override readonly name = 'PythonError';
}

/**
 * Has the job submitted by the job service of Beam's Python SDK (`apache-beam[gcp]`, in the Python
 * that FLOWSIEVE_PYTHON names, or python3): the official way for SDKs that have no launcher of their
 * own. Returns the job's id; the service is ended then. Throws a PythonError.
 */
export async function submitByPython(job: PreparedJob): Promise<string> {
  const { numWorkers, maxWorkers, diskSizeGb } = job.options;
  if (numWorkers !== undefined || maxWorkers !== undefined || diskSizeGb !== undefined) {
    // Seen in 2.77: numbers come out of the job API as floats, and texts stay texts.
    throw new PythonError(
      "Python's job service fails on whole numbers: leave out numWorkers, maxWorkers and diskSizeGb",
    );
  }
  const service = new PythonService(process.env['FLOWSIEVE_PYTHON'] ?? 'python3');
  try {
    const port = await service.line(/Listening for beam jobs on port (\d+)/, START_LIMIT_MS);
    const client = new JobService(`localhost:${port}`);
    const { preparationId } = await client.call('Prepare', PrepareJobRequest, PrepareJobResponse, {
      pipeline: job.pipeline.proto,
      jobName: job.options.jobName,
      pipelineOptions: Struct.fromJson(pythonOptions(job) as never),
    });
    // Nothing is staged in between: the image has the code.
    const run = { preparationId, retrievalToken: '' };
    const { jobId } = await client.call('Run', RunJobRequest, RunJobResponse, run);
    let over = false;
    const watch = async (): Promise<string> => {
      while (!over) {
        const { state } = await client.call('GetState', GetJobStateRequest, JobStateEvent, {
          jobId,
        });
        if (state === JobState_Enum.FAILED) throw service.failure('Python did not submit the job');
        await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      }
      return '';
    };
    try {
      return await Promise.race([
        service.line(/Created job with id: \[([^\]]+)\]/, SUBMIT_LIMIT_MS),
        watch().catch((error: unknown) => {
          // Once the job is there the service is ended, in the middle of a question perhaps.
          if (over) return '';
          throw error;
        }),
      ]);
    } finally {
      over = true;
      client.close();
    }
  } finally {
    service.end();
  }
}

interface MessageType<T> {
  toBinary(message: T): Uint8Array;
  fromBinary(bytes: Uint8Array): T;
}

/**
 * Beam's job API. Fault: the SDK's own client mixes two versions of gRPC, which refuse each other's
 * credentials, and stops at 4 MB a message.
 */
class JobService {
  readonly #client: grpc.Client;

  constructor(endpoint: string) {
    this.#client = new grpc.Client(endpoint, grpc.credentials.createInsecure(), {
      'grpc.max_receive_message_length': -1,
      'grpc.max_send_message_length': -1,
    });
  }

  call<Request, Response>(
    method: string,
    asked: MessageType<Request>,
    answered: MessageType<Response>,
    request: Request,
  ): Promise<Response> {
    return new Promise((resolve, reject) => {
      this.#client.makeUnaryRequest(
        `/org.apache.beam.model.job_management.v1.JobService/${method}`,
        (message: Request) => Buffer.from(asked.toBinary(message)),
        (bytes) => answered.fromBinary(bytes),
        request,
        { deadline: Date.now() + CALL_LIMIT_MS },
        (error, response) => {
          if (error !== null) reject(error);
          else if (response !== undefined) resolve(response);
        },
      );
    });
  }

  close(): void {
    this.#client.close();
  }
}

/** The options as Python's launcher calls them. */
export function pythonOptions({ options, streaming }: PreparedJob): Record<string, unknown> {
  const local = options.endpoint.startsWith('http:');
  const given: Record<string, unknown> = {
    runner: 'dataflow',
    project: options.project,
    region: options.region,
    job_name: options.jobName,
    temp_location: options.tempLocation,
    staging_location: stagingOf(options),
    streaming,
    autoscaling_algorithm: options.autoscaling,
    machine_type: options.machineType,
    disk_type:
      options.diskType === undefined
        ? undefined
        : `compute.googleapis.com/projects//zones//diskTypes/${options.diskType}`,
    network: options.network,
    subnetwork: options.subnetwork,
    use_public_ips: options.publicIps,
    service_account_email: options.serviceAccount,
    dataflow_kms_key: options.kmsKey,
    labels: labelsOf(options),
    experiments: ['use_sibling_sdk_workers', ...options.experiments],
    dataflow_service_options: options.serviceOptions,
    flexrs_goal: options.flexrs,
    worker_region: options.workerRegion,
    worker_zone: options.workerZone,
    // Python takes what has "localhost" in it for a stand-in, to be asked without credentials.
    dataflow_endpoint: options.endpoint.replace('127.0.0.1', 'localhost'),
    ...(local ? { no_auth: true } : {}),
  };
  return Object.fromEntries(
    Object.entries(given)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => [`beam:option:${name}:v1`, value]),
  );
}

function labelsOf({ labels }: DataflowOptions): string[] {
  return Object.entries(labels).map(([key, value]) => `${key}=${value}`);
}

/** The job service, in a process of its own. */
class PythonService {
  readonly #process: ChildProcess;
  readonly #lines: string[] = [];
  readonly #waiting = new Set<(line: string | undefined) => void>();
  #problem: string | undefined;

  constructor(python: string) {
    this.#process = spawn(python, ['-m', MODULE, '--port', '0'], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const ended = (problem: string): void => {
      this.#problem ??= problem;
      for (const tell of this.#waiting) tell(undefined);
    };
    this.#process.on('error', (error) => {
      ended(`${python} cannot be started: ${error.message}`);
    });
    this.#process.on('exit', (code) => {
      ended(`${python} -m ${MODULE} ended with ${code ?? 'a signal'}; it needs apache-beam[gcp]`);
    });
    const { stderr } = this.#process;
    if (stderr === null) return;
    createInterface({ input: stderr }).on('line', (line) => {
      this.#lines.push(line.slice(0, 1000));
      if (this.#lines.length > 1000) this.#lines.shift();
      for (const tell of this.#waiting) tell(line);
    });
  }

  /** What `pattern` found in a line that was printed, or will be. */
  line(pattern: RegExp, limitMs: number): Promise<string> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        done();
        reject(this.failure(`Python's job service did not say ${pattern.source}`));
      }, limitMs);
      const look = (line: string | undefined): void => {
        const found = line === undefined ? undefined : pattern.exec(line)?.[1];
        if (found === undefined && this.#problem === undefined) return;
        done();
        if (found !== undefined) resolve(found);
        else reject(this.failure(this.#problem ?? ''));
      };
      const done = (): void => {
        clearTimeout(timer);
        this.#waiting.delete(look);
      };
      this.#waiting.add(look);
      for (const line of [...this.#lines, undefined]) if (this.#waiting.has(look)) look(line);
    });
  }

  failure(message: string): PythonError {
    return new PythonError([message, ...this.#lines.slice(-SHOWN_LINES)].join('\n'));
  }

  end(): void {
    this.#process.kill();
  }
}
