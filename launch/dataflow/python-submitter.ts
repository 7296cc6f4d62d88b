import '../../beam/prepare.js';
import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import 'apache-beam';
import { Struct } from 'apache-beam/proto/google/protobuf/struct';
import { JobState_Enum } from 'apache-beam/proto/beam_job_api';
import { PortableRunner } from 'apache-beam/runners/portable_runner/runner';
import { stagingOf } from './job-body.js';
import type { DataflowOptions } from './options.js';
import type { PreparedJob } from './prepare-job.js';

const MODULE = 'apache_beam.runners.dataflow.dataflow_job_service';

/** Until Python has loaded its service, and until that has submitted the job. */
const START_LIMIT_MS = 180_000;
const SUBMIT_LIMIT_MS = 300_000;
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
  const service = new PythonService(process.env['FLOWSIEVE_PYTHON'] ?? 'python3');
  try {
    const port = await service.line(/Listening for beam jobs on port (\d+)/, START_LIMIT_MS);
    const runner = new PortableRunner({ jobEndpoint: `localhost:${port}` });
    const client = await (runner as unknown as { getClient(): Promise<JobClient> }).getClient();
    const { preparationId } = await client.prepare({
      pipeline: job.pipeline.proto,
      jobName: job.options.jobName,
      pipelineOptions: Struct.fromJson(pythonOptions(job) as never),
    }).response;
    const { jobId } = await client.run({ preparationId, retrievalToken: '' }).response;
    let over = false;
    const watch = async (): Promise<never> => {
      while (!over) {
        const { state } = await client.getState({ jobId }).response;
        if (state === JobState_Enum.FAILED) throw service.failure('Python did not submit the job');
        await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      }
      return new Promise<never>(() => undefined);
    };
    try {
      return await Promise.race([
        service.line(/Created job with id: \[([^\]]+)\]/, SUBMIT_LIMIT_MS),
        watch(),
      ]);
    } finally {
      over = true;
    }
  } finally {
    service.end();
  }
}

interface JobClient {
  prepare(request: object): { readonly response: Promise<{ readonly preparationId: string }> };
  run(request: object): { readonly response: Promise<{ readonly jobId: string }> };
  getState(request: object): { readonly response: Promise<{ readonly state: JobState_Enum }> };
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
    num_workers: options.numWorkers,
    max_num_workers: options.maxWorkers,
    autoscaling_algorithm: options.autoscaling,
    machine_type: options.machineType,
    disk_size_gb: options.diskSizeGb,
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
