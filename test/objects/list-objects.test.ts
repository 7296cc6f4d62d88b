import { expect } from 'chai';
import { listObjects } from '../../objects/list-objects.js';
import { ObjectStorageError } from '../../objects/object-error.js';
import { TestBucket } from './bucket.js';

describe('listObjects', function () {
  this.timeout(60_000);
  const bucket = new TestBucket();

  async function names(name: string, place = 'flows'): Promise<string[]> {
    const found: string[] = [];
    for await (const object of listObjects({ bucket: place, name })) found.push(object.name);
    return found;
  }

  it('gives what matches, page after page, in the order of names', async () => {
    for (let i = 0; i < 100; i++) bucket.put(`flows/${String(i).padStart(3, '0')}.csv.gz`, 'x');
    for (const other of ['flows/x.txt', 'flows/a/b.csv.gz', 'other/1.csv.gz'])
      bucket.put(other, 'x');
    const found = await names('flows/*.csv.gz');
    expect(found.length).to.equal(100);
    expect(found).to.deep.equal([...found].sort());
    // 102 names begin with the fixed part, three a page.
    expect(bucket.count('GET /b/flows/o')).to.equal(1 + 34);
  });

  it('holds no more than pages: who stops early has asked for two', async () => {
    for (let i = 0; i < 50; i++) bucket.put(`flows/${i}.csv`, 'x');
    for await (const _ of listObjects({ bucket: 'flows', name: 'flows/*.csv' })) break;
    expect(bucket.count('GET /b/flows/o')).to.be.at.most(3);
  });

  it('tells of each object the version, size and checksum', async () => {
    bucket.put('a.csv', '123456789');
    bucket.put('b.txt', '');
    for (const name of ['a.csv', '*.csv']) {
      for await (const object of listObjects({ bucket: 'flows', name })) {
        expect(object).to.deep.include({ size: 9, md5: 'JfnnlDI7RTiF9RgfG2JNCw==' });
        expect(object.generation).to.match(/^\d{16}$/);
      }
    }
  });

  it('takes an object whose name looks like a glob for itself', async () => {
    for (const name of ['flows/[1].csv', 'flows/1.csv']) bucket.put(name, 'x');
    expect(await names('flows/[1].csv')).to.deep.equal(['flows/[1].csv']);
    expect(await names('flows/[12].csv')).to.deep.equal(['flows/1.csv']);
  });

  it('gives nothing where nothing matches', async () => {
    bucket.put('flows/1.csv', 'x');
    expect(await names('flows/2.csv')).to.deep.equal([]);
    expect(await names('flows/2*')).to.deep.equal([]);
  });

  it('asks again where the service is busy', async () => {
    for (let i = 0; i < 9; i++) bucket.put(`flows/${i}.csv`, 'x');
    let requests = 0;
    bucket.server.intercept = () => (++requests % 3 === 0 ? 503 : undefined);
    expect((await names('flows/*')).length).to.equal(9);
  });

  it('says what is missing: the bucket, the right, credentials', async () => {
    const cases = [
      [404, /there is no bucket flows; create it, or correct the URI/],
      [403, /Storage Object Viewer \(roles\/storage\.objectViewer\)/],
      [401, /gcloud auth application-default login/],
    ] as const;
    for (const [status, message] of cases) {
      bucket.server.intercept = (_method, url) =>
        url.pathname.endsWith('/o') ? status : undefined;
      const error = await names('flows/*.csv').catch((reason: unknown) => reason);
      expect(error).to.be.instanceOf(ObjectStorageError);
      expect((error as Error).message)
        .to.match(message)
        .and.match(/^gs:\/\/flows\/flows\/\*\.csv: /);
    }
  });
});
