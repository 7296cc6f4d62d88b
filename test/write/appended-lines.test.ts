import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { expect } from 'chai';
import type { Notice } from '../../pipeline/notice.js';
import type { Reject } from '../../pipeline/reject.js';
import { FirstRejects, NewNotices, type Admission } from '../../transforms/write/admission.js';
import { AppendedLines } from '../../transforms/write/appended-lines.js';
import { WriteError } from '../../transforms/write/write-error.js';
import { TemporaryFiles } from '../launch/temporary-files.js';

const NOON = Date.parse('2026-11-22T12:00:00Z');
const HOUR_MS = 3_600_000;

const reject = (change: Partial<Reject> = {}): Reject => ({
  format: 'csv',
  reason: 'bad-time',
  file: 'flows.csv',
  offset: 0,
  sample: 'x',
  ...change,
});

const notice = (message: string): Notice => ({
  kind: 'feed-error',
  day: '2026-11-22',
  subject: 'feed',
  message,
});

const all: Admission<unknown> = { admit: () => true, release: () => undefined };

/** How many of `times` equal values are admitted. */
function admitted<T>(admission: Admission<T>, value: T, nowMs: number, times: number): number {
  return Array.from({ length: times }).filter(() => admission.admit(value, nowMs)).length;
}

describe('rejects that are kept', () => {
  it('are the first 100 of a file and reason in an hour', () => {
    const first = new FirstRejects();
    for (const change of [{}, { file: 'other.csv' }, { reason: 'bad-address' }]) {
      expect(admitted(first, reject(change), NOON, 150)).to.equal(100);
    }
    expect(admitted(first, reject({ offset: 7, sample: 'y' }), NOON + HOUR_MS - 1, 1)).to.equal(0);
    expect(admitted(first, reject(), NOON + HOUR_MS, 150)).to.equal(100);
  });

  it('are bounded however many files there are', () => {
    const first = new FirstRejects();
    let kept = 0;
    for (let i = 0; i < 30_000; i++) {
      kept += Number(first.admit(reject({ file: `file ${i}` }), NOON));
    }
    expect(kept).to.equal(10_100);
  });

  it('leave room for those that could not be written', () => {
    const first = new FirstRejects();
    admitted(first, reject(), NOON, 100);
    first.release(reject());
    expect(admitted(first, reject(), NOON, 10)).to.equal(1);
  });
});

describe('notices that are kept', () => {
  it('are those that were not told on the UTC day', () => {
    const news = new NewNotices();
    expect(admitted(news, notice('a'), NOON, 3)).to.equal(1);
    expect(admitted(news, notice('b'), NOON, 3)).to.equal(1);
    expect(admitted(news, notice('a'), NOON + 12 * HOUR_MS - 1, 3)).to.equal(0);
    expect(admitted(news, notice('a'), NOON + 12 * HOUR_MS, 3)).to.equal(1);
    news.release(notice('a'));
    expect(admitted(news, notice('a'), NOON + 12 * HOUR_MS, 3)).to.equal(1);
  });

  it('forget those told longest ago where they are too many', () => {
    const news = new NewNotices();
    for (let i = 0; i < 10_001; i++) news.admit(notice(String(i)), NOON);
    expect(news.admit(notice('10000'), NOON)).to.equal(false);
    expect(news.admit(notice('0'), NOON)).to.equal(true);
  });
});

