import '../../beam/prepare.js';
import 'apache-beam';
import {
  CancelJobRequest,
  CancelJobResponse,
  GetJobMetricsRequest,
  GetJobMetricsResponse,
  GetJobStateRequest,
  JobMessage_MessageImportance,
  JobMessagesRequest,
  JobMessagesResponse,
  type JobState_Enum,
  JobStateEvent,
  PrepareJobRequest,
  PrepareJobResponse,
  RunJobRequest,
  RunJobResponse,
  type MetricResults,
} from 'apache-beam/proto/beam_job_api';
import type { Pipeline } from 'apache-beam/proto/beam_runner_api';
import { Struct } from 'apache-beam/proto/google/protobuf/struct';
import { RpcClient, type MessageType, type Method } from '../../beam/worker/rpc.js';

function method<Request, Response>(
  name: string,
  request: MessageType<Request>,
  response: MessageType<Response>,
): Method<Request, Response> {
  const path = `/org.apache.beam.model.job_management.v1.JobService/${name}`;
  return { path, request, response };
}

const PREPARE = method('Prepare', PrepareJobRequest, PrepareJobResponse);
const RUN = method('Run', RunJobRequest, RunJobResponse);
const GET_STATE = method('GetState', GetJobStateRequest, JobStateEvent);
const CANCEL = method('Cancel', CancelJobRequest, CancelJobResponse);
const METRICS = method('GetJobMetrics', GetJobMetricsRequest, GetJobMetricsResponse);
const MESSAGES = method('GetMessageStream', JobMessagesRequest, JobMessagesResponse);

const CONNECT_MS = 10_000;

export interface EngineMessage {
  readonly text: string;
  readonly isError: boolean;
}

/** A Beam job service: where portable engines take jobs. */
export class JobService {
  readonly #endpoint: string;
  readonly #client: RpcClient;

  /** `endpoint` is HOST:PORT. */
  constructor(endpoint: string) {
    this.#endpoint = endpoint;
    this.#client = new RpcClient(endpoint);
  }

  /** Resolves when it is reached; rejects where it is not within ten seconds. */
  async ready(): Promise<void> {
    try {
      await this.#client.ready(CONNECT_MS);
    } catch {
      throw new Error(`no Beam job service answers at ${this.#endpoint}`);
    }
  }

  /** Starts a job and resolves with its id. */
  async start(
    pipeline: Pipeline,
    jobName: string,
    options: Readonly<Record<string, unknown>>,
  ): Promise<string> {
    await this.ready();
    const pipelineOptions = Struct.fromJson(
      Object.fromEntries(
        Object.entries(options).map(([name, value]) => [`beam:option:${name}:v1`, value]),
      ) as never,
    );
    const { preparationId } = await this.#call(PREPARE, { pipeline, jobName, pipelineOptions });
    // Nothing is staged: what a worker runs is installed where it runs.
    const { jobId } = await this.#call(RUN, { preparationId, retrievalToken: '' });
    return jobId;
  }

  async state(jobId: string): Promise<JobState_Enum> {
    return (await this.#call(GET_STATE, { jobId })).state;
  }

  async cancel(jobId: string): Promise<void> {
    await this.#call(CANCEL, { jobId });
  }

  async metrics(jobId: string): Promise<MetricResults> {
    const { metrics } = await this.#call(METRICS, { jobId });
    return metrics ?? { attempted: [], committed: [] };
  }

  /** Tells `hear` of the engine's messages on a job; resolves when there are no more. */
  followMessages(jobId: string, hear: (message: EngineMessage) => void): Promise<void> {
    const stream = this.#client.stream(MESSAGES, { jobId });
    stream.on('data', ({ response }: JobMessagesResponse) => {
      if (response.oneofKind !== 'messageResponse') return;
      const { importance, messageText } = response.messageResponse;
      hear({
        text: messageText,
        isError: importance === JobMessage_MessageImportance.JOB_MESSAGE_ERROR,
      });
    });
    return new Promise((resolve) => {
      // Whether the job runs is asked for anyway.
      stream.on('error', () => {
        resolve();
      });
      stream.on('end', resolve);
    });
  }

  close(): void {
    this.#client.close();
  }

  async #call<Request, Response>(
    called: Method<Request, Response>,
    request: Request,
  ): Promise<Response> {
    try {
      return await this.#client.unary(called, request);
    } catch (cause) {
      const name = called.path.slice(called.path.lastIndexOf('/') + 1);
      const reason = (cause as { readonly details?: string }).details ?? String(cause);
      throw new Error(`the job service at ${this.#endpoint} refuses ${name}: ${reason}`, { cause });
    }
  }
}
