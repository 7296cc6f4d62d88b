import { expect } from 'chai';
import '../../beam/prepare.js';
import { PubSubReadPayload } from 'apache-beam/proto/beam_runner_api';
import { decodePubsubMessage } from '../../transforms/read/pubsub-message.js';
import {
  PubsubSubscription,
  pubsubSource,
  type PubsubSubscriptionParams,
} from '../../transforms/read/live/pubsub-subscription.js';
import { grpcError, received, ScriptedSubscriber, type Script } from './scripted-subscriber.js';
import { TestIntake, until } from './test-intake.js';

const SUBSCRIPTION = 'projects/p/subscriptions/s';
const PUBLISHED_MS = 1_700_000_000_500;

function sourceOf(
  scripts: readonly Script[],
  params: Partial<PubsubSubscriptionParams> = {},
): { source: PubsubSubscription; subscriber: ScriptedSubscriber; intake: TestIntake } {
  const subscriber = new ScriptedSubscriber(scripts);
  const source = new PubsubSubscription({ subscription: SUBSCRIPTION, ...params }, () =>
    Promise.resolve(subscriber),
  );
  return { source, subscriber, intake: new TestIntake() };
}

async function errorOf(work: Promise<unknown>): Promise<Error> {
  try {
    await work;
  } catch (error) {
    return error as Error;
  }
  throw new Error('did not reject');
}

