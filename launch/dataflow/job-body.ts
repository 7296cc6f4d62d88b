import { DockerPayload } from 'apache-beam/proto/beam_runner_api';
import type { DataflowOptions } from './options.js';
import type { PipelineFile } from './pipeline-proto.js';

/** What the job is made of beside the options. */
export interface JobParts {
  readonly options: DataflowOptions;
  readonly pipeline: PipelineFile;
  /** `gs://...` of the uploaded pipeline. */
  readonly pipelineUrl: string;
  readonly streaming: boolean;
  /** Names this very request: sent again it makes no second job. */
  readonly clientRequestId: string;
  /** The job that this one takes the place of, and the names of its steps that changed. */
  readonly replaces?: {
    readonly id: string;
    readonly transformNameMapping: Readonly<Record<string, string>>;
  };
}

/** The part of a job's resource (projects.locations.jobs) that is sent or read here. */
export interface DataflowJob {
  readonly id?: string;
  readonly projectId?: string;
  readonly location?: string;
  readonly name?: string;
  readonly type?: 'JOB_TYPE_BATCH' | 'JOB_TYPE_STREAMING';
  readonly clientRequestId?: string;
  readonly steps?: readonly unknown[];
  readonly labels?: Readonly<Record<string, string>>;
  readonly replaceJobId?: string;
  readonly replacedByJobId?: string;
  readonly transformNameMapping?: Readonly<Record<string, string>>;
  readonly currentState?: string;
  readonly currentStateTime?: string;
  readonly createTime?: string;
  readonly requestedState?: string;
  readonly environment?: JobEnvironment;
}

export interface JobEnvironment {
  readonly sdkPipelineOptions?: {
    readonly options?: Readonly<Record<string, unknown>>;
    readonly display_data?: readonly unknown[];
  };
  readonly [other: string]: unknown;
}

const EXPERIMENTS = [
  'beam_fn_api',
  'use_runner_v2',
  'use_unified_worker',
  'use_portable_job_submission',
  'use_multiple_sdk_containers',
  // One single-threaded Node process a core: the worker entry point starts them.
  'use_sibling_sdk_workers',
];
const STREAMING_EXPERIMENTS = ['enable_streaming_engine', 'enable_windmill_service'];

/**
 * The body of `projects.locations.jobs.create`. It has no steps: since runner v2 the service reads
 * the pipeline from the URL in the options, as the SDKs of Go and Python have it do.
 */
export function jobBody(parts: JobParts): DataflowJob {
  const { options, pipelineUrl, pipeline, streaming, replaces } = parts;
  const experiments = [
    ...new Set([
      ...EXPERIMENTS,
      ...(streaming ? STREAMING_EXPERIMENTS : []),
      ...options.experiments,
    ]),
  ];
  const pipelineOptions = {
    experiments,
    pipelineUrl,
    pipelineProtoHash: pipeline.sha256,
    project: options.project,
    region: options.region,
    job_name: options.jobName,
    streaming,
    temp_location: options.tempLocation,
    staging_location: stagingOf(options),
    sdk_worker_parallelism: 1,
    // Where Python's launcher names modules that workers load, ours has them in the image.
    registered_node_modules: [],
  };
  return {
    projectId: options.project,
    location: options.region,
    name: options.jobName,
    type: streaming ? 'JOB_TYPE_STREAMING' : 'JOB_TYPE_BATCH',
    clientRequestId: parts.clientRequestId,
    steps: [],
    ...(replaces === undefined
      ? {}
      : { replaceJobId: replaces.id, transformNameMapping: replaces.transformNameMapping }),
    ...(Object.keys(options.labels).length === 0 ? {} : { labels: options.labels }),
    environment: {
      userAgent: { name: options.userAgentName, version: options.userAgentVersion },
      version: {
        job_type: streaming ? 'FNAPI_STREAMING' : 'FNAPI_BATCH',
        major: options.environmentMajor,
      },
      experiments,
      tempStoragePrefix: options.tempLocation.replace('gs://', 'storage.googleapis.com/'),
      clusterManagerApiService: 'compute.googleapis.com',
      dataset: 'bigquery.googleapis.com/cloud_dataflow',
      sdkPipelineOptions: { options: pipelineOptions, display_data: displayData(pipelineOptions) },
      ...defined({
        serviceAccountEmail: options.serviceAccount,
        serviceKmsKeyName: options.kmsKey,
        flexResourceSchedulingGoal:
          options.flexrs === undefined ? undefined : `FLEXRS_${options.flexrs}`,
        workerRegion: options.workerRegion,
        workerZone: options.workerZone,
      }),
      ...(options.serviceOptions.length === 0 ? {} : { serviceOptions: options.serviceOptions }),
      workerPools: [workerPool(options, pipeline)],
    },
  };
}

/** Where the pipeline and what it needs are put. */
export function stagingOf({ stagingLocation, tempLocation }: DataflowOptions): string {
  return (stagingLocation ?? `${tempLocation.replace(/\/$/, '')}/staging`).replace(/\/$/, '');
}

function workerPool(options: DataflowOptions, pipeline: PipelineFile): object {
  const { image, autoscaling, publicIps } = options;
  return {
    kind: 'harness',
    ...defined({
      numWorkers: options.numWorkers,
      machineType: options.machineType,
      diskSizeGb: options.diskSizeGb,
      diskType:
        options.diskType === undefined
          ? undefined
          : `compute.googleapis.com/projects//zones//diskTypes/${options.diskType}`,
      network: options.network,
      subnetwork: options.subnetwork,
    }),
    autoscalingSettings: defined({
      algorithm:
        autoscaling === undefined
          ? undefined
          : `AUTOSCALING_ALGORITHM_${autoscaling === 'NONE' ? 'NONE' : 'BASIC'}`,
      maxNumWorkers: options.maxWorkers,
    }),
    ipConfiguration:
      publicIps === undefined
        ? 'WORKER_IP_UNSPECIFIED'
        : `WORKER_IP_${publicIps ? 'PUBLIC' : 'PRIVATE'}`,
    packages: [],
    workerHarnessContainerImage: image,
    sdkHarnessContainerImages: Object.entries(pipeline.proto.components?.environments ?? {}).map(
      ([environmentId, { payload, capabilities }]) => ({
        containerImage: DockerPayload.fromBinary(payload).containerImage,
        environmentId,
        useSingleCorePerContainer: true,
        capabilities,
      }),
    ),
  };
}

function displayData(options: Readonly<Record<string, unknown>>): object[] {
  return Object.entries(options).map(([key, value]) => ({
    namespace: 'flowsieve',
    key,
    type: typeof value === 'boolean' ? 'BOOLEAN' : 'STRING',
    value: typeof value === 'boolean' ? value : textOf(value),
  }));
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function defined(values: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}
