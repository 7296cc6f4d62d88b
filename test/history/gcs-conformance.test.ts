import { expect } from 'chai';
import { encodeDay, openDay } from '../../history/day-file.js';
import { DayState } from '../../history/day-state.js';
import { GcsHistoryStore } from '../../history/gcs-store.js';
import { HistoryError } from '../../history/history-error.js';
import { LocalHistoryStore } from '../../history/local-store.js';
import type { HistoryFiles, HistoryRef, HistoryStore } from '../../history/store.js';
import { TemporaryFiles } from '../launch/temporary-files.js';
import { DAY, stateOf } from './day-batches.js';
import { GcsOracle, oracleMissing } from './gcs-oracle.js';
import { GcsServer } from './gcs-server.js';

function piecesWith(conversations: number, day = DAY): Uint8Array[] {
  const rows = Array.from({ length: conversations }, () => ({}));
  return encodeDay(day, conversations === 0 ? new DayState() : stateOf([{ hour: 0, rows }]));
}

/** The files of a store as they are now. */
async function files(store: HistoryStore): Promise<HistoryFiles> {
  return store.bring(JSON.parse(JSON.stringify(await store.describe())) as HistoryRef);
}

async function conversations(store: HistoryStore): Promise<number> {
  return openDay((await files(store)).readDay(DAY), DAY).conversations;
}

/** What every store does. `make` gives an empty one at each call. */
function conforms(make: () => Promise<HistoryStore>): void {
  let store: HistoryStore;
  beforeEach(async () => {
    store = await make();
    await store.prepare();
  });

  it('is empty at first', async () => {
    expect(await store.listDays()).to.deep.equal([]);
    const { days, candidates } = await store.describe();
    expect([...days, ...candidates]).to.deep.equal([]);
    expect((await files(store)).readCandidates(DAY)).to.deep.equal([]);
  });

  it('lists and describes more days than an answer has', async () => {
    const days = Array.from({ length: 9 }, (_, i) => `2025-02-0${i + 1}`);
    for (const day of [...days].reverse()) await store.writeDay(day, piecesWith(0, day), 0);
    expect(await store.listDays()).to.deep.equal(days);
    const described = await store.describe();
    expect(described.days.map(({ day }) => day)).to.deep.equal(days);
    for (const { day, bytes, sha256 } of described.days) {
      const pieces = Buffer.concat(piecesWith(0, day));
      expect([bytes, sha256]).to.deep.equal([pieces.length, pieces.subarray(-32).toString('hex')]);
    }
  });

  it('gives back what was written', async () => {
    const pieces = piecesWith(3);
    const written = await store.writeDay(DAY, pieces, 3);
    expect(written).to.deep.equal({ kept: false, conversations: null, offered: 3, sensors: [] });
    expect(Buffer.concat(pieces).equals((await files(store)).readDay(DAY))).to.equal(true);
  });

  const rule = [
    { there: 10, offered: 4, kept: true },
    { there: 10, offered: 5, kept: false },
    { there: 10, offered: 0, kept: true },
    { there: 0, offered: 0, kept: false },
    { there: 5, offered: 10, kept: false },
  ] as const;
  for (const { there, offered, kept } of rule) {
    it(`${kept ? 'keeps' : 'replaces'} ${there} conversations where ${offered} come`, async () => {
      await store.writeDay(DAY, piecesWith(there), there);
      const written = await store.writeDay(DAY, piecesWith(offered), offered);
      expect(written).to.deep.equal({
        kept,
        conversations: there,
        offered,
        sensors: there === 0 ? [] : [{ sensor: 'edge-1', samplingRate: 100 }],
      });
      expect(await conversations(store)).to.equal(kept ? there : offered);
    });
  }

  it('replaces a damaged file and one of another day', async () => {
    const damaged = Buffer.concat(piecesWith(100)).subarray(0, 300);
    for (const there of [damaged, Buffer.concat(piecesWith(0, '2025-03-04'))]) {
      await store.writeDay(DAY, [there], 1_000_000);
      const { conversations: found } = await store.writeDay(DAY, piecesWith(1), 1);
      expect(found).to.equal(null);
      expect(await conversations(store)).to.equal(1);
    }
  });

  it('says which file is damaged or gone', async () => {
    await store.writeDay(DAY, [new Uint8Array(100)], 1);
    const read = await files(store);
    expect(() => openDay(read.readDay(DAY), `${DAY}.day`)).to.throw(
      HistoryError,
      'its 100 bytes do not match their checksum: damaged or cut off',
    );
    expect(() => read.readDay('2025-03-04')).to.throw(HistoryError, '2025-03-04.day');
  });

  it('holds one whole file after many writers at once', async () => {
    const sizes = [10, 11, 12, 13, 14, 15, 16, 17];
    await Promise.all(sizes.map((size) => store.writeDay(DAY, piecesWith(size), size)));
    expect(sizes).to.include(await conversations(store));
    expect(await store.listDays()).to.deep.equal([DAY]);
  });

  it('keeps the old file where writing fails', async () => {
    await store.writeDay(DAY, piecesWith(1), 1);
    const broken = [new Uint8Array(8), null as unknown as Uint8Array];
    const failed = await store.writeDay(DAY, broken, 1).catch((error: unknown) => error);
    expect(failed).to.be.instanceOf(Error);
    expect(await conversations(store)).to.equal(1);
  });

  it('takes no name that is not a day', async () => {
    for (const day of ['../2025-03-03', '2025-03-03/x', '2025-13-01', '', '2025-03-03\n', 'a\0b']) {
      const failures = await Promise.all([
        store.writeDay(day, [], 0).catch((error: unknown) => error),
        store.writeCandidates(day, []).catch((error: unknown) => error),
      ]);
      for (const failed of failures) expect(failed, day).to.be.instanceOf(RangeError);
      const read = await files(store);
      expect(() => read.readDay(day), day).to.throw(RangeError);
      expect(() => read.readCandidates(day), day).to.throw(RangeError);
    }
    expect(await store.listDays()).to.deep.equal([]);
  });

  it('keeps candidates, sorted, the last written', async () => {
    const one = { day: DAY, remote: '203.0.113.7', service: '443/tcp', clients: 3 };
    const two = { day: DAY, remote: '2001:db8::1', service: '-', clients: 4 };
    await store.writeCandidates(DAY, [one]);
    await store.writeCandidates(DAY, [one, two]);
    const { candidates } = await store.describe();
    const read = await files(store);
    expect(candidates.map(({ day }) => day)).to.deep.equal([DAY]);
    expect(read.readCandidates(DAY, candidates[0].sha256)).to.deep.equal([two, one]);
    expect(() => read.readCandidates(DAY, 'ff')).to.throw(HistoryError, 'sha256 ff');
    const wrong = await store
      .writeCandidates(DAY, [{ ...one, clients: 0 }])
      .catch((error: unknown) => error);
    expect(wrong).to.be.instanceOf(RangeError);
  });
}