describe('PubsubSubscription', () => {
  for (const name of ['', 's', 'projects/p/topics/t', 'projects/p/subscriptions/s/x']) {
    it(`refuses ${JSON.stringify(name)}`, () => {
      expect(() => new PubsubSubscription({ subscription: name })).to.throw(
        `Pub/Sub subscription ${JSON.stringify(name)}: expected projects/P/subscriptions/S`,
      );
    });
  }

  it('delivers messages and acknowledges those that are committed', async () => {
    const responses = [{ receivedMessages: [received('a'), received('b')] }];
    const { source, subscriber, intake } = sourceOf([{ responses, end: 'open' }, { end: 'open' }]);
    const run = source.run(intake);
    await until(() => intake.deliveries.length === 2);
    const messages = intake.deliveries.map(({ value }) => decodePubsubMessage(value as Uint8Array));
    expect(messages.map(({ messageId }) => messageId)).to.deep.equal(['m-a', 'm-b']);
    expect(subscriber.acknowledged).to.deep.equal([]);
    intake.commit(intake.deliveries.slice(1));
    await until(() => subscriber.acknowledged.length > 0);
    source.stop();
    await run;
    await source.close();
    expect(subscriber.acknowledged).to.deep.equal(['b']);
    expect(subscriber.givenBack).to.deep.equal(['a']);
    expect(subscriber.closed).to.equal(true);
  });

  it('takes commits between stop and close; what was not delivered goes back at once', async () => {
    const responses = [{ receivedMessages: [received('a'), received('b'), received('c')] }];
    const { source, subscriber, intake } = sourceOf([{ responses, end: 'open' }, { end: 'open' }]);
    intake.hold();
    const run = source.run(intake);
    await until(() => intake.deliveries.length === 1);
    source.stop();
    // Although nobody takes the message: a runner that drains takes no more.
    await run;
    intake.release();
    await until(() => subscriber.givenBack.length === 2);
    expect(subscriber.givenBack).to.deep.equal(['b', 'c']);
    expect(subscriber.closed).to.equal(false);
    intake.commit();
    await source.close();
    await source.close();
    expect(subscriber.acknowledged).to.deep.equal(['a']);
    expect(subscriber.givenBack).to.deep.equal(['b', 'c']);
    expect(intake.deliveries).to.have.length(1);
  });

  it('ends when it is stopped before it runs', async () => {
    const { source, subscriber, intake } = sourceOf([{ end: 'open' }]);
    source.stop();
    await source.run(intake);
    await source.close();
    expect(subscriber.pulls).to.equal(0);
  });

  for (const [code, why] of [
    [5, 'NOT_FOUND: Resource not found (resource=s)'],
    [7, 'PERMISSION_DENIED: User not authorized'],
    [3, 'INVALID_ARGUMENT: ...'],
  ] as const) {
    it(`rejects at ${why.replace(/:.*/, '')}, naming the subscription`, async () => {
      const { source, intake } = sourceOf([{ end: grpcError(code, `${code} ${why}`) }]);
      const { message } = await errorOf(source.run(intake));
      expect(message).to.equal(`Pub/Sub subscription ${SUBSCRIPTION}: ${code} ${why}`);
      await source.close();
    });
  }

  it('rejects where there are no credentials', async () => {
    const source = new PubsubSubscription({ subscription: SUBSCRIPTION }, () =>
      Promise.reject(new Error('Could not load the default credentials.')),
    );
    const { message } = await errorOf(source.run(new TestIntake()));
    expect(message).to.contain(SUBSCRIPTION).and.to.contain('default credentials');
    await source.close();
  });

  it('pulls again after transient faults and the normal end of a stream, and counts it', async () => {
    const responses = [{ receivedMessages: [received('a')] }];
    const { source, intake } = sourceOf([
      { end: grpcError(14, 'UNAVAILABLE') },
      { end: grpcError(4, 'DEADLINE_EXCEEDED') },
      { end: 'ended' },
      { end: grpcError(13, 'INTERNAL') },
      { responses, end: 'open' },
      { end: 'open' },
    ]);
    const run = source.run(intake);
    await until(() => intake.deliveries.length === 1);
    await until(() => intake.counted('pubsub/reconnects') === 4);
    source.stop();
    await run;
    await source.close();
  });

  it('rejects when the intake does', async () => {
    const responses = [{ receivedMessages: [received('a')] }];
    const { source, intake } = sourceOf([{ responses, end: 'open' }, { end: 'open' }]);
    intake.deliver = () => Promise.reject(new Error('the state is full'));
    const { message } = await errorOf(source.run(intake));
    expect(message).to.contain('the state is full');
    await source.close();
  });

  const TIMES = [
    ['ms since 1970', { at: '1700000000001' }, 1_700_000_000_001, 0],
    ['RFC 3339', { at: '2023-11-14T22:13:20.002Z' }, 1_700_000_000_002, 0],
    ['an attribute that is no time', { at: 'noon' }, PUBLISHED_MS, 1],
    ['no attribute', {}, PUBLISHED_MS, 1],
  ] as const;
  for (const [title, attributes, wantedMs, bad] of TIMES) {
    it(`takes the event time from the attribute: ${title}`, async () => {
      const responses = [{ receivedMessages: [received('a', attributes)] }];
      const { source, intake } = sourceOf([{ responses, end: 'open' }, { end: 'open' }], {
        timestampAttribute: 'at',
      });
      const run = source.run(intake);
      await until(() => intake.deliveries.length === 1);
      expect(intake.deliveries[0].timestampMs).to.equal(wantedMs);
      expect(intake.counted('pubsub/bad-timestamp')).to.equal(bad);
      await source.close();
      await run;
    });
  }

  it('takes the publish time without a configured attribute', async () => {
    const responses = [{ receivedMessages: [received('a', { at: '1' })] }];
    const { source, intake } = sourceOf([{ responses, end: 'open' }, { end: 'open' }]);
    const run = source.run(intake);
    await until(() => intake.deliveries.length === 1);
    expect(intake.deliveries[0].timestampMs).to.equal(PUBLISHED_MS);
    expect(intake.counted('pubsub/bad-timestamp')).to.equal(0);
    await source.close();
    await run;
  });

  it('drops what has the id of a committed message, and acknowledges it', async () => {
    const first = [received('a', { id: '1' }), received('b', { id: '1' }), received('c')];
    const subscriber = new ScriptedSubscriber([
      { responses: [{ receivedMessages: first }], end: 'open' },
      { end: 'open' },
      { end: 'open' },
      { end: 'open' },
    ]);
    // Committed at once: the second of the same id is then known.
    const intake = new TestIntake();
    const deliver = intake.deliver.bind(intake);
    intake.deliver = async (delivery) => {
      await deliver(delivery);
      delivery.committed?.();
    };
    const source = new PubsubSubscription({ subscription: SUBSCRIPTION, idAttribute: 'id' }, () =>
      Promise.resolve(subscriber),
    );
    const run = source.run(intake);
    await until(() => subscriber.acknowledged.length === first.length);
    expect(intake.deliveries).to.have.length(2);
    expect(intake.counted('pubsub/duplicates')).to.equal(1);
    await source.close();
    await run;
  });

  describe('from a pubsub_read payload', () => {
    const payload = (fields: Partial<PubSubReadPayload>): Uint8Array =>
      PubSubReadPayload.toBinary(PubSubReadPayload.create({ withAttributes: true, ...fields }));

    it('reads a subscription', () => {
      const source = pubsubSource(
        payload({ subscription: SUBSCRIPTION, timestampAttribute: 'at', idAttribute: 'id' }),
      );
      expect(source).to.be.instanceOf(PubsubSubscription);
    });

    it('refuses a topic, and a read without attributes', () => {
      expect(() => pubsubSource(payload({ topic: 'projects/p/topics/t' }))).to.throw(
        'Pub/Sub topic "projects/p/topics/t": only a subscription can be read',
      );
      expect(() =>
        pubsubSource(payload({ subscription: SUBSCRIPTION, withAttributes: false })),
      ).to.throw(`Pub/Sub subscription ${SUBSCRIPTION}: only messages with attributes`);
    });
  });
});
