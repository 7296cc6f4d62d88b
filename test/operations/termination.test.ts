import { expect } from 'chai';
import { EventEmitter, once } from 'node:events';
import { onTermination, type TerminationSignal } from '../../launch/operations/termination.js';
import { withCaughtOutput } from '../evaluate/caught-output.js';

const HOUR_MS = 3_600_000;

/** A process that can be signalled and only notes that it would end. */
class Stand extends EventEmitter {
  readonly codes: number[] = [];
  readonly printed: string[] = [];

  /** Options with this as the process. */
  options(limitMs: number): Parameters<typeof onTermination>[1] {
    return {
      limitMs,
      remaining: () => '3 bundles are not committed',
      signals: this,
      exit: (code) => {
        this.codes.push(code);
        this.emit('exit');
      },
      print: (message) => this.printed.push(message),
    };
  }

  signal(signal: TerminationSignal): void {
    this.emit(signal, signal);
  }
}

describe('termination', () => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    it(`calls the handler at the first ${signal}, and ends nothing itself`, async () => {
      const stand = new Stand();
      const seen: string[] = [];
      const dispose = onTermination((name) => void seen.push(name), stand.options(HOUR_MS));
      stand.signal(signal);
      await Promise.resolve();
      dispose();
      expect(seen).to.deep.equal([signal]);
      expect(stand.codes).to.deep.equal([]);
      expect(stand.printed).to.deep.equal([
        `${signal}: stopping within 60 min; a second signal ends it at once`,
      ]);
    });
  }

  it('ends with 1 at the second signal, of either kind', () => {
    const stand = new Stand();
    let called = 0;
    const never = new Promise<void>(() => called++);
    const dispose = onTermination(() => never, stand.options(HOUR_MS));
    stand.signal('SIGTERM');
    expect(stand.codes).to.deep.equal([]);
    stand.signal('SIGINT');
    dispose();
    expect(stand.codes).to.deep.equal([1]);
    expect(called).to.equal(1);
    expect(stand.printed[1]).to.equal(
      'ended by SIGINT, the second signal: 3 bundles are not committed',
    );
  });

  const failing = [
    ['throws', () => thrown('no room')],
    ['rejects', () => Promise.reject(new Error('no room'))],
  ] as const;
  for (const [how, handler] of failing) {
    it(`ends with 1, saying why, where the handler ${how}`, async () => {
      const stand = new Stand();
      const dispose = onTermination(handler, stand.options(HOUR_MS));
      const { stderr } = await withCaughtOutput(async () => {
        const ended = once(stand, 'exit');
        stand.signal('SIGTERM');
        await ended;
      });
      dispose();
      expect(stand.codes).to.deep.equal([1]);
      expect(stderr).to.equal('flowsieve: failed: no room\n');
    });
  }

  const unfinished = [
    ['the handler does not end', () => new Promise<void>(() => undefined)],
    ['something else keeps the process', () => Promise.resolve()],
  ] as const;
  for (const [why, handler] of unfinished) {
    it(`ends with 1 after the limit where ${why}`, async () => {
      const stand = new Stand();
      const dispose = onTermination(handler, stand.options(1));
      stand.signal('SIGTERM');
      // A limit that nothing waits for keeps no process; the test does.
      const kept = setInterval(() => undefined, 1000);
      await once(stand, 'exit');
      clearInterval(kept);
      dispose();
      expect(stand.codes).to.deep.equal([1]);
      expect(stand.printed[1]).to.equal('not stopped within 1 ms: 3 bundles are not committed');
    });
  }

  it('leaves nothing behind', () => {
    const stand = new Stand();
    const dispose = onTermination(() => undefined, stand.options(HOUR_MS));
    dispose();
    expect(stand.eventNames()).to.deep.equal([]);
  });
});

function thrown(message: string): never {
  throw new Error(message);
}