describe('a history store in a directory', () => {
  const temporary = new TemporaryFiles();
  conforms(() => Promise.resolve(new LocalHistoryStore(temporary.path('none/yet'))));
});

describe('a history store in a bucket', () => {
  const temporary = new TemporaryFiles();
  const server = new GcsServer();
  before(() => server.start());
  after(() => server.stop());
  conforms(() => {
    server.buckets.clear();
    server.bucket('flows');
    return Promise.resolve(
      new GcsHistoryStore(
        { bucket: 'flows', prefix: 'history/of flows/' },
        { client: { apiEndpoint: server.endpoint }, cacheDirectory: temporary.path('cache') },
      ),
    );
  });
});

describe('a history store in a bucket of fake-gcs-server', () => {
  const temporary = new TemporaryFiles();
  const oracle = new GcsOracle();
  let buckets = 0;
  before(async function () {
    const missing = oracleMissing();
    if (missing !== undefined) {
      if (process.env['CI'] === 'true') throw new Error(missing);
      process.stdout.write(`    skipped: ${missing}\n`);
      this.skip();
    }
    await oracle.start();
  });
  after(() => oracle.stop());
  conforms(async () => {
    const bucket = `flows-${++buckets}`;
    await oracle.makeBucket(bucket);
    return new GcsHistoryStore(
      { bucket, prefix: 'history/of flows/' },
      { client: { apiEndpoint: oracle.endpoint }, cacheDirectory: temporary.path('cache') },
    );
  });
});
