import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { describeObject, type ObjectVersion } from '../../objects/list-objects.js';
import { ObjectError, ObjectStorageError } from '../../objects/object-error.js';
import { readObject, type ReadOptions } from '../../objects/read-object.js';
import { TestBucket } from './bucket.js';

const CONTENT = randomBytes(3_000_000);
const PLACE = { bucket: 'flows', name: 'x/a.csv' };

describe('readObject', function () {
  this.timeout(60_000);
  const bucket = new TestBucket();
  let object: ObjectVersion;

  beforeEach(async () => {
    bucket.put(PLACE.name, CONTENT);
    object = (await describeObject(PLACE))!;
  });

  async function read(start = 0, options: ReadOptions = {}, what = object): Promise<Buffer> {
    const pieces: Uint8Array[] = [];
    for await (const piece of readObject(what, start, { waitMs: 1, ...options }))
      pieces.push(piece);
    return Buffer.concat(pieces);
  }

  async function failure(work: Promise<unknown>): Promise<Error> {
    return work.then(
      () => expect.fail('it was read'),
      (error: unknown) => error as Error,
    );
  }

  function downloads(): number {
    return bucket.count(`GET /b/flows/o/${encodeURIComponent(PLACE.name)}`) - 1;
  }

  it('gives all bytes in one request', async () => {
    expect((await read()).equals(CONTENT)).to.equal(true);
    expect(downloads()).to.equal(1);
  });

  it('gives the bytes from a place on, and asks for no more than it is said to need', async () => {
    const pieces: Uint8Array[] = [];
    let length = 0;
    for await (const piece of readObject(object, 1_000_000, { until: 1_500_000 })) {
      pieces.push(piece);
      length += piece.length;
      if (length >= 500_000) break;
    }
    expect(Buffer.concat(pieces).equals(CONTENT.subarray(1_000_000, 1_500_000))).to.equal(true);
    const rest = await read(1_000_000, { until: 1_500_000 });
    expect(rest.equals(CONTENT.subarray(1_000_000))).to.equal(true);
  });

  for (const then of ['reset', 'end'] as const) {
    it(`goes on where the connection was left (${then}), each byte once`, async () => {
      const starts: number[] = [];
      bucket.server.spoil = (_name, content, start) => {
        starts.push(start);
        const part = content.subarray(0, 700_001);
        return part.length < content.length ? { content: part, then } : undefined;
      };
      expect((await read()).equals(CONTENT)).to.equal(true);
      expect(starts.length).to.be.above(4);
      expect(starts).to.deep.equal([...starts].sort((a, b) => a - b));
    });
  }

  it('asks again where the service is busy', async () => {
    let busy = 2;
    bucket.server.intercept = (_method, url) =>
      url.searchParams.get('alt') === 'media' && busy-- > 0 ? 503 : undefined;
    expect((await read()).equals(CONTENT)).to.equal(true);
    expect(downloads()).to.equal(3);
  });

  it('gives up, and says so, where an answer never goes on', async () => {
    bucket.server.spoil = (_name, content, start) => ({
      content: content.subarray(0, start === 0 ? 1000 : 0),
      then: 'end',
    });
    const error = await failure(read());
    expect(error).to.be.instanceOf(ObjectError).and.to.include({ fault: 'truncated' });
    expect(error.message).to.match(
      /^gs:\/\/flows\/x\/a\.csv: only 1000 of its 3000000 bytes can be read/,
    );
    // Once with bytes, then five times without.
    expect(downloads()).to.equal(6);
  });

  it('fails with the bucket where connections always break', async () => {
    bucket.server.spoil = () => ({ content: Buffer.alloc(0), then: 'reset' });
    const error = await failure(read());
    expect(error).to.be.instanceOf(ObjectStorageError);
    expect(error.message).to.include('bucket flows cannot be reached');
  });

  it('finds bytes that are not the ones that were stored', async () => {
    const other = Buffer.from(CONTENT);
    other[2_999_999] ^= 1;
    bucket.server.spoil = () => ({ content: other, then: 'end' });
    const error = await failure(read());
    expect(error).to.be.instanceOf(ObjectError).and.to.include({ fault: 'wrong-checksum' });
    expect(error.message).to.match(/^gs:\/\/flows\/x\/a\.csv: its bytes have the md5 /);
  });

  it('compares crc32c where there is no md5, as of composed objects', async () => {
    const small = Buffer.from('123456789');
    for (const [crc32c, sound] of [
      ['4waSgw==', true],
      ['4waSgg==', false],
    ] as const) {
      bucket.server.put('flows', 'composed', small, {}, { crc32c });
      const composed = (await describeObject({ bucket: 'flows', name: 'composed' }))!;
      const result = await read(0, {}, composed).catch((error: unknown) => error);
      if (sound) expect(result).to.deep.equal(small);
      else expect(result).to.be.instanceOf(ObjectError).and.to.include({ fault: 'wrong-checksum' });
    }
  });

  it('never mixes two versions: one that was replaced meanwhile is an error', async () => {
    const reading = (async () => {
      for await (const _ of readObject(object, 0, { waitMs: 1 })) {
        if (downloads() === 1) bucket.put(PLACE.name, randomBytes(3_000_000));
      }
    })();
    bucket.server.spoil = (_name, content, start) =>
      start === 0 ? { content: content.subarray(0, 500_000), then: 'reset' } : undefined;
    const error = await failure(reading);
    expect(error).to.be.instanceOf(ObjectError).and.to.include({ fault: 'changed' });
    expect(error.message).to.match(
      /it was replaced after it was listed: generation \d+ then, \d+ now/,
    );
  });

  it('tells one that is gone', async () => {
    bucket.server.bucket('flows').delete(PLACE.name);
    const error = await failure(read());
    expect(error).to.be.instanceOf(ObjectError).and.to.include({ fault: 'not-found' });
    expect(error.message).to.equal('gs://flows/x/a.csv: there is no such object now');
  });

  it('tells one that may not be read', async () => {
    bucket.server.intercept = () => 403;
    const error = await failure(read());
    expect(error).to.be.instanceOf(ObjectError).and.to.include({ fault: 'not-permitted' });
  });

  it('fails with the way to credentials where there are none', async () => {
    bucket.server.intercept = () => 401;
    const error = await failure(read());
    expect(error).to.be.instanceOf(ObjectStorageError);
    expect(error.message).to.include('gcloud auth application-default login');
  });
});
