import '../../beam/operators.js';
import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import type { Root } from 'apache-beam';
import { withName } from 'apache-beam/transforms/transform';
import { impulse } from 'apache-beam/transforms/internal';
import { constant } from '../../beam/constant.js';
import { unbounded } from '../../beam/source.js';
import { BytesCoder } from 'apache-beam/coders/required_coders';
import { jobBody } from '../../launch/dataflow/job-body.js';
import { dataflowSchema, type DataflowOptions } from '../../launch/dataflow/options.js';
import { pipelineFile } from '../../launch/dataflow/pipeline-proto.js';
import { sharedData } from '../shared-data.js';

/** The job that Python's launcher made from the same settings. */
const SETTINGS = {
  project: 'fake-proj',
  region: 'us-central1',
  image: 'us-docker.pkg.dev/fake-proj/r/beam-ts:1',
  tempLocation: 'gs://bkt/temp',
};

/** By path of the field (`*` = any index): why ours is otherwise than Python's. */
const INTENDED: Readonly<Partial<Record<string, string>>> = {
  query: 'of the capture, not of the body',
  projectId: 'as the Go SDK has it; the path says it too',
  location: 'said in the body as well as in the path',
  name: 'of the capture',
  steps: 'none, said outright',
  clientRequestId: 'a UUID instead of a time and a process',
  replaceJobId: 'of the capture',
  transformNameMapping: 'other steps',
  'environment.sdkPipelineOptions.display_data':
    'what the console shows: our options, not those of Python',
  'environment.sdkPipelineOptions.options': 'ours; those that the service reads are compared apart',
  'environment.tempStoragePrefix':
    'the folder is as configured; Python adds the name and the time of the job',
  'environment.userAgent.name': 'another SDK; configurable',
  'environment.userAgent.version': 'likewise',
  'environment.workerPools.*.kind':
    '"local" stands for a stand-in of the service, as it was captured',
  'environment.workerPools.*.taskrunnerSettings':
    'of workers before runner v2; the Go SDK has none',
  'environment.workerPools.*.packages': 'none, said outright: the image has the code',
  'environment.workerPools.*.ipConfiguration': 'said outright, as the Go SDK has it',
  'environment.workerPools.*.dataDisks':
    'with Streaming Engine workers keep no state; the Go SDK has none',
};

/** Options that the service reads. */
const READ_BY_SERVICE = [
  'experiments',
  'pipelineUrl',
  'pipelineProtoHash',
  'region',
  'project',
  'streaming',
];

function pipeline(streaming: boolean): (root: Root) => void {
  return (root) => {
    if (streaming) {
      unbounded(
        root,
        'read',
        'beam:transform:pubsub_read:v1',
        () => new Uint8Array(),
        new BytesCoder(),
      );
    }
    const start = root.apply(withName('start', impulse() as never));
    constant(start as never, 'one', 1);
  };
}

async function body(streaming: boolean, more: Partial<DataflowOptions> = {}, replaces = {}) {
  const options = dataflowSchema.parse({ ...SETTINGS, jobName: 'ts', ...more });
  return jobBody({
    options,
    pipeline: await pipelineFile(pipeline(streaming), options.image),
    pipelineUrl: 'gs://bkt/staging/pipeline.pb',
    streaming,
    clientRequestId: 'c0ffee00-0000-4000-8000-000000000000',
    ...replaces,
  }) as unknown as Record<string, unknown>;
}

/** Leaves by path; lists of plain values are sorted, because their order says nothing. */
function leaves(value: unknown, path = '', into = new Map<string, string>()): Map<string, string> {
  if (INTENDED[path] !== undefined) {
    into.set(path, JSON.stringify(value));
  } else if (Array.isArray(value) && value.every((each) => typeof each === 'string')) {
    into.set(path, JSON.stringify([...value].sort()));
  } else if (Array.isArray(value)) {
    for (const each of value) leaves(each, `${path}.*`, into);
  } else if (typeof value === 'object' && value !== null) {
    for (const [key, each] of Object.entries(value)) {
      leaves(each, path === '' ? key : `${path}.${key}`, into);
    }
  } else {
    into.set(path, JSON.stringify(value));
  }
  return into;
}

function differences(ours: unknown, theirs: unknown): string[] {
  const [a, b] = [leaves(ours), leaves(theirs)];
  return [...new Set([...a.keys(), ...b.keys()])]
    .filter((path) => a.get(path) !== b.get(path))
    .sort();
}

const read = (path: string): Record<string, unknown> =>
  JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;

