import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { StandardOutputSink } from '../../transforms/write/standard-output.js';
import { WriteError } from '../../transforms/write/write-error.js';
import { nameOf, revisionOf, type Revision } from './revisions.js';

const CHILD = fileURLToPath(new URL('put-to-nobody.js', import.meta.url));

/** Takes what is written once `release` is called, or at once where it is not `held`. */
class SlowReader extends Writable {
  held = false;
  text = '';
  failure: Error | undefined;
  #waiting: (() => void) | undefined;

  override _write(chunk: Buffer, _: string, done: (error?: Error | null) => void): void {
    const take = (): void => {
      this.text += chunk.toString('utf8');
      done(this.failure);
    };
    if (this.held) this.#waiting = take;
    else take();
  }

  release(): void {
    this.held = false;
    this.#waiting?.();
  }

  get lines(): readonly string[] {
    return this.text.split('\n').slice(0, -1);
  }
}

describe('findings on standard output', function () {
  this.timeout(60_000);
  let stream: SlowReader;
  beforeEach(() => {
    stream = new SlowReader();
  });

  const put = async (
    sink: StandardOutputSink,
    ...revisions: Revision[]
  ): Promise<readonly string[]> =>
    (await sink.put(revisions.map(revisionOf))).map(({ finding }) => nameOf(finding));

  it('is a line of JSON a revision, each once', async () => {
    const sink = new StandardOutputSink({ stream });
    const revisions = [
      { finding: 0, revision: 4 },
      { finding: 1, revision: 1 },
      { finding: 0, revision: 3 },
      { finding: 2, revision: 1, withdrawn: true },
      { finding: 0, revision: 5, withdrawn: true },
    ];
    const told = [revisions[0], revisions[1], revisions[4]].map(revisionOf);
    expect(await put(sink, ...revisions)).to.deep.equal(told.map(nameOf));
    expect(await put(sink, ...revisions)).to.deep.equal([]);
    expect(stream.lines).to.deep.equal(told.map((finding) => JSON.stringify(finding)));
    await sink.close();
    expect(stream.writableEnded).to.equal(false);
  });

  it('waits for a slow reader', async () => {
    const sink = new StandardOutputSink({ stream });
    stream.held = true;
    let resolved = 0;
    const all = [1, 2].map(async (revision) => {
      await put(sink, { finding: 0, revision, length: 100_000 });
      resolved++;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(resolved).to.equal(0);
    stream.release();
    await Promise.all(all);
    expect(stream.lines).to.have.length(2);
  });

  it('withdraws what it does not know only where that may have been told', async () => {
    const withdrawal = { finding: 0, revision: 9, withdrawn: true };
    expect(await put(new StandardOutputSink({ stream }), withdrawal)).to.have.length(0);
    const resumed = new StandardOutputSink({ stream, resumed: true });
    expect(await put(resumed, withdrawal)).to.have.length(1);
    expect(await put(resumed, withdrawal)).to.have.length(0);
    const forgetful = new StandardOutputSink({ stream, findings: 2 });
    for (const finding of [0, 1, 2]) await put(forgetful, { finding, revision: 1 });
    expect(await put(forgetful, withdrawal)).to.have.length(1);
  });

  it('rejects from the first error on, and tells the cause', async () => {
    const sink = new StandardOutputSink({ stream });
    stream.failure = Object.assign(new Error('write EPIPE'), { code: 'EPIPE' });
    for (const revision of [1, 2]) {
      const error = await put(sink, { finding: 0, revision }).catch((thrown: unknown) => thrown);
      expect(error).to.be.instanceOf(WriteError);
      expect((error as WriteError).message).to.equal(
        'cannot write findings to standard output: its reader has gone (EPIPE)',
      );
    }
  });

  it('rejects where the stream was closed', async () => {
    const sink = new StandardOutputSink({ stream });
    stream.destroy();
    await once(stream, 'close');
    const error = await put(sink, { finding: 0, revision: 1 }).catch((thrown: unknown) => thrown);
    expect(error).to.be.instanceOf(WriteError);
  });

  it('takes nothing once it is closed', async () => {
    const sink = new StandardOutputSink({ stream });
    await sink.close();
    const error = await put(sink, { finding: 0, revision: 1 }).catch((thrown: unknown) => thrown);
    expect(String(error)).to.include('closed');
  });

  it('survives a reader that goes away', async () => {
    const child = spawn(process.execPath, [CHILD], { stdio: ['ignore', 'pipe', 'pipe'] });
    let told = '';
    child.stderr.on('data', (chunk: Buffer) => (told += chunk.toString('utf8')));
    await once(child.stdout, 'data');
    child.stdout.destroy();
    const [code] = (await once(child, 'close')) as [number | null];
    expect(told).to.equal(
      'WriteError: cannot write findings to standard output: its reader has gone (EPIPE)\n',
    );
    expect(code).to.equal(0);
  });
});
