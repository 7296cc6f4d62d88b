import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { expect } from 'chai';
import { ByteCache } from '../../history/byte-cache.js';
import { encodeDay } from '../../history/day-file.js';
import { DayState } from '../../history/day-state.js';
import { describeHistory, openHistory } from '../../history/open-history.js';
import { historyStore } from '../../history/open-store.js';
import type { HistoryRef } from '../../history/store.js';
import { DAY_MS, dayOf } from '../../history/utc-day.js';
import { TemporaryFiles } from '../launch/temporary-files.js';
import { DAY, DAY_START_MS, dayBatch, reference, type DayRow } from './day-batches.js';

/** The day `back` days before DAY. */
function before(back: number): string {
  return dayOf(DAY_START_MS - back * DAY_MS);
}

async function write(directory: string, back: number, rows: readonly DayRow[]): Promise<void> {
  const state = new DayState();
  state.add(dayBatch(rows, -24 * back), reference);
  const day = before(back);
  await historyStore(directory).writeDay(day, encodeDay(day, state), state.conversations);
}

describe('openHistory', () => {
  const files = new TemporaryFiles();

  it('is empty where nothing was ever written', async () => {
    const ref = await describeHistory(files.path('none'));
    const history = await openHistory(ref, DAY_START_MS);
    expect([...history.days, ...history.problems]).to.deep.equal([]);
    expect(history.seen('acme', '203.0.113.7')).to.equal(false);
    expect(history.prevalence('203.0.113.7')).to.equal(undefined);
    expect(history.counts(DAY)).to.equal(undefined);
    expect(history.candidates('203.0.113.7')).to.deep.equal([]);
  });

  it('reads the 28 days before the judged one, and its own counts only', async () => {
    for (const back of [-1, 0, 1, 28, 29]) {
      await write(files.directory, back, [
        { remote: `20.0.0.${back + 1}` },
        { remote: `20.0.0.${back + 1}`, customer: 'globex' },
      ]);
    }
    const described = await describeHistory(files.directory);
    const ref = JSON.parse(JSON.stringify(described)) as HistoryRef;
    const history = await openHistory(ref, DAY_START_MS + 5 * 3_600_000);
    expect(history.days).to.deep.equal([before(28), before(1)]);
    expect(history.problems).to.deep.equal([]);
    const known = [0, 1, 2, 29, 30].map((last) => [
      history.seen('acme', `20.0.0.${last}`),
      history.prevalence(`20.0.0.${last}`) !== undefined,
    ]);
    expect(known).to.deep.equal([
      [false, false],
      [false, false],
      [true, true],
      [true, true],
      [false, false],
    ]);
    expect(history.counts(DAY)?.day).to.equal(DAY);
    expect(history.counts(before(1))?.customers).to.deep.equal(['acme', 'globex']);
    expect(history.counts(before(-1))).to.equal(undefined);
    expect(history.counts(before(29))).to.equal(undefined);
    expect(await openHistory(ref, DAY_START_MS)).to.equal(history);
  });

  it('gives the numbers of the day with the most customers, and counts the busy days', async () => {
    const remote = '20.0.0.1';
    const talks = (customers: number, clients: number): DayRow[] =>
      Array.from({ length: clients }, (_, i) => ({
        remote,
        customer: `c${i % customers}`,
        customerAddress: `198.51.100.${i}`,
      }));
    const elsewhere = Array.from({ length: 14 }, (_, i) => ({
      remote: '20.0.0.2',
      customer: `c${i}`,
    }));
    await write(files.directory, 1, [...talks(6, 21), ...elsewhere]);
    await write(files.directory, 2, talks(2, 90));
    await write(files.directory, 3, [...talks(7, 20), ...elsewhere]);
    await write(files.directory, 4, [...talks(5, 20), { remote: '20.0.0.2', customer: 'other' }]);
    await write(files.directory, 5, talks(6, 19));
    const history = await openHistory(await describeHistory(files.directory), DAY_START_MS);
    expect(history.prevalence(remote)).to.deep.equal({ customers: 7, clients: 20, days: 2 });
  });

  it('leaves out what is damaged, gone or replaced, and says so', async () => {
    for (const back of [0, 1, 2, 3, 4, 5]) await write(files.directory, back, [{}]);
    writeFileSync(files.path(`${before(2)}.day`), 'garbage');
    rmSync(files.path(`${before(5)}.day`));
    mkdirSync(files.path(`${before(5)}.day`));
    const ref = await describeHistory(files.directory);
    rmSync(files.path(`${before(3)}.day`));
    await write(files.directory, 4, [{}, {}]);
    const history = await openHistory(ref, DAY_START_MS);
    expect(history.days).to.deep.equal([before(1)]);
    expect(history.seen('acme', '203.0.113.7')).to.equal(true);
    expect(history.problems.join('\n')).to.match(
      /2025-02-26\.day \(day 2025-02-26\): is a directory, no file.*\n.*2025-02-27.*was there when the run began.*\n.*2025-02-28.*ENOENT.*\n.*2025-03-01.*checksum.*/,
    );
    for (const problem of history.problems) {
      expect(problem).to.match(/; remove it or run that day again$/);
    }
  });

  it('says that the judged day itself is damaged', async () => {
    writeFileSync(files.path(`${DAY}.day`), '');
    const history = await openHistory(await describeHistory(files.directory), DAY_START_MS);
    expect(history.counts(DAY)).to.equal(undefined);
    expect(history.problems).to.have.length(1);
  });

  it('knows the candidates of the days before, oldest first', async () => {
    const store = historyStore(files.directory);
    const one = { remote: '203.0.113.7', service: '443/tcp', clients: 3 };
    for (const back of [0, 1, 3, 30]) {
      await store.writeCandidates(before(back), [{ day: before(back), ...one }]);
    }
    writeFileSync(files.path(`${before(2)}.candidates.json`), '{}');
    const history = await openHistory(await describeHistory(files.directory), DAY_START_MS);
    expect(history.candidates('203.0.113.7')).to.deep.equal([
      { day: before(3), ...one },
      { day: before(1), ...one },
    ]);
    expect(history.candidates('203.0.113.8')).to.deep.equal([]);
    expect(history.problems.join()).to.match(/2025-03-01\.candidates\.json \(day 2025-03-01\)/);
  });
});

describe('ByteCache', () => {
  it('keeps what was asked for last within its budget, and at least one', () => {
    const cache = new ByteCache(100);
    const opened: string[] = [];
    const ask = (key: string, byteLength: number): void => {
      cache.get(key, () => {
        opened.push(key);
        return { byteLength };
      });
    };
    ask('a', 40);
    ask('b', 40);
    ask('a', 40);
    ask('c', 40);
    expect(cache.bytes).to.equal(80);
    ask('a', 40);
    ask('b', 40);
    ask('huge', 1_000);
    expect(cache.bytes).to.equal(1_000);
    ask('huge', 1_000);
    ask('a', 40);
    expect(cache.bytes).to.equal(40);
    expect(opened).to.deep.equal(['a', 'b', 'c', 'b', 'huge', 'a']);
  });

  it('forgets what could not be opened', () => {
    const cache = new ByteCache(100);
    const fail = (): { byteLength: number } => {
      throw new Error('no');
    };
    expect(() => cache.get('a', fail)).to.throw('no');
    expect(cache.get('a', () => ({ byteLength: 1 })).byteLength).to.equal(1);
  });
});
