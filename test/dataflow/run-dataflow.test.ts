import { createHash } from 'node:crypto';
import { expect } from 'chai';
import { Pipeline } from 'apache-beam/proto/beam_runner_api';
import { runCommandLine } from '../../launch/command-line.js';
import type { DataflowJob } from '../../launch/dataflow/job-body.js';
import { withCaughtOutput, type CaughtOutput } from '../evaluate/caught-output.js';
import { Cloud } from './cloud.js';

async function run(...args: readonly string[]): Promise<CaughtOutput & { code: number }> {
  const { result: code, ...caught } = await withCaughtOutput(() => runCommandLine(args));
  return { code, ...caught };
}

function optionsOf(job: DataflowJob): Readonly<Record<string, unknown>> {
  return job.environment?.sdkPipelineOptions?.options ?? {};
}

describe('flowsieve run --runner dataflow', () => {
  const cloud = new Cloud();

  it('uploads reference data and pipeline, creates the job and waits for its end', async () => {
    const { code, stderr } = await run('run', cloud.config(), '--runner', 'dataflow');
    expect(code, stderr).to.equal(0);
    const [job] = cloud.dataflow.jobs;
    expect(job).to.include({ type: 'JOB_TYPE_BATCH', currentState: 'JOB_STATE_DONE' });
    expect(job.name).to.match(/^flowsieve-batch-\d{8}-\d{6}$/);
    expect(stderr).to.include(
      `https://console.cloud.google.com/dataflow/jobs/us-central1/${job.id}?project=fake-proj`,
    );
    expect(stderr).to.include('is running').and.include('is done').and.include('gs://bkt/out');

    const objects = cloud.gcs.bucket('bkt');
    const url = String(optionsOf(job)['pipelineUrl']);
    const uploaded = objects.get(url.replace('gs://bkt/', ''));
    const sha256 = createHash('sha256').update(uploaded!.content).digest('hex');
    expect(optionsOf(job)['pipelineProtoHash']).to.equal(sha256);
    const { components } = Pipeline.fromBinary(uploaded!.content);
    expect(Object.values(components!.environments).map(({ urn }) => urn)).to.deep.equal([
      'beam:env:docker:v1',
    ]);
    const names = [...objects.keys()].map((name) => name.replace(/[0-9a-f]{16}\//, ''));
    expect(names).to.include('temp/staging/snapshots/manifest.json');
    expect(names).to.include('temp/staging/snapshots/customers.table');
  });

  it('uploads what is there already no second time', async () => {
    const config = cloud.config();
    await run('run', config, '--runner', 'dataflow', '--no-wait');
    const before = cloud.gcs.requests.filter((request) => request.startsWith('POST')).length;
    expect(before).to.be.greaterThan(2);
    await run('run', config, '--runner', 'dataflow', '--no-wait', '--job-name', 'second');
    const after = cloud.gcs.requests.filter((request) => request.startsWith('POST')).length;
    // The pipeline names the time that suppressions expire against; the snapshot is the same.
    expect(after - before).to.be.at.most(1);
    expect(cloud.dataflow.jobs).to.have.length(2);
  });

  it('a job that fails ends with 1 and what the service says of it', async () => {
    cloud.dataflow.statesOf = () => ['JOB_STATE_PENDING', 'JOB_STATE_FAILED'];
    cloud.dataflow.messages = ['the image cannot be pulled', 'workers are missing'];
    const { code, stderr } = await run('run', cloud.config(), '--runner', 'dataflow');
    expect(code).to.equal(1);
    expect(stderr).to.include('is failed').and.include('the image cannot be pulled');
    expect(stderr).to.include('workers are missing');
  });

  it('--streaming waits until the job runs', async () => {
    const config = cloud.streamingConfig();
    const { code, stderr } = await run('run', config, '--runner', 'dataflow', '--streaming');
    expect(code, stderr).to.equal(0);
    const [job] = cloud.dataflow.jobs;
    expect(job).to.include({
      name: 'flowsieve-streaming',
      type: 'JOB_TYPE_STREAMING',
      currentState: 'JOB_STATE_RUNNING',
    });
    expect(optionsOf(job)).to.include({ streaming: true });
  });

  it('--dry-run prints the job and sends nothing', async () => {
    const config = cloud.streamingConfig();
    const { code, stdout, stderr } = await run(
      ...['run', config, '--runner', 'dataflow', '--streaming', '--dry-run'],
      ...['--max-workers', '7', '--no-public-ips', '--label', 'team=soc'],
    );
    expect(code, stderr).to.equal(0);
    const job = JSON.parse(stdout) as DataflowJob & { environment: { workerPools: object[] } };
    expect(job.labels).to.deep.equal({ team: 'soc' });
    expect(job.environment.workerPools[0]).to.deep.include({
      ipConfiguration: 'WORKER_IP_PRIVATE',
      autoscalingSettings: { maxNumWorkers: 7 },
    });
    expect(cloud.dataflow.requests).to.deep.equal([]);
    expect(cloud.gcs.requests).to.deep.equal([]);
  });

  const refused: readonly [string, Record<string, unknown>, readonly string[], RegExp][] = [
    [
      'local inputs',
      { inputs: [{ uri: 'flows/*.csv' }] },
      [],
      /inputs\[0\]\.uri: expected gs:\/\//,
    ],
    ['a local output', { output: 'out' }, [], /output: expected gs:\/\/bucket\/prefix/],
    ['a local history', { history: 'history' }, [], /history: expected gs:\/\/bucket\/prefix/],
    ['files in streaming', {}, ['--streaming'], /expected pubsub:\/\/.* on Dataflow/],
    [
      'a subscription in batch',
      { inputs: [{ uri: 'pubsub://projects/p-1/subscriptions/sub' }] },
      [],
      /expected gs:\/\/bucket\/object/,
    ],
    ['standard output', { sinks: ['-'] }, [], /sinks\[0\]: expected pubsub/],
    ['--metrics', {}, ['--metrics', '127.0.0.1:1'], /--metrics: the service has the metrics/],
    [
      'a bad flag',
      {},
      ['--max-workers', 'many'],
      /--max-workers: expected a whole number .* got "many"/,
    ],
    [
      'no setting dataflow',
      { dataflow: undefined },
      [],
      /dataflow\.project: expected .*here or by --project/,
    ],
  ];
  for (const [what, changes, flags, message] of refused) {
    it(`${what}: refused before anything is sent`, async () => {
      const config = cloud.config(changes);
      const { code, stderr } = await run('run', config, '--runner', 'dataflow', ...flags);
      expect(code, stderr).to.equal(2);
      expect(stderr).to.match(message);
      expect(cloud.dataflow.requests).to.deep.equal([]);
      expect(cloud.gcs.requests).to.deep.equal([]);
    });
  }

  it('flags of Dataflow with another runner are refused', async () => {
    const { code, stderr } = await run('run', cloud.config(), '--region', 'us-central1');
    expect(code).to.equal(2);
    expect(stderr).to.include('--region: expected only with --runner dataflow');
  });
});

describe('flowsieve dataflow', () => {
  const cloud = new Cloud();
  const place = (): string[] => [
    ...['--project', 'fake-proj', '--region', 'us-central1'],
    ...['--endpoint', cloud.dataflow.endpoint],
  ];
  const started = async (...names: readonly string[]): Promise<void> => {
    const config = cloud.streamingConfig();
    for (const name of names) {
      await run(
        'run',
        config,
        '--runner',
        'dataflow',
        '--streaming',
        '--no-wait',
        '--job-name',
        name,
      );
    }
  };

  it('list tells of active jobs, of all pages', async () => {
    await started('one', 'two', 'three');
    cloud.dataflow.jobs[1].currentState = 'JOB_STATE_DRAINED';
    const { code, stdout } = await run('dataflow', 'list', ...place());
    expect(code).to.equal(0);
    expect(stdout)
      .to.match(/^three +\S+ +streaming +pending/m)
      .and.match(/^one /m);
    expect(stdout).not.to.match(/^two /m);
    expect((await run('dataflow', 'list', '--all', ...place())).stdout).to.match(/^two .*drained/m);
  });

  it('status finds a job by name, also one that is over', async () => {
    await started('one');
    cloud.dataflow.jobs[0].currentState = 'JOB_STATE_CANCELLED';
    cloud.dataflow.messages = ['somebody cancelled it'];
    const { code, stdout } = await run('dataflow', 'status', 'one', ...place());
    expect(code).to.equal(0);
    expect(stdout).to.include('cancelled').and.include('somebody cancelled it');
    expect(stdout).to.include('https://console.cloud.google.com/dataflow/jobs/us-central1/');
  });

  for (const [how, wanted] of [
    ['drain', 'JOB_STATE_DRAINED'],
    ['cancel', 'JOB_STATE_CANCELLED'],
  ] as const) {
    it(`${how} asks for ${wanted} and waits for it`, async () => {
      await started('one');
      const { code, stderr } = await run('dataflow', how, 'one', ...place());
      expect(code, stderr).to.equal(0);
      const [put] = cloud.dataflow.seen('PUT');
      expect(put.body).to.deep.equal({ requestedState: wanted });
      expect(cloud.dataflow.jobs[0].currentState).to.equal(wanted);
    });
  }

  it('a batch job is not drained', async () => {
    await run('run', cloud.config(), '--runner', 'dataflow', '--no-wait', '--job-name', 'b');
    const { code, stderr } = await run('dataflow', 'drain', 'b', ...place());
    expect(code).to.equal(1);
    expect(stderr).to.include('cannot be drained: cancel it');
    expect(cloud.dataflow.seen('PUT')).to.deep.equal([]);
  });

  it('without a place nothing is asked', async () => {
    const { code, stderr } = await run('dataflow', 'list', '--region', 'here');
    expect(code).to.equal(2);
    expect(stderr).to.include('--project: expected').and.include('--region: expected a region');
  });
});
