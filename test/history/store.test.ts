import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { encodeDay, openDay } from '../../history/day-file.js';
import { DayState } from '../../history/day-state.js';
import { HistoryError } from '../../history/history-error.js';
import { LocalHistoryStore } from '../../history/local-store.js';
import { historyStore } from '../../history/open-store.js';
import { HistoryStorageError } from '../../history/storage-error.js';
import { TemporaryFiles } from '../launch/temporary-files.js';
import { DAY, stateOf } from './day-batches.js';

function stateWith(conversations: number): DayState {
  return stateOf([{ hour: 0, rows: Array.from({ length: conversations }, () => ({})) }]);
}

function piecesWith(conversations: number): Uint8Array[] {
  const state = conversations === 0 ? new DayState() : stateWith(conversations);
  return encodeDay(DAY, state);
}

describe('a history store', () => {
  const files = new TemporaryFiles();

  it('lists days with a file, and nothing else that lies there', async () => {
    const store = new LocalHistoryStore(files.path('none/yet'));
    expect(await store.listDays()).to.deep.equal([]);
    await store.writeDay(DAY, piecesWith(1), 1);
    for (const name of ['2025-02-30.day', '2025-03-01.day.tmp', 'x.day', '.2025-03-01.day.1.tmp']) {
      files.write(`none/yet/${name}`, '');
    }
    files.write('none/yet/2025-03-01.day', '');
    expect(await store.listDays()).to.deep.equal(['2025-03-01', DAY]);
  });

  it('gives back what was written', async () => {
    const store = new LocalHistoryStore(files.directory);
    const pieces = piecesWith(3);
    expect(await store.writeDay(DAY, pieces, 3)).to.deep.equal({
      kept: false,
      conversations: null,
      offered: 3,
      sensors: [],
    });
    expect(Buffer.concat(pieces).equals(store.readDay(DAY))).to.equal(true);
    expect(readdirSync(files.directory)).to.deep.equal([`${DAY}.day`]);
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
      const store = new LocalHistoryStore(files.directory);
      await store.writeDay(DAY, piecesWith(there), there);
      expect(await store.writeDay(DAY, piecesWith(offered), offered)).to.deep.equal({
        kept,
        conversations: there,
        offered,
        sensors: there === 0 ? [] : [{ sensor: 'edge-1', samplingRate: 100 }],
      });
      const { conversations } = openDay(store.readDay(DAY), DAY);
      expect(conversations).to.equal(kept ? there : offered);
    });
  }

  it('replaces a damaged file, however large it was', async () => {
    const store = new LocalHistoryStore(files.directory);
    await store.writeDay(DAY, piecesWith(100), 100);
    truncateSync(files.path(`${DAY}.day`), 300);
    expect((await store.writeDay(DAY, piecesWith(1), 1)).conversations).to.equal(null);
    expect(openDay(store.readDay(DAY), DAY).conversations).to.equal(1);
  });

  it('replaces a file that holds another day', async () => {
    const store = new LocalHistoryStore(files.directory);
    await store.writeDay(DAY, piecesWith(100), 100);
    await store.writeDay('2025-03-04', [store.readDay(DAY)], 100);
    const pieces = encodeDay('2025-03-04', new DayState());
    expect((await store.writeDay('2025-03-04', pieces, 0)).conversations).to.equal(null);
  });

  it('holds one whole file after many writers at once, and no leftovers', async () => {
    const store = new LocalHistoryStore(files.directory);
    const sizes = [10, 11, 12, 13, 14, 15, 16, 17];
    const written = sizes.map((size) => store.writeDay(DAY, piecesWith(size), size));
    await Promise.race(written);
    // Whatever is read while the others write is whole.
    for (let i = 0; i < 50; i++) {
      openDay(store.readDay(DAY), DAY);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await Promise.all(written);
    expect(sizes).to.include(openDay(store.readDay(DAY), DAY).conversations);
    expect(readdirSync(files.directory)).to.deep.equal([`${DAY}.day`]);
  });

  it('leaves the old file and no other where writing fails', async () => {
    const store = new LocalHistoryStore(files.directory);
    await store.writeDay(DAY, piecesWith(1), 1);
    const before = readFileSync(files.path(`${DAY}.day`));
    const broken = [new Uint8Array(8), null as unknown as Uint8Array];
    const failed = await store.writeDay(DAY, broken, 1).catch((error: unknown) => error);
    expect(failed).to.be.instanceOf(Error);
    mkdirSync(files.path('2025-03-05.day'));
    const blocked = await store
      .writeDay('2025-03-05', [new Uint8Array(8)], 1)
      .catch((error: unknown) => error);
    expect(blocked).to.be.instanceOf(HistoryStorageError);
    expect((blocked as Error).message).to.equal(
      `history ${files.path('2025-03-05.day')}: a directory lies where the file is to be written; ` +
        `move it away, then run again`,
    );
    mkdirSync(files.path('2025-03-05.candidates.json'));
    const none = await store.writeCandidates('2025-03-05', []).catch((error: unknown) => error);
    expect(none).to.be.instanceOf(HistoryStorageError);
    rmSync(files.path('2025-03-05.candidates.json'), { recursive: true });
    expect(readFileSync(files.path(`${DAY}.day`)).equals(before)).to.equal(true);
    expect(readdirSync(files.directory).sort()).to.deep.equal([`${DAY}.day`, '2025-03-05.day']);
  });

  it('does not wait for a named pipe in the place of a file', async function () {
    const store = new LocalHistoryStore(files.directory);
    for (const name of [`${DAY}.day`, `${DAY}.candidates.json`]) {
      if (spawnSync('mkfifo', [files.path(name)]).status !== 0) {
        process.stdout.write('      skipped: no mkfifo here\n');
        this.skip();
      }
    }
    expect(await store.describe()).to.deep.equal({
      directory: files.directory,
      days: [{ day: DAY, bytes: 0, sha256: '' }],
      candidates: [{ day: DAY, bytes: 0, sha256: '' }],
    });
    const problem = `(day ${DAY}): is a named pipe, no file; remove it or run that day again`;
    expect(() => store.readDay(DAY)).to.throw(HistoryError, problem);
    expect(() => store.readCandidates(DAY)).to.throw(HistoryError, problem);
    for (const write of [
      () => store.writeDay(DAY, piecesWith(1), 1),
      () => store.writeCandidates(DAY, []),
    ]) {
      const failed = await write().catch((error: unknown) => error);
      expect(failed).to.be.instanceOf(HistoryStorageError);
      expect((failed as Error).message).to.contain('a named pipe lies where');
    }
  });

  it('takes no name that is not a day', async () => {
    const store = new LocalHistoryStore(files.directory);
    for (const day of ['../2025-03-03', '2025-03-03/x', '2025-13-01', '', '2025-03-03\n', 'a\0b']) {
      expect(() => store.readDay(day), day).to.throw(RangeError);
      expect(() => store.readCandidates(day), day).to.throw(RangeError);
      const failed = await store.writeDay(day, [], 0).catch((error: unknown) => error);
      expect(failed, day).to.be.instanceOf(RangeError);
    }
    expect(readdirSync(files.directory)).to.deep.equal([]);
  });

  it('lies on this machine or in a bucket, nowhere else', () => {
    for (const place of ['s3://bucket/history', 'gs://', 'gs://Bucket', 'gs://bucket/../other']) {
      expect(() => historyStore(place), place).to.throw(RangeError, place);
    }
  });

  it('says which file is not there', () => {
    expect(() => new LocalHistoryStore(files.directory).readDay(DAY)).to.throw(
      HistoryError,
      `${DAY}.day`,
    );
  });
});

