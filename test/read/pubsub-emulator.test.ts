import { expect } from 'chai';
import { decodePubsubMessage } from '../../transforms/read/pubsub-message.js';
import { PubsubSubscription } from '../../transforms/read/live/pubsub-subscription.js';
import { PubsubEmulator } from '../pubsub-emulator.js';
import { TestIntake, until } from './test-intake.js';

/** Enough that a stream's buffers do not hold them: 100 a response, at most 32 responses. */
const MANY = 20_000;

function idsOf(intake: TestIntake): string[] {
  return intake.deliveries.map(({ value }) => decodePubsubMessage(value as Uint8Array).messageId);
}

describe('PubsubSubscription and the Pub/Sub emulator', function () {
  this.timeout(180_000);
  let emulator: PubsubEmulator | undefined;
  let subscriptions = 0;

  before(async function () {
    emulator = await PubsubEmulator.start(this);
  });
  after(async () => {
    await emulator?.stop();
  });

  async function topicOf(): Promise<{ emulator: PubsubEmulator; id: string; name: string }> {
    if (emulator === undefined) throw new Error('no emulator');
    const id = `flows-${++subscriptions}`;
    await emulator.create(id, { ackDeadlineSeconds: 10 });
    return { emulator, id, name: emulator.subscriptionName(id) };
  }

  it('delivers messages whole; what is committed does not come again', async () => {
    const { emulator: service, id, name } = await topicOf();
    const before = Date.now();
    const attributes = { sensor: 'edge-1', at: '1700000000000' };
    const data = Buffer.from([0, 1, 0xff, 10]);
    const published = await service.publish(id, [{ data, attributes }, { data: 'x' }]);
    const intake = new TestIntake();
    const source = new PubsubSubscription({ subscription: name, timestampAttribute: 'at' });
    const run = source.run(intake);
    await until(() => intake.deliveries.length === 2);
    expect(idsOf(intake).sort()).to.deep.equal([...published].sort());
    const whole = intake.deliveries.find(({ timestampMs }) => timestampMs === 1_700_000_000_000);
    const message = decodePubsubMessage(whole?.value as Uint8Array);
    expect(Buffer.compare(message.data, data)).to.equal(0);
    expect(message.attributes).to.deep.equal(new Map(Object.entries(attributes)));
    const other = intake.deliveries.find((delivery) => delivery !== whole);
    expect(other?.timestampMs).to.be.within(before - 60_000, Date.now() + 60_000);
    intake.commit();
    source.stop();
    await run;
    await source.close();

    // The next one comes, and only it.
    const [next] = await service.publish(id, [{ data: 'next' }]);
    const later = new TestIntake();
    const again = new PubsubSubscription({ subscription: name });
    const runAgain = again.run(later);
    await until(() => later.deliveries.length > 0);
    later.commit();
    await again.close();
    await runAgain;
    expect(idsOf(later)).to.deep.equal([next]);
  });

  it('delivers what was not committed to the next that reads', async () => {
    const { emulator: service, id, name } = await topicOf();
    const published = await service.publish(id, [{ data: '1' }, { data: '2' }, { data: '3' }]);
    const intake = new TestIntake();
    const source = new PubsubSubscription({ subscription: name });
    const run = source.run(intake);
    await until(() => intake.deliveries.length === 3);
    source.stop();
    await run;
    // Committed after `stop`, as a runner that drains does.
    const [kept] = idsOf(intake);
    intake.commit(intake.deliveries.slice(0, 1));
    await source.close();

    const later = new TestIntake();
    const again = new PubsubSubscription({ subscription: name });
    const runAgain = again.run(later);
    await until(() => later.deliveries.length === 2);
    later.commit();
    await again.close();
    await runAgain;
    const wanted = published.filter((messageId) => messageId !== kept);
    expect(idsOf(later).sort()).to.deep.equal(wanted.sort());
  });

  it('holds no more than the streams buffer while nobody takes, and delivers all afterwards', async () => {
    const { emulator: service, id, name } = await topicOf();
    const messages = Array.from({ length: MANY }, () => ({ data: Buffer.alloc(1000, 'x') }));
    const published = await service.publish(id, messages);
    const intake = new TestIntake();
    intake.hold();
    const source = new PubsubSubscription({ subscription: name });
    const run = source.run(intake);
    // One in `deliver` from each stream that has something, however long it lasts.
    await until(() => intake.deliveries.length > 0);
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect(intake.deliveries.length).to.be.at.most(4);
    expect(source.held).to.be.at.most(4 * 1000);
    intake.release();
    const seen = new Set<string>();
    let taken = 0;
    await until(() => {
      const fresh = intake.deliveries.slice(taken);
      taken += fresh.length;
      for (const { value } of fresh) {
        seen.add(decodePubsubMessage(value as Uint8Array).messageId);
      }
      intake.commit(fresh);
      return seen.size === published.length;
    });
    await source.close();
    await run;
    expect([...seen].sort()).to.deep.equal([...published].sort());
  });

  it('says which subscription there is not', async () => {
    const { emulator: service } = await topicOf();
    const name = service.subscriptionName('nobody');
    const source = new PubsubSubscription({ subscription: name });
    const failure = await source.run(new TestIntake()).catch((error: unknown) => error);
    expect((failure as Error).message)
      .to.contain(name)
      .and.to.contain('NOT_FOUND');
    await source.close();
  });

  it('tries again while the service is away, and can be closed then', async () => {
    const { emulator: service, id, name } = await topicOf();
    await service.publish(id, [{ data: 'x' }]);
    const intake = new TestIntake();
    const source = new PubsubSubscription({ subscription: name });
    const run = source.run(intake);
    await until(() => intake.deliveries.length === 1);
    await service.stop();
    await until(() => intake.counted('pubsub/reconnects') > 0);
    intake.commit();
    await source.close();
    await run;
  });
});
