import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, readdirSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { promisify } from 'node:util';
import type { StorageOptions } from '@google-cloud/storage';
import { expect } from 'chai';
import { encodeDay, openDay } from '../../history/day-file.js';
import { GcsHistoryStore } from '../../history/gcs-store.js';
import { parseGcsUri } from '../../history/gcs-uri.js';
import { HistoryError } from '../../history/history-error.js';
import { describeHistory, openHistory } from '../../history/open-history.js';
import { historyStore } from '../../history/open-store.js';
import { HistoryStorageError } from '../../history/storage-error.js';
import { DAY_MS, dayOf } from '../../history/utc-day.js';
import { TemporaryFiles } from '../launch/temporary-files.js';
import { DAY, DAY_START_MS, stateOf } from './day-batches.js';
import { GcsServer } from './gcs-server.js';

const OBJECT = `history/${DAY}.day`;

function piecesWith(conversations: number): Uint8Array[] {
  return encodeDay(
    DAY,
    stateOf([{ hour: 0, rows: Array.from({ length: conversations }, () => ({})) }]),
  );
}

/** A server with a bucket, and stores that read it. */
class Setting {
  readonly files = new TemporaryFiles();
  readonly server = new GcsServer();

  /** To be called inside `describe`. */
  constructor() {
    before(() => this.server.start());
    after(() => this.server.stop());
    beforeEach(() => {
      this.server.buckets.clear();
      this.server.bucket('flows');
      this.server.intercept = () => undefined;
      this.server.requests.length = 0;
    });
  }

  store(client: StorageOptions = {}, bucket = 'flows'): GcsHistoryStore {
    const { endpoint: apiEndpoint } = this.server;
    return new GcsHistoryStore(
      { bucket, prefix: 'history/' },
      {
        client: { apiEndpoint, retryOptions: { autoRetry: false }, ...client },
        cacheDirectory: this.files.path('cache'),
      },
    );
  }

  /** Downloads so far. */
  downloads(): number {
    return this.server.requests.filter((line) => /^GET .*\/o\/./.test(line)).length;
  }
}

/** Variables of the environment that a test sets; they are as before after it. */
class Environment {
  readonly #before = new Map<string, string | undefined>();

