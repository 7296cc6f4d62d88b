import { expect } from 'chai';
import { Leases } from '../../transforms/read/live/pubsub/leases.js';
import { grpcError, ScriptedSubscriber } from './scripted-subscriber.js';
import { until } from './test-intake.js';

const LIMIT_MS = 30_000;

function leasesOf(subscriber: ScriptedSubscriber): {
  leases: Leases;
  counters: Map<string, number>;
} {
  const counters = new Map<string, number>();
  const leases = new Leases(subscriber, (name, by) => {
    counters.set(name, (counters.get(name) ?? 0) + by);
  });
  return { leases, counters };
}

describe('Leases', () => {
  it('acknowledges many at once, each once', async () => {
    const subscriber = new ScriptedSubscriber([{ end: 'open' }]);
    const { leases } = leasesOf(subscriber);
    const ids = Array.from({ length: 2500 }, (_, i) => String(i));
    for (const id of ids) leases.hold(id);
    for (const id of [...ids, ...ids]) leases.ack(id);
    await until(() => subscriber.acknowledged.length >= ids.length);
    await leases.close(LIMIT_MS);
    expect(subscriber.acknowledged).to.deep.equal(ids);
    expect(subscriber.requests).to.deep.equal([1000, 1000, 500]);
  });

  it('keeps a request below 512 KiB', async () => {
    const subscriber = new ScriptedSubscriber([{ end: 'open' }]);
    const { leases } = leasesOf(subscriber);
    for (let i = 0; i < 1000; i++) {
      const id = String(i).padEnd(1000, 'x');
      leases.hold(id);
      leases.ack(id);
    }
    await leases.close(LIMIT_MS);
    expect(subscriber.requests.length).to.be.at.least(3);
    expect(Math.max(...subscriber.requests)).to.be.at.most(450);
  });

  it('gives back at its end what was not acknowledged, and takes no more', async () => {
    const subscriber = new ScriptedSubscriber([{ end: 'open' }]);
    const { leases } = leasesOf(subscriber);
    for (const id of ['a', 'b', 'c']) leases.hold(id);
    leases.ack('b');
    await leases.close(LIMIT_MS);
    leases.ack('a');
    leases.hold('d');
    expect(leases.held).to.equal(0);
    expect(subscriber.acknowledged).to.deep.equal(['b']);
    expect(subscriber.givenBack).to.deep.equal(['a', 'c']);
  });

  it('extends what is held, and nothing else', async () => {
    const subscriber = new ScriptedSubscriber([{ end: 'open' }]);
    const { leases } = leasesOf(subscriber);
    for (const id of ['a', 'b']) leases.hold(id);
    leases.ack('b');
    await until(() => subscriber.extended.length > 0);
    await leases.close(LIMIT_MS);
    expect(new Set(subscriber.extended)).to.deep.equal(new Set(['a']));
  });

  const FAILURES = [
    ['all of a request', grpcError(14, 'unavailable'), 3],
    [
      'those that the error names',
      Object.assign(grpcError(9, 'some failed'), {
        errorInfoMetadata: { a: 'PERMANENT_FAILURE_INVALID_ACK_ID' },
      }),
      1,
    ],
  ] as const;
  for (const [title, failure, wanted] of FAILURES) {
    it(`counts failed acknowledgements: ${title}`, async () => {
      const subscriber = new ScriptedSubscriber([{ end: 'open' }]);
      subscriber.failure = failure;
      const { leases, counters } = leasesOf(subscriber);
      for (const id of ['a', 'b', 'c']) leases.hold(id);
      for (const id of ['a', 'b', 'c']) leases.ack(id);
      await leases.close(LIMIT_MS);
      expect(counters).to.deep.equal(new Map([['pubsub/ack-failures', wanted]]));
    });
  }
});
