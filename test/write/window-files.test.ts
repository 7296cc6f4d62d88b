import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import fc from 'fast-check';
import { readFindings } from '../../launch/findings-file.js';
import { MAX_LINE_BYTES } from '../../transforms/write/stored-lines.js';
import { windowFileName, WindowFilesSink } from '../../transforms/write/window-files.js';
import { WriteError } from '../../transforms/write/write-error.js';
import { TemporaryFiles } from '../launch/temporary-files.js';
import { batchOf } from './batch-of.js';
import { nameOf, revisionOf, SinkModel, WINDOWS, type Revision } from './revisions.js';
import { windowLines } from './window-lines.js';

const CHILD = fileURLToPath(new URL('put-until-killed.js', import.meta.url));

/** The file of finding 0, 3, 6, ... */
const FILE = 'findings/2026-11-21T00-00-00Z.ndjson';

describe('findings by window', function () {
  this.timeout(300_000);
  const files = new TemporaryFiles();
  let messages: string[];
  beforeEach(() => {
    messages = [];
  });

  const open = (options = {}): Promise<WindowFilesSink> =>
    WindowFilesSink.open(files.directory, {
      onMessage: (message) => messages.push(message),
      ...options,
    });
  const put = async (sink: WindowFilesSink, ...revisions: Revision[]): Promise<readonly string[]> =>
    (await sink.put(revisions.map(revisionOf))).map(({ finding }) => nameOf(finding));
  const names = (...revisions: Revision[]): readonly string[] =>
    revisions.map((revision) => nameOf(revisionOf(revision)));
  const stored = (): readonly string[] => windowLines(files.directory).map(nameOf);

  it('is a file a window, a line a revision, in the order they came', async () => {
    const sink = await open();
    const revisions = [
      { finding: 1, revision: 1 },
      { finding: 0, revision: 4 },
      { finding: 3, revision: 2 },
      { finding: 0, revision: 5, withdrawn: true },
    ];
    expect(await put(sink, ...revisions)).to.deep.equal(names(...revisions));
    expect(readdirSync(files.path('findings')).sort()).to.deep.equal([
      '2026-11-21T00-00-00Z.ndjson',
      '2026-11-22T00-00-00Z.ndjson',
    ]);
    expect(readFileSync(files.path(FILE), 'utf8')).to.equal(
      [revisions[1], revisions[2], revisions[3]]
        .map((revision) => `${JSON.stringify(revisionOf(revision))}\n`)
        .join(''),
    );
  });

  const leftOut = [
    ['an equal revision', { finding: 0, revision: 4 }],
    ['a lower revision', { finding: 0, revision: 3 }],
    ['a lower revision that withdraws', { finding: 0, revision: 3, withdrawn: true }],
    ['a withdrawal of what was never there', { finding: 3, revision: 9, withdrawn: true }],
  ] as const;
  for (const [what, revision] of leftOut) {
    for (const when of ['at once', 'after a restart'] as const) {
      it(`leaves out ${what}, ${when}`, async () => {
        const sink = await open();
        await put(sink, { finding: 0, revision: 4 });
        expect(await put(when === 'at once' ? sink : await open(), revision)).to.deep.equal([]);
        expect(stored()).to.deep.equal(names({ finding: 0, revision: 4 }));
      });
    }
  }

  it('takes a finding that opens again after its withdrawal', async () => {
    const sink = await open();
    await put(sink, { finding: 0, revision: 1 }, { finding: 0, revision: 2, withdrawn: true });
    expect(await put(sink, { finding: 0, revision: 3 })).to.have.length(1);
    expect([...(await readFindings(files.directory)).values()].map(nameOf)).to.deep.equal(
      names({ finding: 0, revision: 3 }),
    );
  });

  it('has no findings to read before the first, and is no error', async () => {
    await open();
    expect((await readFindings(files.directory)).size).to.equal(0);
  });

  it('cuts a torn line off wherever it was torn, and says so', async () => {
    const whole = `${JSON.stringify(revisionOf({ finding: 0, revision: 1 }))}\n`;
    const torn = JSON.stringify(revisionOf({ finding: 3, revision: 1, length: 10 }));
    for (let length = 1; length <= torn.length; length += length < 5 ? 1 : 29) {
      messages = [];
      files.write(FILE, whole + torn.slice(0, length));
      const sink = await open();
      expect(await put(sink, { finding: 3, revision: 1 })).to.have.length(1);
      expect(stored()).to.deep.equal(
        names({ finding: 0, revision: 1 }, { finding: 3, revision: 1 }),
      );
      expect(messages).to.deep.equal([
        `${files.path(FILE)}: its end was torn, ${length} bytes from byte ${whole.length} on are cut off`,
      ]);
    }
  });

  it('cuts off a last line that is no JSON, also where a torn one follows', async () => {
    for (const end of ['\0\0\0\0\n', '{"id":\n{"id']) {
      files.write(FILE, `${JSON.stringify(revisionOf({ finding: 0, revision: 1 }))}\n${end}`);
      await put(await open(), { finding: 3, revision: 1 });
      expect(stored()).to.deep.equal(
        names({ finding: 0, revision: 1 }, { finding: 3, revision: 1 }),
      );
    }
  });

  it('leaves damaged lines in the middle, and counts them', async () => {
    const line = (revision: Revision): string => JSON.stringify(revisionOf(revision));
    const before = [
      line({ finding: 0, revision: 1 }),
      '{"id":"torn',
      'x'.repeat(MAX_LINE_BYTES + 1),
      '[]',
      'null',
      '{"id":7,"revision":1}',
      '',
      line({ finding: 3, revision: 2 }),
      '',
    ].join('\n');
    files.write(FILE, before);
    const again = { finding: 3, revision: 3 };
    const taken = await put(await open(), { finding: 0, revision: 1 }, again);
    expect(taken).to.deep.equal(names(again));
    expect(readFileSync(files.path(FILE), 'utf8')).to.equal(`${before}${line(again)}\n`);
    expect(messages).to.deep.equal([
      `${files.path(FILE)}: lines that are damaged and left as they are: 5, the first is line 2`,
    ]);
  });

  it('knows again what it forgot', async () => {
    for (const options of [{ windows: 1 }, { findings: 1 }]) {
      const sink = await open(options);
      const revisions = Array.from({ length: 9 }, (_, finding) => ({ finding, revision: 1 }));
      for (const revision of revisions) await put(sink, revision);
      for (const revision of revisions) expect(await put(sink, revision)).to.deep.equal([]);
      expect(stored()).to.have.length(9);
    }
  });

  it('reads a file again that somebody changed or removed', async () => {
    const sink = await open();
    await put(sink, { finding: 0, revision: 1 });
    appendFileSync(
      files.path(FILE),
      `${JSON.stringify(revisionOf({ finding: 3, revision: 1 }))}\n{"id`,
    );
    expect(
      await put(sink, { finding: 3, revision: 1 }, { finding: 0, revision: 1 }),
    ).to.have.length(0);
    expect(stored()).to.have.length(2);
    rmSync(files.path(FILE));
    expect(await put(sink, { finding: 0, revision: 1 })).to.have.length(1);
  });

  it('puts one after another what is put at once', async () => {
    const sink = await open();
    const revisions = [1, 2, 2, 3].map((revision) => ({ finding: 0, revision }));
    const taken = await Promise.all(revisions.map((revision) => put(sink, revision)));
    expect(taken.map(({ length }) => length)).to.deep.equal([1, 1, 0, 1]);
    expect(stored()).to.deep.equal(names(revisions[0], revisions[1], revisions[3]));
  });

  it('takes a put back that fails halfway, and takes all of it when it is repeated', async () => {
    const sink = await open();
    await put(sink, { finding: 0, revision: 1 });
    // Where the second window's file should be.
    const obstacle = files.path('findings/2026-11-22T00-00-00Z.ndjson');
    mkdirSync(obstacle);
    const revisions = [
      { finding: 0, revision: 2 },
      { finding: 1, revision: 1 },
      { finding: 2, revision: 1 },
    ];
    for (let attempt = 0; attempt < 2; attempt++) {
      const error = await put(sink, ...revisions).catch((thrown: unknown) => thrown);
      expect(error).to.be.instanceOf(WriteError);
      expect((error as WriteError).message).to.include(`cannot write ${obstacle}: `);
    }
    rmSync(obstacle, { recursive: true });
    expect(stored()).to.deep.equal(names({ finding: 0, revision: 1 }));
    expect(await put(sink, ...revisions)).to.deep.equal(names(...revisions));
    expect(stored()).to.deep.equal(names({ finding: 0, revision: 1 }, ...revisions));
  });

  it('refuses a finding that nobody could read back', async () => {
    const sink = await open();
    const error = await put(
      sink,
      { finding: 0, revision: 1 },
      { finding: 3, revision: 1, length: MAX_LINE_BYTES },
    ).catch((thrown: unknown) => thrown);
    expect(String(error)).to.match(/has \d+ bytes, the most is 4194304/);
    expect(stored()).to.deep.equal([]);
  });

  it('takes nothing once it is closed', async () => {
    const sink = await open();
    await sink.close();
    await sink.close();
    const error = await put(sink, { finding: 0, revision: 1 }).catch((thrown: unknown) => thrown);
    expect(String(error)).to.include('closed');
  });

  it('says where it cannot write', async () => {
    writeFileSync(files.path('findings'), '');
    const error = await open().catch((thrown: unknown) => thrown);
    expect(error).to.be.instanceOf(WriteError);
    expect((error as WriteError).message).to.include(`cannot write ${files.path('findings')}`);
  });

  const starts = [
    ['2026-11-22T00:00:00.000Z', '2026-11-22T00-00-00Z.ndjson'],
    ['2026-11-22T00:00:00.250Z', '2026-11-22T00-00-00.250Z.ndjson'],
  ] as const;
  for (const [start, name] of starts) {
    it(`the window that starts ${start} is ${name}`, () => {
      expect(windowFileName(start)).to.equal(name);
    });
  }

  const noDates = ['', '../../etc/passwd', '2026-13-01', '+012026-01-01T00:00:00Z', 'x\0'] as const;
  for (const start of noDates) {
    it(`${JSON.stringify(start)} is no date`, async () => {
      expect(() => windowFileName(start)).to.throw(RangeError, 'expected an ISO 8601 date, got');
      const sink = await open();
      const finding = { ...revisionOf({ finding: 0, revision: 1 }), windowStart: start };
      expect(await sink.put([finding]).catch((thrown: unknown) => thrown)).to.be.instanceOf(
        RangeError,
      );
      expect(stored()).to.deep.equal([]);
    });
  }

  it('has the final set that the rules give, whatever is put and however often it restarts', async () => {
    const revision = fc.record({
      finding: fc.nat(8),
      revision: fc.integer({ min: 1, max: 6 }),
      withdrawn: fc.boolean(),
    });
    const step = fc.oneof(
      { weight: 5, arbitrary: fc.array(revision, { maxLength: 6 }) },
      { weight: 1, arbitrary: fc.constant('restart' as const) },
      { weight: 1, arbitrary: fc.constant('torn' as const) },
    );
    let run = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), fc.nat(3), async (steps, windows) => {
        const output = files.path(`run-${run++}`);
        const reopen = (): Promise<WindowFilesSink> =>
          WindowFilesSink.open(output, { windows: windows + 1 });
        const model = new SinkModel();
        const taken: string[] = [];
        let sink = await reopen();
        for (const at of steps) {
          if (typeof at === 'string') {
            await sink.close();
            if (at === 'torn') tear(output);
            sink = await reopen();
            continue;
          }
          const findings = at.map(revisionOf);
          const expected = model.put(findings);
          const told = await sink.put(findings);
          expect(told.map(({ finding }) => finding)).to.deep.equal(expected);
          taken.push(...expected.map(nameOf));
        }
        tear(output);
        const final = await readFindings(output);
        expect([...final.values()]).to.deep.equal(model.final());
        await sink.put(
          WINDOWS.map((_, finding) => revisionOf({ finding: 90 + finding, revision: 1 })),
        );
        const lines = windowLines(output).map(nameOf);
        expect(new Set(lines).size).to.equal(lines.length);
        expect(lines).to.include.members(taken);
        await sink.close();
      }),
      { numRuns: 60 },
    );
  });

  it('loses and doubles nothing when it is killed, 30 times over', async () => {
    const told = new Set<string>();
    let batches = 0;
    const run = async (last: number, killAfter: number | undefined): Promise<void> => {
      // Those before the last that was told come again, as they do to a job that restarts.
      const first = Math.max(0, batches - 3);
      const child = spawn(process.execPath, [CHILD, files.directory, `${first}`, `${last}`], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const ended = once(child, 'exit');
      let lines = 0;
      for await (const line of createInterface({ input: child.stdout })) {
        if (line.startsWith('batch ')) batches = Math.max(batches, Number(line.slice(6)) + 1);
        else told.add(line);
        if (++lines === killAfter) setTimeout(() => child.kill('SIGKILL'), Math.random() * 15);
      }
      const [code, signal] = (await ended) as [number | null, string | null];
      if (killAfter === undefined) expect(code).to.equal(0);
      else expect(signal).to.equal('SIGKILL');
    };
    let torn = 0;
    for (let round = 0; round < 30; round++) {
      await run(1e9, 1 + Math.floor(Math.random() * 20));
      torn += Number(isTorn(files.directory));
    }
    process.stdout.write(`      ${batches} batches put; of 30 kills ${torn} tore a line\n`);
    const last = batches + 10;
    await run(last, undefined);

    const lines = stored();
    expect(new Set(lines).size).to.equal(lines.length);
    const there = new Set(lines);
    expect([...told].filter((name) => !there.has(name))).to.deep.equal([]);
    const model = new SinkModel();
    for (let at = 0; at <= last; at++) model.put(batchOf(at));
    const final = [...(await readFindings(files.directory)).values()];
    expect(final.map(nameOf)).to.deep.equal(model.final().map(nameOf));
  });
});

/** Leaves in every window file what a crash in the middle of a write would. */
function tear(output: string): void {
  for (const name of readdirSync(join(output, 'findings'))) {
    appendFileSync(join(output, 'findings', name), '{"id":"abc');
  }
}

function isTorn(output: string): boolean {
  return readdirSync(join(output, 'findings')).some((name) => {
    const text = readFileSync(join(output, 'findings', name));
    return text.length > 0 && text[text.length - 1] !== 10;
  });
}