describe('appended lines', () => {
  const files = new TemporaryFiles();
  let path: string;
  beforeEach(() => {
    path = files.path('out/rejects.ndjson');
  });
  const read = (at = path): string => readFileSync(at, 'utf8');

  it('are written into a file that is there from the start, and appended to', async () => {
    for (const value of [1, 2]) {
      const lines = await AppendedLines.open(path, { admission: all });
      if (value === 1) expect(read()).to.equal('');
      expect(await lines.append([value, 'x\n'])).to.equal(2);
      await lines.close();
      await lines.close();
    }
    expect(read()).to.equal('1\n"x\\n"\n2\n"x\\n"\n');
  });

  it('are only those that are admitted, by the clock', async () => {
    let nowMs = NOON;
    const lines = await AppendedLines.open(path, {
      admission: new NewNotices(),
      now: () => nowMs,
    });
    expect(await lines.append([notice('a'), notice('a'), notice('b')])).to.equal(2);
    expect(await lines.append([notice('a')])).to.equal(0);
    nowMs += 24 * HOUR_MS;
    expect(await lines.append([notice('a')])).to.equal(1);
  });

  it('begin a new file where one is full, and keep the newest four', async () => {
    const lines = await AppendedLines.open(path, { admission: all, maxBytes: 12 });
    const values = Array.from({ length: 20 }, (_, i) => `v${String(i).padStart(2, '0')}`);
    await lines.append(values.slice(0, 7));
    for (const value of values.slice(7)) await lines.append([value]);
    const pair = (i: number): string => `"${values[i]}"\n"${values[i + 1]}"\n`;
    expect(read()).to.equal(pair(18));
    for (const [i, first] of [16, 14, 12, 10].entries()) {
      expect(read(`${path}.${i + 1}`)).to.equal(pair(first));
    }
    expect(existsSync(`${path}.5`)).to.equal(false);
  });

  it('have room for a line that is longer than a file', async () => {
    const lines = await AppendedLines.open(path, { admission: all, maxBytes: 12 });
    await lines.append(['a', 'x'.repeat(100), 'b']);
    expect([read(`${path}.2`), read(`${path}.1`).length, read()]).to.deep.equal([
      '"a"\n',
      103,
      '"b"\n',
    ]);
  });

  it('are many megabytes at once', async () => {
    const lines = await AppendedLines.open(path, { admission: all });
    await lines.append(Array.from({ length: 5000 }, () => 'x'.repeat(1000)));
    expect(statSync(path).size).to.equal(5000 * 1003);
  });

  const torn = ['{"a":', '"whole but unended"', '\0\0\0\n'] as const;
  for (const end of torn) {
    it(`cut ${JSON.stringify(end)} off the end that a crash left`, async () => {
      const messages: string[] = [];
      files.write('out/rejects.ndjson', `1\n${end}`);
      const lines = await AppendedLines.open(path, {
        admission: all,
        onMessage: (message) => messages.push(message),
      });
      await lines.append([2]);
      expect(read()).to.equal('1\n2\n');
      expect(messages).to.deep.equal([
        `${path}: its end was torn, ${end.length} bytes from byte 2 on are cut off`,
      ]);
    });
  }

  it('go on where somebody else changed or moved the file', async () => {
    const lines = await AppendedLines.open(path, { admission: all });
    await lines.append([1]);
    appendFileSync(path, '2\n{"');
    await lines.append([3]);
    expect(read()).to.equal('1\n2\n3\n');
    renameSync(path, files.path('elsewhere'));
    await lines.append([4]);
    expect(read()).to.equal('4\n');
  });

  it('may be appended again after a failure', async () => {
    const lines = await AppendedLines.open(path, { admission: new NewNotices() });
    await lines.append([notice('a')]);
    rmSync(path);
    mkdirSync(path);
    const error = await lines.append([notice('a'), notice('b')]).catch((thrown: unknown) => thrown);
    expect(error).to.be.instanceOf(WriteError);
    expect((error as WriteError).message).to.include(`cannot write ${path}: `);
    rmSync(path, { recursive: true });
    expect(await lines.append([notice('a'), notice('b')])).to.equal(1);
    expect(read()).to.equal(`${JSON.stringify(notice('b'))}\n`);
  });

  it('are refused once closed', async () => {
    const lines = await AppendedLines.open(path, { admission: all });
    await lines.close();
    const error = await lines.append([1]).catch((thrown: unknown) => thrown);
    expect(String(error)).to.include('closed');
  });
});
