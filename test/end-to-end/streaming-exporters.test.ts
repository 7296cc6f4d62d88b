import { expect } from 'chai';
import { CSV_HEADER } from '../../launch/generate/row.js';
import { TemporaryFiles } from '../launch/temporary-files.js';
import { PubsubEmulator } from '../pubsub-emulator.js';
import { StreamingJob, until } from './streaming-job.js';
import { TIME_ATTRIBUTE } from './streaming-messages.js';

const HOUR_MS = 3_600_000;
/** No flow is of that year: a reject `time-out-of-range`, however far ahead the clock is. */
const YEAR_2100_MS = Date.UTC(2100, 0, 1);

/** How often exporters that are alive send. */
const EVERY_MS = 300;

/** On the list of C2s, each for its part of a test. */
const LISTED = { inTime: '45.9.20.1', tooLate: '45.9.20.2', last: '45.9.20.3' } as const;
const ORDINARY = '93.0.0.1';

/** Windows of seconds, because the clock is the real one. */
const SETTINGS = {
  customers: 'customers.csv',
  reference: {
    feeds: [{ name: 'c2s', kind: 'tags', category: 'c2', format: 'address-list', uri: 'c2.txt' }],
  },
  window: '5s',
  findingWindow: '1d',
  streaming: { disorder: '1s', allowedLateness: '5s', idle: '3s', earlyFirings: '1s' },
};

/** Both directions of a connection in its middle: only on-time and late panes tell of it. */
function middle(remote: string, endMs: number, sensor: string): string {
  const times = `${endMs - 200},${endMs}`;
  return (
    `${times},145.1.0.5,${remote},50001,443,6,20,9000,24,1,${sensor}\n` +
    `${times},${remote},145.1.0.5,443,50001,6,20,9000,24,1,${sensor}\n`
  );
}

