import '../../beam/operators.js';
import { spawnSync } from 'node:child_process';
import { expect } from 'chai';
import type { Context } from 'mocha';
import { Pipeline } from 'apache-beam/proto/beam_runner_api';
import { runCommandLine } from '../../launch/command-line.js';
import type { DataflowJob } from '../../launch/dataflow/job-body.js';
import { withCaughtOutput } from '../evaluate/caught-output.js';
import { Cloud } from './cloud.js';

/** Skips the test, saying so, where no Python has Beam's launcher: it takes minutes to install. */
function needsPython(test: Context): void {
  const python = process.env['FLOWSIEVE_PYTHON'] ?? 'python3';
  const code = 'import apache_beam.runners.dataflow.dataflow_job_service';
  if (spawnSync(python, ['-c', code], { stdio: 'ignore' }).status === 0) return;
  process.stdout.write(
    `      skipped: ${python} has no apache-beam[gcp]; name one that has in FLOWSIEVE_PYTHON\n`,
  );
  test.skip();
}

type Body = DataflowJob & {
  readonly environment: {
    readonly workerPools: readonly Readonly<Record<string, unknown>>[];
    readonly [field: string]: unknown;
  };
};

/** Where both must say the same of the same settings. */
const SAME = [
  'experiments',
  'serviceAccountEmail',
  'serviceKmsKeyName',
  'serviceOptions',
  'workerZone',
  'version',
  'clusterManagerApiService',
  'dataset',
] as const;
const SAME_POOL = [
  'machineType',
  'diskType',
  'subnetwork',
  'ipConfiguration',
  'autoscalingSettings',
  'workerHarnessContainerImage',
  'sdkHarnessContainerImages',
] as const;

const FLAGS = [
  ...['--autoscaling', 'THROUGHPUT_BASED'],
  ...['--machine-type', 'n2-standard-4', '--disk-type', 'pd-ssd'],
  ...['--subnetwork', 'regions/us-central1/subnetworks/private', '--no-public-ips'],
  ...['--service-account', 'workers@fake-proj.iam.gserviceaccount.com'],
  ...['--kms-key', 'projects/p/locations/us-central1/keyRings/r/cryptoKeys/k'],
  ...['--service-option', 'min_num_workers=2', '--worker-zone', 'us-central1-a'],
  ...['--label', 'team=soc', '--no-wait'],
];

describe('--submitter python', () => {
  const cloud = new Cloud();

  for (const streaming of [false, true]) {
    it(`${streaming ? 'streaming' : 'batch'}: both submitters agree`, async function () {
      needsPython(this);
      const config = streaming ? cloud.streamingConfig() : cloud.config();
      const how = streaming ? ['--streaming'] : ['--now', '2026-01-01'];
      for (const submitter of ['node', 'python']) {
        const args = ['run', config, '--runner', 'dataflow', '--submitter', submitter, ...how];
        const name = ['--job-name', `by-${submitter}`];
        const { result, stderr } = await withCaughtOutput(() =>
          runCommandLine([...args, ...name, ...FLAGS]),
        );
        expect(result, stderr).to.equal(0);
      }
      const [ours, theirs] = cloud.dataflow.jobs.map(numbered) as unknown as readonly Body[];
      expect(theirs.type).to.equal(ours.type);
      expect(theirs.labels).to.deep.equal(ours.labels);
      for (const field of SAME) {
        expect(sorted(theirs.environment[field]), field).to.deep.equal(
          sorted(ours.environment[field]),
        );
      }
      for (const field of SAME_POOL) {
        const [a, b] = [theirs, ours].map(({ environment }) => environment.workerPools[0][field]);
        expect(a, field).to.deep.equal(b);
      }
      const [a, b] = [ours, theirs].map(pipelineOf);
      expect(Pipeline.toJson(b)).to.deep.equal(Pipeline.toJson(a));
    });
  }

  function pipelineOf(job: Body): Pipeline {
    const url = String(job.environment.sdkPipelineOptions?.options?.['pipelineUrl']);
    const object = cloud.gcs.bucket('bkt').get(url.replace('gs://bkt/', ''));
    if (object === undefined) throw new Error(`no ${url}`);
    return Pipeline.fromBinary(object.content);
  }
});

/** Python's client sends enumerations as numbers. */
const NUMBERS: Readonly<Partial<Record<string, number>>> = {
  JOB_TYPE_BATCH: 1,
  JOB_TYPE_STREAMING: 2,
  WORKER_IP_PRIVATE: 2,
  AUTOSCALING_ALGORITHM_BASIC: 2,
};

function numbered(job: unknown): unknown {
  return JSON.parse(JSON.stringify(job), (_key, value: unknown) =>
    typeof value === 'string' ? (NUMBERS[value] ?? value) : value,
  );
}

function sorted(value: unknown): unknown {
  return Array.isArray(value) ? [...(value as string[])].sort() : value;
}
