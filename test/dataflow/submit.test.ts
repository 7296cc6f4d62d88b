import { expect } from 'chai';
import { DataflowClient, DataflowError } from '../../launch/dataflow/client.js';
import type { DataflowJob } from '../../launch/dataflow/job-body.js';
import { JobExistsError, sendJob } from '../../launch/dataflow/submit.js';
import { DataflowServer } from './dataflow-server.js';

const BODY: DataflowJob = {
  name: 'flows',
  type: 'JOB_TYPE_STREAMING',
  clientRequestId: 'request-1',
  environment: { version: { major: '8' } },
};

describe('submitting a job', () => {
  let server: DataflowServer;
  let client: DataflowClient;
  beforeEach(async () => {
    server = new DataflowServer();
    await server.start();
    const { endpoint } = server;
    client = new DataflowClient(
      { project: 'fake-proj', region: 'us-central1', endpoint },
      { waitMs: 1 },
    );
  });
  afterEach(() => server.stop());

  it('an answer that is lost makes no second job: the request is sent again under its id', async () => {
    let posts = 0;
    server.intercept = ({ method }) =>
      method === 'POST' && ++posts === 1 ? 'lose-answer' : undefined;
    const { id } = await sendJob(client, BODY);
    expect(posts).to.equal(2);
    expect(server.jobs.map((job) => job.id)).to.deep.equal([id]);
  });

  it('a 409 after a lost answer is recognised as the job of this very request', async () => {
    let posts = 0;
    server.intercept = ({ method }) => {
      if (method !== 'POST') return undefined;
      if (++posts === 1) return 'lose-answer';
      return { status: 409, message: 'There is already an active job named flows.' };
    };
    const { id } = await sendJob(client, BODY);
    expect(server.jobs.map((job) => job.id)).to.deep.equal([id]);
  });

  it('another active job of that name: an error that names it', async () => {
    const { id } = await sendJob(client, BODY);
    const error = await failure(sendJob(client, { ...BODY, clientRequestId: 'request-2' }));
    expect(error).to.be.instanceOf(JobExistsError);
    expect(error.message).to.include(id).and.include('flowsieve deploy');
    expect(server.jobs).to.have.length(1);
  });

  it('an answer with the request id of another means the same', async () => {
    const { id } = await sendJob(client, BODY);
    // As the service is said to answer where it does not say 409.
    const theirs = { create: () => Promise.resolve(server.jobs[0]) };
    const other = { ...BODY, clientRequestId: 'request-2' };
    const error = await failure(sendJob(theirs as unknown as DataflowClient, other));
    expect(error).to.be.instanceOf(JobExistsError);
    expect(error.message).to.include(id);
  });

  for (const status of [429, 500, 503]) {
    it(`${status} is asked again`, async () => {
      let left = 3;
      server.intercept = () => (left-- > 0 ? { status, message: 'later' } : undefined);
      await sendJob(client, BODY);
      expect(server.seen('POST')).to.have.length(4);
    });
  }

  for (const [status, message] of [
    [400, 'The workflow is invalid'],
    [403, 'roles/dataflow.developer'],
  ] as const) {
    it(`${status} is not asked again, and says why`, async () => {
      server.intercept = () => ({ status, message: 'The workflow is invalid' });
      const error = await failure(sendJob(client, BODY));
      expect(error).to.be.instanceOf(DataflowError);
      expect(error.message).to.include(message).and.include('The workflow is invalid');
      expect(server.requests).to.have.length(1);
    });
  }

  it('finds an active job on a later page', async () => {
    for (const name of ['flows', 'b', 'c', 'd', 'e']) {
      await sendJob(client, { ...BODY, name, clientRequestId: name });
    }
    expect((await client.active('flows'))?.id).to.equal(server.jobs[0].id);
    expect(server.seen('GET').map(({ query }) => query.get('pageToken'))).to.deep.equal([
      null,
      '2',
      '4',
    ]);
    expect(await client.active('f')).to.equal(undefined);
  });
});

async function failure(promise: Promise<unknown>): Promise<Error> {
  return promise.then(
    () => expect.fail('it did not fail'),
    (error: unknown) => error as Error,
  );
}