describe('exporters whose clocks and lines differ', function () {
  this.timeout(600_000);
  let job: StreamingJob | undefined;
  let sender: NodeJS.Timeout | undefined;
  // Before its files are removed.
  afterEach(async () => {
    clearInterval(sender);
    await job?.kill();
    job = undefined;
  });
  const files = new TemporaryFiles();

  beforeEach(() => {
    files.write('customers.csv', 'customer,cidr\nacme,145.1.0.0/16\n');
    files.write('c2.txt', `${Object.values(LISTED).join('\n')}\n`);
  });

  async function start(input: object): Promise<StreamingJob> {
    const started = new StreamingJob(files.directory, { ...SETTINGS, inputs: [input] });
    job = started;
    await started.start();
    return started;
  }

  function send(once: () => void): void {
    once();
    sender = setInterval(once, EVERY_MS);
  }

  async function untilTold(running: StreamingJob, remote: string): Promise<void> {
    await until(`the finding of ${remote}`, async () => {
      const found = [...(await running.findings()).values()];
      return found.some(({ remoteAddress }) => remoteAddress === remote);
    });
  }

  /** Ends the job; what it has told then is of these remotes. */
  async function expectOnly(running: StreamingJob, remotes: readonly string[]): Promise<void> {
    await running.stop();
    await running.drain();
    const found = [...(await running.findings()).values()];
    expect(new Set(found.map(({ remoteAddress }) => remoteAddress))).to.deep.equal(
      new Set(remotes),
    );
  }

  const futureRejects = (running: StreamingJob): Promise<number | undefined> =>
    running.metric('flowsieve_rejects_total', { reason: 'future' });

  it('of standard input: none that is ahead, silent or late delays the others', async () => {
    const running = await start({ uri: '-', format: 'csv' });
    const write = (records: string): void => {
      running.child.stdin?.write(records);
    };
    let ahead = 0;
    write(CSV_HEADER + middle(ORDINARY, Date.now(), 'silent'));
    send(() => {
      const nowMs = Date.now();
      write(middle(ORDINARY, nowMs, 'steady') + middle(ORDINARY, nowMs + HOUR_MS, 'ahead'));
      ahead += 2;
    });
    write(middle(ORDINARY, YEAR_2100_MS, 'dreaming'));
    write(middle(LISTED.inTime, Date.now(), 'steady'));
    await until('both exporters', async () => {
      return (await running.metric('flowsieve_exporters')) === 2;
    });
    // The silent one holds the watermark until it is idle.
    await untilTold(running, LISTED.inTime);
    expect(await running.metric('flowsieve_exporters')).to.equal(1);
    const lag = (await running.metric('flowsieve_watermark_lag_seconds')) ?? NaN;
    // The clock bounds it: what is dated ahead closes nothing.
    expect(lag).to.be.at.least(1);

    expect((await running.metric('flowsieve_late_dropped_total')) ?? 0).to.equal(0);
    write(middle(LISTED.tooLate, Date.now() - 60_000, 'steady'));
    await until('the late ones to be dropped', async () => {
      return (await running.metric('flowsieve_late_dropped_total', { step: 'dedupe/group' })) === 2;
    });
    clearInterval(sender);
    await until('all rejects', async () => (await futureRejects(running)) === ahead);
    expect(new Set(running.rejects().map(({ reason }) => reason))).to.deep.equal(
      new Set(['future', 'time-out-of-range']),
    );
    await expectOnly(running, [LISTED.inTime]);
  });

  describe('of a Pub/Sub subscription', () => {
    let pubsub: PubsubEmulator;

    before(async function () {
      pubsub = await PubsubEmulator.start(this);
    });
    // It is undefined where the suite was skipped.
    after(() => (pubsub as PubsubEmulator | undefined)?.stop());

    for (const { by, timestampAttribute } of [
      { by: 'publish-time', timestampAttribute: undefined },
      { by: 'attribute', timestampAttribute: TIME_ATTRIBUTE },
    ] as const) {
      it(`by ${by}: none that is ahead, silent or late delays the others`, async () => {
        await pubsub.create(by);
        const uri = `pubsub://${pubsub.subscriptionName(by)}`;
        const running = await start(
          timestampAttribute === undefined ? { uri } : { uri, timestampAttribute },
        );
        const warned = running.stderr.includes('has no timestampAttribute');
        expect(warned).to.equal(timestampAttribute === undefined);
        const publish = async (remote: string, ms: number, sensor: string): Promise<void> => {
          const attributes: Record<string, string> =
            timestampAttribute === undefined ? {} : { [timestampAttribute]: String(ms) };
          await pubsub.publish(by, [{ data: CSV_HEADER + middle(remote, ms, sensor), attributes }]);
        };
        let ahead = 0;
        const failures: unknown[] = [];
        const sendAhead = (): void => {
          ahead += 2;
          Promise.all([
            publish(ORDINARY, Date.now(), 'steady'),
            publish(ORDINARY, Date.now() + HOUR_MS, 'ahead'),
          ]).catch((error: unknown) => failures.push(error));
        };
        await publish(ORDINARY, YEAR_2100_MS, 'dreaming');
        send(sendAhead);
        await publish(LISTED.inTime, Date.now(), 'steady');
        await untilTold(running, LISTED.inTime);
        const lag = (await running.metric('flowsieve_watermark_lag_seconds')) ?? NaN;
        expect(lag).to.be.at.least(1);
        expect((await running.metric('flowsieve_late_dropped_total')) ?? 0).to.equal(0);

        await publish(LISTED.tooLate, Date.now() - 60_000, 'steady');
        await until('the late ones to be dropped', async () => {
          return (
            (await running.metric('flowsieve_late_dropped_total', { step: 'dedupe/group' })) === 2
          );
        });
        clearInterval(sender);
        // Nobody sends after this one: the clock closes its window.
        await publish(LISTED.last, Date.now(), 'steady');
        await untilTold(running, LISTED.last);
        await until('all rejects', async () => (await futureRejects(running)) === ahead);
        expect(failures).to.deep.equal([]);
        if (timestampAttribute !== undefined) {
          const event = { event: 'bad-timestamp' };
          expect((await running.metric('flowsieve_pubsub_total', event)) ?? 0).to.equal(0);
          await pubsub.publish(by, [
            { data: CSV_HEADER, attributes: { [timestampAttribute]: 'noon' } },
          ]);
          await until('the bad time to be counted', async () => {
            return (await running.metric('flowsieve_pubsub_total', event)) === 1;
          });
        }
        await expectOnly(running, [LISTED.inTime, LISTED.last]);
      });
    }
  });
});
