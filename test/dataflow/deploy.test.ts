import '../../beam/operators.js';
import { expect } from 'chai';
import { loadConfig } from '../../launch/config/config.js';
import { DataflowClient } from '../../launch/dataflow/client.js';
import { prepareJob, stageJob, type PreparedJob } from '../../launch/dataflow/prepare-job.js';
import {
  deploy,
  RolledBackError,
  UpdateRefusedError,
  type Deployed,
} from '../../launch/deploy/deploy.js';
import type { DataflowJob } from '../../launch/dataflow/job-body.js';
import { Cloud } from './cloud.js';

describe('flowsieve deploy', () => {
  const cloud = new Cloud();
  let said: string[] = [];
  beforeEach(() => (said = []));

  async function job(changes: Readonly<Record<string, unknown>> = {}): Promise<PreparedJob> {
    const loaded = await loadConfig(cloud.streamingConfig(changes), {
      streaming: true,
      dataflow: {},
    });
    if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
    return prepareJob(loaded.config, { streaming: true, dryRun: false });
  }

  async function deployed(
    prepared: PreparedJob,
    more: { renames?: Record<string, string>; drain?: boolean } = {},
  ): Promise<Deployed> {
    const client = new DataflowClient(prepared.options, { waitMs: 1 });
    return deploy(client, prepared, {
      drain: true,
      stage: () => stageJob(prepared),
      say: (message) => said.push(message),
      pollMs: 1,
      ...more,
    });
  }

  const states = (): readonly string[] =>
    cloud.dataflow.jobs.map(({ currentState }) => currentState);
  const posted = (): DataflowJob[] =>
    cloud.dataflow.seen('POST').map(({ body }) => body as DataflowJob);

  it('starts the job where there is none', async () => {
    const { how } = await deployed(await job());
    expect(how).to.equal('started');
    expect(states()).to.deep.equal(['JOB_STATE_RUNNING']);
  });

  it('has the same graph take the place of the running job, with nothing renamed', async () => {
    await deployed(await job());
    // Another snapshot: what a deployment is made for most days.
    cloud.files.write('bad.txt', '203.0.113.7\n203.0.113.8\n');
    const done = await deployed(await job({ streaming: { earlyFirings: '7s' } }));
    expect(done).to.include({ how: 'updated', replaced: cloud.dataflow.jobs[0].id });
    expect(posted()[1]).to.deep.include({
      replaceJobId: cloud.dataflow.jobs[0].id,
      transformNameMapping: {},
    });
    expect(states()).to.deep.equal(['JOB_STATE_UPDATED', 'JOB_STATE_RUNNING']);
    expect(cloud.dataflow.seen('PUT')).to.deep.equal([]);
  });

  it('a renamed input goes on where it was only if it is said', async () => {
    const other = {
      inputs: [
        {
          uri: 'pubsub://projects/fake-proj/subscriptions/other',
          format: 'goflow2',
          timestampAttribute: 'first',
        },
      ],
    };
    await deployed(await job());
    const [old, now] = ['flows', 'other'].map(
      (name) => `pubsub://projects/fake-proj/subscriptions/${name}`,
    );
    const refused = await failure(deployed(await job(other), { drain: false }));
    expect(refused).to.be.instanceOf(UpdateRefusedError);
    expect(said.join('\n')).to.include(`there is no step for "read ${old}", which keeps messages`);
    expect(states()).to.deep.equal(['JOB_STATE_RUNNING']);

    const renames = { [`read ${old}`]: `read ${now}`, [`unpack ${old}`]: `unpack ${now}` };
    const done = await deployed(await job(other), { renames });
    expect(done.how).to.equal('updated');
    expect(posted().at(-1)?.transformNameMapping).to.deep.equal(renames);
  });

  it('a rename of a step that the running job does not have is refused', async () => {
    await deployed(await job());
    const again = deployed(await job(), { renames: { 'split by shards': 'split' }, drain: false });
    expect(await failure(again)).to.be.instanceOf(UpdateRefusedError);
    expect(said.join('\n')).to.include('the running job has no step "split by shards"');
  });

  it('other windows are another form: the job is drained and started again', async () => {
    await deployed(await job());
    const done = await deployed(await job({ window: '10m' }));
    expect(done).to.include({ how: 'restarted', drained: cloud.dataflow.jobs[0].id });
    expect(said.join('\n')).to.include('has another form');
    expect(states()).to.deep.equal(['JOB_STATE_DRAINED', 'JOB_STATE_RUNNING']);
    expect(posted()[1]).not.to.have.property('replaceJobId');
  });

  it('an update that the service refuses: drained and started again', async () => {
    await deployed(await job());
    cloud.dataflow.intercept = ({ method, body }) =>
      method === 'POST' && (body as DataflowJob).replaceJobId !== undefined
        ? { status: 400, message: 'The new job is not compatible with the running job' }
        : undefined;
    const done = await deployed(await job());
    expect(done.how).to.equal('restarted');
    expect(said.join('\n')).to.include('not compatible with the running job');
    expect(states()).to.deep.equal(['JOB_STATE_DRAINED', 'JOB_STATE_RUNNING']);
  });

  it('a replacement that fails while the former job goes on counts as refused', async () => {
    await deployed(await job());
    cloud.dataflow.statesOf = ({ replaceJobId }) =>
      replaceJobId === undefined
        ? ['JOB_STATE_RUNNING']
        : ['JOB_STATE_PENDING', 'JOB_STATE_FAILED'];
    const done = await deployed(await job());
    expect(done.how).to.equal('restarted');
    expect(states()).to.deep.equal(['JOB_STATE_DRAINED', 'JOB_STATE_FAILED', 'JOB_STATE_RUNNING']);
  });

  it('where the new job does not run either, the former one is started again as it was', async () => {
    const first = await job();
    await deployed(first);
    const second = await job({ window: '10m' });
    cloud.dataflow.statesOf = (each) =>
      optionsOf(each)['pipelineProtoHash'] === second.pipeline.sha256
        ? ['JOB_STATE_PENDING', 'JOB_STATE_FAILED']
        : ['JOB_STATE_RUNNING'];
    const error = await failure(deployed(second));
    expect(error).to.be.instanceOf(RolledBackError);
    expect(states()).to.deep.equal(['JOB_STATE_DRAINED', 'JOB_STATE_FAILED', 'JOB_STATE_RUNNING']);
    expect(optionsOf(cloud.dataflow.jobs[2])).to.deep.equal(optionsOf(cloud.dataflow.jobs[0]));
    expect(cloud.dataflow.jobs[2].clientRequestId).not.to.equal(
      cloud.dataflow.jobs[0].clientRequestId,
    );
  });

  it('a job that is being drained is waited for, not updated', async () => {
    await deployed(await job());
    const [running] = cloud.dataflow.jobs;
    await new DataflowClient((await job()).options).request(running.id, 'JOB_STATE_DRAINED');
    await new DataflowClient((await job()).options).get(running.id);
    expect(running.currentState).to.equal('JOB_STATE_DRAINING');
    const done = await deployed(await job());
    expect(done.how).to.equal('restarted');
    expect(cloud.dataflow.seen('PUT')).to.have.length(1);
  });

  it('a pipeline that is gone or another is no ground to compare with', async () => {
    await deployed(await job());
    const url = String(optionsOf(cloud.dataflow.jobs[0])['pipelineUrl']);
    cloud.gcs.put('bkt', url.replace('gs://bkt/', ''), Buffer.from('something else'));
    const other = await job({ streaming: { earlyFirings: '9s' } });
    expect((await failure(deployed(other))).message).to.include('is not the pipeline that job');
    expect(states()).to.deep.equal(['JOB_STATE_RUNNING']);
  });
});

function optionsOf(job: DataflowJob): Readonly<Record<string, unknown>> {
  return job.environment?.sdkPipelineOptions?.options ?? {};
}

async function failure(promise: Promise<unknown>): Promise<Error> {
  return promise.then(
    () => expect.fail('it did not fail'),
    (error: unknown) => error as Error,
  );
}