describe('candidates of a day', () => {
  const files = new TemporaryFiles();
  const candidate = { day: DAY, remote: '203.0.113.7', service: '443/tcp', clients: 3 };

  it('come back sorted, in the same bytes for the same candidates', async () => {
    const store = new LocalHistoryStore(files.directory);
    const other = { day: DAY, remote: '2001:db8::1', service: '-', clients: 4 };
    await store.writeCandidates(DAY, [candidate, other]);
    const bytes = readFileSync(files.path(`${DAY}.candidates.json`));
    await store.writeCandidates(DAY, [other, candidate]);
    expect(readFileSync(files.path(`${DAY}.candidates.json`)).equals(bytes)).to.equal(true);
    expect(store.readCandidates(DAY)).to.deep.equal([other, candidate]);
    expect(store.readCandidates('2025-03-04')).to.deep.equal([]);
    expect(() => store.readCandidates(DAY, 'ff')).to.throw(HistoryError, 'sha256 ff');
    rmSync(files.path(`${DAY}.candidates.json`));
    expect(() => store.readCandidates(DAY, 'ff')).to.throw(HistoryError, 'ENOENT');
  });

  it('must be of the day, and candidates', async () => {
    const store = new LocalHistoryStore(files.directory);
    const cases = [
      { ...candidate, day: '2025-03-04' },
      { ...candidate, remote: '203.0.113.07' },
      { ...candidate, remote: '2001:DB8::1' },
      { ...candidate, service: '../x' },
      { ...candidate, clients: 0 },
    ];
    for (const one of cases) {
      const failed = await store.writeCandidates(DAY, [one]).catch((error: unknown) => error);
      expect(failed).to.be.instanceOf(RangeError);
    }
  });

  const text = (value: unknown): string => JSON.stringify(value);
  const damaged = [
    ['', 'no JSON'],
    ['null', 'expected object'],
    [text({ format: 2, day: DAY, candidates: [] }), 'format'],
    [text({ format: 1, day: '2025-03-04', candidates: [] }), 'is of 2025-03-04'],
    [text({ format: 1, day: DAY, candidates: [{}] }), 'candidates.0.remote'],
    [text({ format: 1, day: DAY, candidates: [], more: 1 }), 'more'],
  ] as const;
  for (const [content, problem] of damaged) {
    it(`are refused as ${content.slice(0, 60)}`, () => {
      writeFileSync(join(files.directory, `${DAY}.candidates.json`), content);
      expect(() => new LocalHistoryStore(files.directory).readCandidates(DAY)).to.throw(
        HistoryError,
        problem,
      );
    });
  }
});
