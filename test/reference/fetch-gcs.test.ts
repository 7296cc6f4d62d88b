import { createHash } from 'node:crypto';
import { expect } from 'chai';
import { fetchGcs } from '../../reference/update/fetch-gcs.js';
import type { Validators } from '../../reference/update/feed-state.js';
import { FetchError, type Fetched, type FetchLimits } from '../../reference/update/fetching.js';
import { GcsOracle, oracleMissing } from '../history/gcs-oracle.js';
import { GcsServer } from '../history/gcs-server.js';

const LIMITS: FetchLimits = {
  maxBytes: 1_000_000,
  connectMs: 30_000,
  idleMs: 30_000,
  totalMs: 60_000,
};
const PLACE = { bucket: 'my-feeds', object: 'lists/c2.txt' };
const LIST = '203.0.113.7\n';

async function text(content: AsyncIterable<Uint8Array>): Promise<string> {
  const pieces: Uint8Array[] = [];
  for await (const piece of content) pieces.push(piece);
  return Buffer.concat(pieces).toString();
}

describe('fetchGcs', () => {
  const server = new GcsServer();

  before(() => server.start());
  after(() => server.stop());
  beforeEach(() => {
    server.buckets.clear();
    server.put(PLACE.bucket, PLACE.object, Buffer.from(LIST));
    server.intercept = () => undefined;
    server.requests.length = 0;
  });

  function fetchObject(
    known: Validators = {},
    limits: Partial<FetchLimits> = {},
    endpoint = server.endpoint,
  ): Promise<Fetched<string>> {
    const client = { apiEndpoint: endpoint, retryOptions: { autoRetry: false } };
    return fetchGcs(PLACE, known, { ...LIMITS, ...limits }, text, client);
  }

  async function problem(fetched: Promise<unknown>): Promise<string> {
    return fetched.then(
      () => 'fetched',
      (error: unknown) => {
        expect(error).to.be.instanceOf(FetchError);
        return (error as Error).message;
      },
    );
  }

  it('gives content with its generation', async () => {
    const generation = String(server.bucket(PLACE.bucket).get(PLACE.object)?.generation);
    const fetched = await fetchObject();
    expect(fetched).to.deep.equal({ changed: true, taken: LIST, validators: { generation } });
  });

  it('asks by generation, and downloads nothing where it is the same', async () => {
    const generation = String(server.bucket(PLACE.bucket).get(PLACE.object)?.generation);
    let asked = '';
    server.intercept = (_method, url) => {
      asked = url.searchParams.get('ifGenerationNotMatch') ?? '';
      return asked === generation ? 304 : undefined;
    };
    expect(await fetchObject({ generation })).to.deep.equal({ changed: false });
    expect(asked).to.equal(generation);
    server.intercept = () => undefined;
    server.requests.length = 0;
    expect(await fetchObject({ generation }), 'where the condition is unknown').to.deep.equal({
      changed: false,
    });
    expect(server.requests.length).to.equal(1);
    expect((await fetchObject({ generation: '1' })).changed).to.equal(true);
  });

  const statuses = [
    [401, 'there are no valid credentials'],
    [403, 'access is denied; the account needs the role roles/storage.objectViewer'],
    [404, 'there is no such object'],
    [500, 'refused with 500'],
  ] as const;
  for (const [status, message] of statuses) {
    it(`tells what ${status} means`, async () => {
      server.intercept = () => status;
      expect(await problem(fetchObject())).to.equal(`gs://my-feeds/lists/c2.txt: ${message}`);
    });
  }

  it('refuses what is too large, before it comes', async () => {
    expect(await problem(fetchObject({}, { maxBytes: 11 }))).to.include(
      'has 12 bytes, the limit is 11',
    );
    expect(server.requests.length).to.equal(1);
  });

  it('gives up on a service that cannot be reached', async () => {
    expect(await problem(fetchObject({}, {}, 'http://127.0.0.1:1'))).to.match(
      /^gs:\/\/my-feeds\/lists\/c2\.txt: .*ECONNREFUSED/,
    );
  });

  it('agrees with fake-gcs-server', async function () {
    const missing = oracleMissing();
    if (missing !== undefined) {
      expect(process.env['CI'], missing).to.not.equal('true');
      process.stderr.write(`    skipped: ${missing}\n`);
      this.skip();
    }
    const oracle = new GcsOracle();
    await oracle.start();
    try {
      await oracle.makeBucket(PLACE.bucket);
      const name = encodeURIComponent(PLACE.object);
      const put = (body: string): Promise<Response> =>
        fetch(
          `${oracle.endpoint}/upload/storage/v1/b/${PLACE.bucket}/o?uploadType=media&name=${name}`,
          { method: 'POST', body },
        );
      await put(LIST);
      const first = await fetchObject({}, {}, oracle.endpoint);
      expect(first.changed && first.taken).to.equal(LIST);
      const known = first.changed ? first.validators : {};
      expect(await fetchObject(known, {}, oracle.endpoint)).to.deep.equal({ changed: false });
      await put(`${LIST}${LIST}`);
      const second = await fetchObject(known, {}, oracle.endpoint);
      const sha = (value: string): string => createHash('sha256').update(value).digest('hex');
      expect(sha(second.changed ? second.taken : '')).to.equal(sha(`${LIST}${LIST}`));
    } finally {
      oracle.stop();
    }
  });
});