  /** To be called inside `describe`. */
  constructor() {
    afterEach(() => {
      for (const [name, value] of this.#before) assign(name, value);
      this.#before.clear();
    });
  }

  set(name: string, value: string | undefined): void {
    if (!this.#before.has(name)) this.#before.set(name, process.env[name]);
    assign(name, value);
  }
}

function assign(name: string, value: string | undefined): void {
  if (value === undefined) Reflect.deleteProperty(process.env, name);
  else process.env[name] = value;
}

async function failure(promise: Promise<unknown>): Promise<Error> {
  return promise.then(
    () => expect.fail('nothing failed'),
    (error: unknown) => error as Error,
  );
}

describe('GcsHistoryStore', () => {
  const setting = new Setting();
  const environment = new Environment();
  const { server } = setting;

  it('notes the digest at the object, and what else may lie there is not its own', async () => {
    const store = setting.store();
    await store.writeDay(DAY, piecesWith(1), 1);
    await store.writeCandidates(DAY, []);
    for (const name of ['2025-02-30.day', 'x.day', '2025-03-01.day.tmp', 'a/2025-03-01.day']) {
      server.put('flows', `history/${name}`, new Uint8Array());
    }
    const { directory, days, candidates } = await store.describe();
    expect(directory).to.equal('gs://flows/history');
    expect(server.bucket('flows').get(OBJECT)?.metadata).to.deep.equal({ sha256: days[0].sha256 });
    expect([days.length, candidates.length]).to.deep.equal([1, 1]);
    expect(setting.downloads()).to.equal(0);
  });

  it('leaves nothing behind when it looks whether it may write', async () => {
    await setting.store().prepare();
    expect(server.bucket('flows').size).to.equal(0);
  });

  it('describes and reads what another program put there, whatever its metadata say', async () => {
    const content = Buffer.concat(piecesWith(2));
    const list = '{"format":1,"day":"2025-03-03","candidates":[]}';
    for (const sha256 of [undefined, '', '../../x', 'F'.repeat(64)]) {
      const metadata = sha256 === undefined ? {} : { sha256 };
      server.put('flows', OBJECT, content, metadata);
      server.put('flows', `history/${DAY}.candidates.json`, Buffer.from(list), metadata);
      const ref = await setting.store().describe();
      expect(ref.days[0].sha256).to.equal(content.subarray(-32).toString('hex'));
      const files = await setting.store().bring(ref);
      expect(content.equals(files.readDay(DAY))).to.equal(true);
      expect(files.readCandidates(DAY, ref.candidates[0].sha256)).to.deep.equal([]);
    }
  });

  it('sends a large day in pieces', async function () {
    this.timeout(60_000);
    const content = Buffer.alloc(17 * 2 ** 20, 'flow');
    const digest = createHash('sha256').update(content).digest();
    const store = setting.store();
    await store.writeDay(DAY, [content, digest], 1);
    expect(server.requests.filter((line) => line.startsWith('PUT '))).to.have.length(1);
    const read = (await store.bring(await store.describe())).readDay(DAY);
    expect(Buffer.concat([content, digest]).equals(read)).to.equal(true);
    // And so with a precondition: the object is damaged, as days go, and is replaced.
    await store.writeDay(DAY, [content, digest], 1);
    expect(server.requests.filter((line) => line.startsWith('PUT '))).to.have.length(2);
  });

  it('keeps a larger day that another writer brought at the last moment', async () => {
    for (const there of [0, 3]) {
      server.bucket('flows').clear();
      if (there > 0) server.put('flows', OBJECT, Buffer.concat(piecesWith(there)));
      let late = true;
      server.intercept = (method) => {
        if (method === 'POST' && late) {
          late = false;
          server.put('flows', OBJECT, Buffer.concat(piecesWith(100)));
        }
        return undefined;
      };
      const written = await setting.store().writeDay(DAY, piecesWith(2), 2);
      expect(written).to.deep.include({ kept: true, conversations: 100, offered: 2 });
    }
  });

  it('looks again where the object is replaced or removed while it is read', async () => {
    for (const replacement of [null, Buffer.concat(piecesWith(4))]) {
      server.put('flows', OBJECT, Buffer.concat(piecesWith(100)));
      let late = true;
      server.intercept = (_method, { searchParams }) => {
        if (searchParams.get('alt') === 'media' && late) {
          late = false;
          if (replacement === null) server.bucket('flows').clear();
          else server.put('flows', OBJECT, replacement);
        }
        return undefined;
      };
      const { kept } = await setting.store().writeDay(DAY, piecesWith(2), 2);
      expect(kept).to.equal(false);
    }
  });

  it('keeps the rule between two stores that write at once, whoever is first', async () => {
    for (let round = 0; round < 5; round++) {
      server.bucket('flows').clear();
      await Promise.all([
        setting.store().writeDay(DAY, piecesWith(50), 50),
        setting.store().writeDay(DAY, piecesWith(2), 2),
      ]);
      const store = setting.store();
      const files = await store.bring(await store.describe());
      expect(openDay(files.readDay(DAY), DAY).conversations).to.equal(50);
    }
  });

  it('gives up where others are always faster', async function () {
    this.timeout(30_000);
    server.intercept = (method) => (method === 'POST' ? 412 : undefined);
    const error = await failure(setting.store().writeDay(DAY, piecesWith(1), 1));
    expect(error).to.be.instanceOf(HistoryStorageError);
    expect(error.message).to.match(/others keep writing the same object in bucket flows/);
  });

  it('says of each object that it is damaged, another, larger or gone by now', async () => {
    const content = Buffer.concat(piecesWith(2));
    const other = Buffer.concat(piecesWith(3));
    const broken = Buffer.from(content);
    broken[100] ^= 1;
    const damaged = 'do not match their checksum: damaged or cut off';
    const another = 'that was there when the run began';
    const cases = [
      [broken, damaged],
      [content.subarray(0, -1), another],
      [other, another],
      [Buffer.concat([content, Buffer.alloc(1_000_000)]), another],
      [null, 'there is no such object now'],
    ] as const;
    const store = setting.store();
    server.put('flows', OBJECT, content);
    const ref = await store.describe();
    for (const [now, problem] of cases) {
      if (now === null) server.bucket('flows').clear();
      else server.put('flows', OBJECT, now);
      const files = await store.bring(ref);
      expect(() => files.readDay(DAY)).to.throw(HistoryError, problem);
      expect(() => files.readDay(DAY)).to.throw(HistoryError, `gs://flows/${OBJECT}`);
    }
    expect(readdirSync(setting.files.path('cache'))).to.deep.equal([]);
  });

  const failures = [
    [
      'an unknown bucket',
      404,
      /^history gs:\/\/flows\/history: .*there is no bucket flows; create/,
    ],
    ['no right', 403, /access to bucket flows is denied; give .*roles\/storage\.objectUser/],
    ['a token that is not taken', 401, /there are no valid credentials for bucket flows; run/],
    ['a service that is down', 503, /bucket flows: Cloud Storage answered 503; run again later/],
  ] as const;
  for (const [title, status, message] of failures) {
    it(`says what to do about ${title}`, async () => {
      const store = setting.store();
      await store.writeDay(DAY, piecesWith(1), 1);
      const ref = await store.describe();
      server.intercept = () => status;
      const requests = [
        () => store.prepare(),
        () => store.listDays(),
        () => store.describe(),
        () => store.writeDay(DAY, piecesWith(1), 1),
        () => store.writeCandidates(DAY, []),
        // Whether the bucket or the object is gone cannot be told: the day is reported.
        ...(status === 404 ? [] : [() => store.bring(ref)]),
      ];
      for (const request of requests) {
        const error = await failure(request());
        expect(error).to.be.instanceOf(HistoryStorageError);
        expect(error.message).to.match(message);
      }
    });
  }

  it('says that it may read but not write before a run', async () => {
    server.intercept = (method) => (method === 'POST' ? 403 : undefined);
    const error = await failure(setting.store().prepare());
    expect(error.message).to.match(/writing a file to see whether it may failed: access to bucket/);
  });

  it('says what to do where nothing answers', async () => {
    const gone = new GcsServer();
    await gone.start();
    const apiEndpoint = gone.endpoint;
    await gone.stop();
    const error = await failure(setting.store({ apiEndpoint }).describe());
    expect(error).to.be.instanceOf(HistoryStorageError);
    expect(error.message).to.match(
      /bucket flows cannot be reached; check the network.*ECONNREFUSED/,
    );
  });

  it('says what to do without credentials', async () => {
    const damaged = setting.files.write('damaged.json', '{');
    // As the service answers whoever has none.
    server.intercept = () => 401;
    // No network either: a machine of Google's would be asked for its account.
    environment.set('METADATA_SERVER_DETECTION', 'none');
    environment.set('HOME', setting.files.directory);
    environment.set('GOOGLE_APPLICATION_CREDENTIALS', undefined);
    for (const keyFilename of [undefined, setting.files.path('none.json'), damaged]) {
      const key = keyFilename === undefined ? {} : { keyFilename };
      const store = setting.store({ useAuthWithCustomEndpoint: true, ...key });
      const error = await failure(store.prepare());
      expect(error).to.be.instanceOf(HistoryStorageError);
      expect(error.message).to.match(/ credentials for bucket flows.*; run "gcloud auth/);
    }
    expect(server.requests).to.deep.equal(['GET /b/flows/o']);
  });

  it('repeats a request that failed for a moment', async function () {
    this.timeout(30_000);
    let failing = 1;
    server.intercept = () => (failing-- > 0 ? 503 : undefined);
    const { endpoint: apiEndpoint } = server;
    const store = new GcsHistoryStore(
      { bucket: 'flows', prefix: '' },
      { client: { apiEndpoint }, cacheDirectory: setting.files.path('cache') },
    );
    expect(await store.listDays()).to.deep.equal([]);
  });
});

describe('the copies of a history in a bucket', () => {
  const setting = new Setting();

  async function bring(): Promise<string> {
    const store = setting.store();
    const files = await store.bring(await store.describe());
    openDay(files.readDay(DAY), DAY);
    return setting.files.path(`cache/${readdirSync(setting.files.path('cache'))[0]}`);
  }

  beforeEach(async () => {
    await setting.store().writeDay(DAY, piecesWith(1), 1);
  });

  it('are made once for all that read them', async () => {
    const path = await bring();
    await bring();
    expect(setting.downloads()).to.equal(1);
    expect(statSync(setting.files.path('cache')).mode & 0o777).to.equal(0o700);
    expect(path).to.match(/\/[0-9a-f]{64}\.day$/);
  });

  it('are made again where one was damaged here', async () => {
    writeFileSync(await bring(), 'garbage');
    await bring();
    expect(setting.downloads()).to.equal(2);
  });

  it('go when none asked for them in seven days, leftovers of killed writers too', async () => {
    const path = await bring();
    const names = [`${'0'.repeat(64)}.day`, '.left.tmp'].map((name) =>
      setting.files.write(`cache/${name}`, ''),
    );
    const [week, less] = [8, 6].map((days) => new Date(Date.now() - days * DAY_MS));
    for (const name of names) utimesSync(name, week, week);
    utimesSync(path, less, less);
    expect(await bring()).to.equal(path);
    expect(readdirSync(setting.files.path('cache'))).to.have.length(1);
    expect(statSync(path).mtimeMs).to.be.greaterThan(less.getTime());
  });

  it('lie in no place that a link leads to', async () => {
    symlinkSync(setting.files.directory, setting.files.path('cache'));
    const error = await failure(bring());
    expect(error.message).to.match(/is not a directory of this user; remove it, or set TMPDIR/);
  });

  it('say it where there is no room for them', async function () {
    if (process.getuid?.() === 0) {
      process.stdout.write('      skipped: the superuser may write everywhere\n');
      this.skip();
    }
    chmodSync(setting.files.directory, 0o500);
    const error = await failure(bring()).finally(() => chmodSync(setting.files.directory, 0o700));
    expect(error.message).to.match(/EACCES/);
  });
});

describe('a history of gs:// in a run', () => {
  const setting = new Setting();
  const { server } = setting;
  const environment = new Environment();
  let runs = 0;
  let uri = '';

  beforeEach(() => {
    environment.set('STORAGE_EMULATOR_HOST', server.endpoint);
    environment.set('TMPDIR', setting.files.directory);
    // Stores are kept by the process: each test has a place of its own.
    uri = `gs://flows/run-${++runs}`;
  });

  async function write(back: number): Promise<void> {
    const day = dayOf(DAY_START_MS - back * DAY_MS);
    const state = stateOf([]);
    await historyStore(uri).writeDay(day, encodeDay(day, state), 0);
  }

  it('brings the days of the look-back and the judged one, and no others', async () => {
    for (const back of [-1, 0, 1, 28, 29]) await write(back);
    const ref = await describeHistory(uri);
    server.requests.length = 0;
    const history = await openHistory(ref, DAY_START_MS);
    expect(history.days).to.deep.equal(['2025-02-03', '2025-03-02']);
    expect(history.counts(DAY)?.day).to.equal(DAY);
    expect(history.problems).to.deep.equal([]);
    expect(setting.downloads()).to.equal(3);
    expect(await openHistory(ref, DAY_START_MS)).to.equal(history);
  });

  it('is read by a process that knows the reference only', async () => {
    await write(1);
    const ref = JSON.stringify(await describeHistory(uri));
    const module = new URL('../../history/open-history.js', import.meta.url).href;
    const script = `
      const { openHistory } = await import(${JSON.stringify(module)});
      const { days, problems } = await openHistory(${ref}, ${DAY_START_MS});
      process.stdout.write(JSON.stringify({ days, problems }));`;
    const { stdout } = await promisify(execFile)(process.execPath, [
      '--input-type=module',
      '--eval',
      script,
    ]);
    expect(JSON.parse(stdout)).to.deep.equal({ days: ['2025-03-02'], problems: [] });
  });

  it('is never empty because the place cannot be used, and is there once it can', async () => {
    await write(1);
    const ref = await describeHistory(uri);
    server.intercept = () => 403;
    const error = await failure(openHistory(ref, DAY_START_MS));
    expect(error).to.be.instanceOf(HistoryStorageError);
    server.intercept = () => undefined;
    expect((await openHistory(ref, DAY_START_MS)).days).to.deep.equal(['2025-03-02']);
  });

  it('leaves out a day that is damaged, and says so', async () => {
    await write(1);
    await write(2);
    server.put('flows', `${uri.slice('gs://flows/'.length)}/2025-03-01.day`, Buffer.alloc(100));
    const history = await openHistory(await describeHistory(uri), DAY_START_MS);
    expect(history.days).to.deep.equal(['2025-03-02']);
    expect(history.problems).to.deep.equal([
      `history ${uri}/2025-03-01.day (day 2025-03-01): its 100 bytes do not match their checksum: ` +
        'damaged or cut off; remove it or run that day again',
    ]);
  });
});

describe('parseGcsUri', () => {
  const cases = [
    ['gs://flows', { bucket: 'flows', prefix: '' }],
    ['gs://flows/', { bucket: 'flows', prefix: '' }],
    ['gs://flows/a/b', { bucket: 'flows', prefix: 'a/b/' }],
    ['gs://my.flows_1/a b/ä/', { bucket: 'my.flows_1', prefix: 'a b/ä/' }],
    ['gs://', undefined],
    ['gs://fl', undefined],
    ['gs://Flows/a', undefined],
    ['gs:///a', undefined],
    ['gs://flows//a', undefined],
    ['gs://flows/a//', undefined],
    ['gs://flows/../a', undefined],
    ['gs://flows/a\nb', undefined],
    ['gs://flows/*.day', undefined],
    ['gs://user@flows/a', undefined],
    [`gs://flows/${'a'.repeat(1024)}`, undefined],
    ['s3://flows/a', undefined],
    ['/flows', undefined],
  ] as const;
  for (const [uri, place] of cases) {
    it(`reads ${JSON.stringify(uri.slice(0, 40))}`, () => {
      expect(parseGcsUri(uri)).to.deep.equal(place);
    });
  }
});
