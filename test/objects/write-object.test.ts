import { expect } from 'chai';
import { ObjectStorageError } from '../../objects/object-error.js';
import { checkWritable, writeObject } from '../../objects/write-object.js';
import { TestBucket } from './bucket.js';

const PLACE = { bucket: 'flows', name: 'out/findings.ndjson' };

describe('writeObject', function () {
  this.timeout(60_000);
  const bucket = new TestBucket();

  const write = (text: string): Promise<void> =>
    writeObject(PLACE, [Buffer.from(text.slice(0, 3)), Buffer.from(text.slice(3))], 'text/plain');
  const there = (): string | undefined =>
    bucket.server.bucket('flows').get(PLACE.name)?.content.toString();

  it('makes an object, and replaces it', async () => {
    await write('first one');
    expect(there()).to.equal('first one');
    await write('another');
    expect(there()).to.equal('another');
    expect([...bucket.server.bucket('flows').keys()]).to.deep.equal([PLACE.name]);
  });

  it('leaves the former object where an upload fails', async () => {
    await write('first one');
    bucket.server.intercept = (method) => (method === 'POST' ? 403 : undefined);
    const error = await write('another').catch((reason: unknown) => reason);
    expect(error).to.be.instanceOf(ObjectStorageError);
    expect((error as Error).message)
      .to.include('writing it failed')
      .and.include('objectUser');
    expect(there()).to.equal('first one');
  });

  it('is done where the same bundle, tried twice, was faster', async () => {
    const generations = new Set<number>();
    bucket.server.intercept = (method) => {
      // Another attempt puts the same bytes between the look and the upload.
      if (method === 'POST' && generations.size === 0) {
        bucket.put(PLACE.name, 'the same');
        generations.add(bucket.server.bucket('flows').get(PLACE.name)!.generation);
      }
      return undefined;
    };
    await write('the same');
    expect([...generations]).to.deep.equal([
      bucket.server.bucket('flows').get(PLACE.name)!.generation,
    ]);
  });

  it('writes over another that was faster', async () => {
    let others = 2;
    bucket.server.intercept = (method) => {
      if (method === 'POST' && others-- > 0) bucket.put(PLACE.name, `other ${others}`);
      return undefined;
    };
    await write('mine');
    expect(there()).to.equal('mine');
  });

  it('writes nothing of bytes that were damaged on their way', async () => {
    await write('first one');
    const { server } = bucket;
    server.damageUploads = true;
    const error = await write('another').catch((reason: unknown) => reason);
    expect(error).to.be.instanceOf(ObjectStorageError);
    expect(there()).to.equal('first one');
  });

  it('tells before a job whether its objects can be written, and leaves nothing', async () => {
    const place = { bucket: 'flows', prefix: 'out/' };
    await checkWritable(place);
    expect([...bucket.server.bucket('flows').keys()]).to.deep.equal([]);
    bucket.server.intercept = (method) => (method === 'POST' ? 403 : undefined);
    const error = await checkWritable(place).catch((reason: unknown) => reason);
    expect((error as Error).message).to.match(
      /^gs:\/\/flows\/out\/: writing an object to see whether it may failed: .*objectUser/,
    );
  });
});