function optionsOf(job: Record<string, unknown>): Record<string, unknown> {
  const { environment } = job as { environment: { sdkPipelineOptions: { options: object } } };
  return environment.sdkPipelineOptions.options as Record<string, unknown>;
}

describe('body of a job, against those of the official SDKs', () => {
  for (const [name, streaming] of [
    ['batch', false],
    ['streaming', true],
    ['update', true],
  ] as const) {
    it(`${name}: differs from Python's only where it is meant to`, async function () {
      const theirs = read(sharedData(this, `dataflow-jobs/python-2.77-${name}.json`));
      const replaces = { replaces: { id: 'x', transformNameMapping: { a: 'b' } } };
      const ours = await body(streaming, {}, name === 'update' ? replaces : {});
      const unmeant = differences(ours, theirs).filter((path) => INTENDED[path] === undefined);
      expect(unmeant).to.deep.equal([]);
      expect(ours).to.have.property('type', theirs['type']);
      for (const key of READ_BY_SERVICE) expect(optionsOf(ours)).to.have.property(key);
      const experiments = (job: Record<string, unknown>): unknown =>
        [...(optionsOf(job)['experiments'] as string[])].sort();
      expect(experiments(ours)).to.deep.equal(experiments(theirs));
      expect(optionsOf(ours)['streaming']).to.equal(optionsOf(theirs)['streaming']);
    });
  }

  it('every difference that is listed is one', async function () {
    const found = new Set<string>();
    for (const name of ['batch', 'streaming', 'update']) {
      const theirs = read(sharedData(this, `dataflow-jobs/python-2.77-${name}.json`));
      const update = { replaces: { id: 'x', transformNameMapping: { a: 'b' } } };
      const ours = await body(name !== 'batch', {}, name === 'update' ? update : {});
      for (const path of differences(ours, theirs)) found.add(path);
    }
    expect([...found].sort()).to.deep.equal(Object.keys(INTENDED).sort());
  });

  for (const [name, streaming] of [
    ['batch', false],
    ['streaming', true],
  ] as const) {
    it(`${name}: has each field of Go's that the service reads`, async function () {
      const theirs = read(sharedData(this, `dataflow-jobs/go-2.77-${name}.json`));
      const ours = leaves(await body(streaming));
      const missing = [...leaves(theirs).keys()].filter(
        // What Go's launcher tells Go's workers.
        (path) => !ours.has(path) && !path.includes('beam:option:go_options:v1'),
      );
      // It starts with one worker; here the service decides.
      expect(missing.sort()).to.deep.equal(['environment.workerPools.*.numWorkers', 'query']);
    });
  }

  it('has every option of the workers where the API wants it', async () => {
    const ours = (await body(false, {
      numWorkers: 3,
      maxWorkers: 50,
      autoscaling: 'THROUGHPUT_BASED',
      machineType: 'n2-standard-4',
      diskSizeGb: 50,
      diskType: 'pd-ssd',
      subnetwork: 'regions/us-central1/subnetworks/private',
      publicIps: false,
      serviceAccount: 'workers@fake-proj.iam.gserviceaccount.com',
      kmsKey: 'projects/p/locations/us-central1/keyRings/r/cryptoKeys/k',
      labels: { team: 'soc' },
      experiments: ['min_cpu'],
      serviceOptions: ['min_num_workers=2'],
      flexrs: 'COST_OPTIMIZED',
      workerZone: 'us-central1-a',
    })) as { environment: Record<string, unknown> & { workerPools: object[] }; labels: unknown };
    expect(ours.labels).to.deep.equal({ team: 'soc' });
    expect(ours.environment).to.deep.include({
      serviceAccountEmail: 'workers@fake-proj.iam.gserviceaccount.com',
      serviceKmsKeyName: 'projects/p/locations/us-central1/keyRings/r/cryptoKeys/k',
      flexResourceSchedulingGoal: 'FLEXRS_COST_OPTIMIZED',
      workerZone: 'us-central1-a',
      serviceOptions: ['min_num_workers=2'],
    });
    expect(ours.environment['experiments']).to.include('min_cpu');
    expect(ours.environment.workerPools[0]).to.deep.include({
      numWorkers: 3,
      autoscalingSettings: { algorithm: 'AUTOSCALING_ALGORITHM_BASIC', maxNumWorkers: 50 },
      machineType: 'n2-standard-4',
      diskSizeGb: 50,
      diskType: 'compute.googleapis.com/projects//zones//diskTypes/pd-ssd',
      subnetwork: 'regions/us-central1/subnetworks/private',
      ipConfiguration: 'WORKER_IP_PRIVATE',
    });
  });
});
