import { expect } from 'chai';
import type { Finding } from '../../pipeline/finding.js';
import { decodePubsubMessage } from '../../transforms/read/pubsub-message.js';
import { PubsubSubscription } from '../../transforms/read/live/pubsub-subscription.js';
import { PubsubTopicSink } from '../../transforms/write/pubsub-topic.js';
import { WriteError } from '../../transforms/write/write-error.js';
import { sampleFinding } from '../launch/sample-finding.js';
import { PubsubEmulator } from '../pubsub-emulator.js';
import { TestIntake, until } from '../read/test-intake.js';

function findings(count: number): Finding[] {
  return Array.from({ length: count }, (_, i) => ({
    ...sampleFinding,
    id: `00000000-0000-5000-8000-${String(i).padStart(12, '0')}`,
    revision: i % 7,
  }));
}

describe('PubsubTopicSink', function () {
  this.timeout(120_000);
  let emulator: PubsubEmulator | undefined;

  before(async function () {
    emulator = await PubsubEmulator.start(this);
  });
  after(async () => {
    await emulator?.stop();
  });

  function service(): PubsubEmulator {
    if (emulator === undefined) throw new Error('no emulator');
    return emulator;
  }

  it('refuses what is no topic', () => {
    expect(() => new PubsubTopicSink('projects/p/subscriptions/s')).to.throw(
      'Pub/Sub topic "projects/p/subscriptions/s": expected projects/P/topics/T',
    );
  });

  it('publishes findings with their attributes, each revision once', async () => {
    await service().create('findings');
    const sink = new PubsubTopicSink(service().topicName('findings'));
    const all = findings(2500);
    expect(await sink.put(all)).to.deep.equal(all.map((finding) => ({ finding, isNew: true })));
    const newer = { ...all[3], revision: 99, status: 'withdrawn' as const };
    const older = { ...all[6], revision: 1 };
    expect(await sink.put([...all.slice(0, 10), newer, older])).to.deep.equal([
      { finding: newer, isNew: false },
    ]);
    expect(await sink.put([])).to.deep.equal([]);
    await sink.close();

    const intake = new TestIntake();
    const source = new PubsubSubscription({
      subscription: service().subscriptionName('findings'),
    });
    const run = source.run(intake);
    await until(() => intake.deliveries.length >= all.length + 1);
    intake.commit();
    await source.close();
    await run;
    const messages = intake.deliveries.map(({ value }) => decodePubsubMessage(value as Uint8Array));
    const told = messages.map(({ data }) => JSON.parse(Buffer.from(data).toString()) as Finding);
    const byId = (a: Finding, b: Finding): number =>
      a.id < b.id ? -1 : a.id > b.id ? 1 : a.revision - b.revision;
    expect(told.sort(byId)).to.deep.equal([...all, newer].sort(byId));
    const last = messages.find(({ attributes }) => attributes.get('revision') === '99');
    expect(last?.attributes).to.deep.equal(
      new Map([
        ['id', newer.id],
        ['revision', '99'],
        ['status', 'withdrawn'],
        ['customer', 'acme'],
        ['severity', 'critical'],
        ['filter', 'known-bad-remote'],
      ]),
    );
  });

  it('cuts a customer name that an attribute cannot hold', async () => {
    await service().create('long-names');
    const sink = new PubsubTopicSink(service().topicName('long-names'));
    const finding = { ...sampleFinding, customer: 'ü'.repeat(600) };
    await sink.put([finding]);
    await sink.close();
    const intake = new TestIntake();
    const source = new PubsubSubscription({
      subscription: service().subscriptionName('long-names'),
    });
    const run = source.run(intake);
    await until(() => intake.deliveries.length === 1);
    intake.commit();
    await source.close();
    await run;
    const { attributes, data } = decodePubsubMessage(intake.deliveries[0].value as Uint8Array);
    expect(attributes.get('customer')).to.equal('ü'.repeat(512));
    expect(JSON.parse(Buffer.from(data).toString())).to.deep.equal(finding);
  });

  it('rejects, naming the topic, where there is none; the same may be put again', async () => {
    const name = service().topicName('later');
    const sink = new PubsubTopicSink(name);
    const failure = await sink.put(findings(2)).catch((error: unknown) => error);
    expect(failure).to.be.instanceOf(WriteError);
    expect((failure as Error).message)
      .to.contain(`cannot write 2 of 2 findings to Pub/Sub topic ${name}`)
      .and.to.contain('NOT_FOUND');
    await service().create('later');
    expect(await sink.put(findings(2))).to.have.length(2);
    await sink.close();
  });
});
