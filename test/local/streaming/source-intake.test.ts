import { expect } from 'chai';
import type { Delivery, Intake, LiveSource } from '../../../beam/source.js';
import { ManualClock } from '../../../launch/local/streaming/clock.js';
import { SourceIntake } from '../../../launch/local/streaming/source-intake.js';

const T0 = Date.UTC(2026, 0, 1);

/** A source that does what the test says. */
class Told implements LiveSource {
  intake: Intake | undefined;
  stops = 0;
  closes = 0;
  end: () => void = () => undefined;
  fail: (error: unknown) => void = () => undefined;

  run(intake: Intake): Promise<void> {
    this.intake = intake;
    return new Promise((resolve, reject) => {
      this.end = resolve;
      this.fail = reject;
    });
  }

  stop(): void {
    this.stops++;
    this.end();
  }

  close(): Promise<void> {
    this.closes++;
    return Promise.resolve();
  }
}

function delivery(bytes: number, timestampMs = T0, exporter = 'a'): Delivery {
  return { value: { bytes }, timestampMs, bytes, exporter };
}

/** Whether a promise is settled once all that is due has run. */
async function settled(promise: Promise<unknown>): Promise<boolean> {
  let done = false;
  void promise.then(() => (done = true));
  await new Promise((resolve) => setImmediate(resolve));
  return done;
}

interface Taken {
  readonly source: Told;
  readonly intake: SourceIntake;
  readonly clock: ManualClock;
  readonly changes: () => number;
}

function started(timesKnown = true): Taken {
  const clock = new ManualClock();
  clock.set(T0);
  const source = new Told();
  let changes = 0;
  const intake = new SourceIntake(
    'a source',
    source,
    {
      clock,
      watermark: { disorderMs: 1000, idleMs: 10_000 },
      timesKnown,
      count: () => undefined,
      onReject: () => undefined,
      onChange: () => {
        changes++;
      },
    },
    -Infinity,
  );
  intake.start(new Map());
  return { source, intake, clock, changes: () => changes };
}

describe('intake of a source', () => {
  it('gives what was delivered in order, and when it came', async () => {
    const { intake, clock, changes } = started();
    await intake.deliver(delivery(1));
    clock.set(T0 + 5);
    await intake.deliver(delivery(2));
    expect(changes()).to.equal(2);
    expect(intake.waiting).to.deep.equal({ elements: 2, bytes: 3 });
    const taken = intake.take(10, 10);
    expect(taken.map(({ bytes, arrivedMs }) => [bytes, arrivedMs])).to.deep.equal([
      [1, T0],
      [2, T0 + 5],
    ]);
    expect(intake.waiting).to.deep.equal({ elements: 0, bytes: 0 });
    expect(intake.take(10, 10)).to.deep.equal([]);
  });

  it('gives no more than is asked for, but one at least', async () => {
    const { intake } = started();
    for (const bytes of [50, 3, 4, 5]) await intake.deliver(delivery(bytes));
    const sizes = (elements: number, bytes: number): number[] =>
      intake.take(elements, bytes).map((each) => each.bytes);
    expect(sizes(10, 10)).to.deep.equal([50]);
    expect(sizes(10, 7)).to.deep.equal([3, 4]);
    await intake.deliver(delivery(6));
    expect(sizes(1, 100)).to.deep.equal([5]);
    expect(sizes(1, 100)).to.deep.equal([6]);
  });

  for (const [name, count, bytes] of [
    ['bytes', 2, 8 << 20],
    ['elements', 10_000, 1],
  ] as const) {
    it(`lets a source wait while too many ${name} wait`, async () => {
      const { intake } = started();
      for (let i = 1; i < count; i++) await intake.deliver(delivery(bytes));
      const full = intake.deliver(delivery(bytes));
      expect(await settled(full)).to.equal(false);
      intake.take(1, 1);
      expect(await settled(full)).to.equal(true);
    });
  }

  it('lets nobody wait once it is stopped', async () => {
    const { intake, source } = started();
    const full = intake.deliver(delivery(32 << 20));
    await intake.stop();
    expect(await settled(full)).to.equal(true);
    expect(source.stops).to.equal(1);
    expect(intake.exhausted).to.equal(false);
    await intake.close();
    expect(source.closes).to.equal(1);
  });

  it('is exhausted when its source ended by itself and all was taken up', async () => {
    const { intake, source } = started();
    await intake.deliver(delivery(1));
    source.end();
    await new Promise((resolve) => setImmediate(resolve));
    expect(intake.exhausted).to.equal(false);
    expect(intake.watermarkMs()).to.be.below(T0);
    intake.take(1, 1);
    expect(intake.exhausted).to.equal(true);
    expect([intake.watermarkMs(), intake.idleAtMs()]).to.deep.equal([Infinity, Infinity]);
    await intake.stop();
    expect(intake.exhausted).to.equal(true);
  });

  it('fails where its source failed, whatever it failed with', async () => {
    for (const reason of [new Error('gone'), 'gone']) {
      const { intake, source } = started();
      source.fail(reason);
      await new Promise((resolve) => setImmediate(resolve));
      expect(() => intake.take(1, 1)).to.throw('gone');
    }
  });

  it('is held by what waits where times are known', async () => {
    const { intake } = started();
    await intake.deliver(delivery(1, T0));
    await intake.deliver(delivery(1, T0 - 60_000, 'b'));
    intake.take(1, 1);
    expect(intake.watermarkMs()).to.equal(T0 - 60_000);
    intake.take(1, 1);
    expect(intake.exporters).to.equal(2);
    expect(intake.watermarkMs()).to.equal(T0 - 60_000);
  });

  it('follows what its records say where times are not known', async () => {
    const { intake } = started(false);
    await intake.deliver(delivery(1, T0 - 60_000));
    intake.take(1, 1);
    expect(intake.exporters).to.equal(0);
    intake.observe('a', T0 - 10);
    expect(intake.watermarkMs()).to.equal(T0 - 1010);
    intake.advanceWatermark(T0);
    expect(intake.watermarkMs()).to.equal(T0);
  });
});
