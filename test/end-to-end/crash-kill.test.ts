import { expect } from 'chai';
import { setTimeout as sleep } from 'node:timers/promises';
import { CSV_HEADER, csvLine, type Row } from '../../launch/generate/row.js';
import { Random } from '../../launch/generate/random.js';
import { TemporaryFiles } from '../launch/temporary-files.js';
import { PubsubEmulator } from '../pubsub-emulator.js';
import { crashNetwork, expectFinalSet, GrowingFiles, hasAll, Meanwhile } from './crash-network.js';
import { StreamingJob, until } from './streaming-job.js';
import { TIME_ATTRIBUTE } from './streaming-messages.js';

/** How often each job is killed; 50 take some minutes. */
const KILLS = Number(process.env['FLOWSIEVE_KILLS'] ?? 6);

const SEED = Number(process.env['FLOWSIEVE_SEED'] ?? 1);

const MINUTE = 60_000;

/** From a start to its kill, at most: it may not even have begun. */
const LONGEST_LIFE_MS = 5000;

/** A message that a killed process had comes again after its lease of 10 s. */
const QUIET_MS = 25_000;

describe('a streaming job that is killed', function () {
  this.timeout(1_800_000);
  const files = new TemporaryFiles();
  let job: StreamingJob | undefined;
  let meanwhile: Meanwhile | undefined;

  afterEach(async () => {
    await job?.kill();
    await meanwhile?.end();
  });

  /** Starts and kills it again and again; gives how many of them had begun to take flows in. */
  async function killed(running: StreamingJob): Promise<number> {
    const random = new Random(SEED, 3);
    let ready = 0;
    for (let kill = 0; kill < KILLS; kill++) {
      const started = running.start().then(
        () => true,
        () => false,
      );
      // Half of them by their age, half some time after they are ready: starts are slow.
      if (random.chance(0.5)) await started;
      await sleep(random.float() * LONGEST_LIFE_MS * (random.chance(0.3) ? 0.1 : 0.6));
      await running.kill();
      if (await started) ready++;
    }
    return ready;
  }

  it('loses and doubles nothing of a subscription', async function () {
    const pubsub = await PubsubEmulator.start(this);
    try {
      const { network, settings, expected } = await crashNetwork(files.directory, {
        flows: 4000 + 200 * KILLS,
        hours: 2,
      });
      const messages = messagesOf(network.rows());
      const records = [...network.rows()].length;
      await pubsub.create('killed');
      const uri = `pubsub://${pubsub.subscriptionName('killed')}`;
      job = new StreamingJob(files.directory, {
        ...settings,
        inputs: [{ uri, timestampAttribute: TIME_ATTRIBUTE }],
        streaming: {
          disorder: '10m',
          allowedLateness: '4h',
          idle: '1d',
          earlyFirings: '1s',
          lookback: '0s',
        },
      });
      const running = job;
      let next = 0;
      const step = Math.ceil(messages.length / (KILLS * 25));
      meanwhile = new Meanwhile(100, async () => {
        const some = messages.slice(next, (next += step));
        await pubsub.publish(
          'killed',
          some.map(({ data, earliestMs }) => ({
            data,
            attributes: { [TIME_ATTRIBUTE]: String(earliestMs) },
          })),
        );
        return next < messages.length;
      });
      const ready = await killed(running);
      const left = messages.length - next;
      await running.start();
      await meanwhile.end();
      let seen = 0;
      let sinceMs = performance.now();
      await until(
        'all messages',
        async () => {
          const now = (await running.metric('flowsieve_records_total')) ?? 0;
          if (now > seen) sinceMs = performance.now();
          seen = now;
          const quietMs = performance.now() - sinceMs;
          return seen >= records && (quietMs > QUIET_MS || (await hasAll(running, expected)));
        },
        600_000,
      );
      expect((await running.metric('flowsieve_late_dropped_total')) ?? 0).to.equal(0);
      await running.stop();
      await running.drain();
      const revisions = await running.revisions();
      process.stdout.write(
        `      ${KILLS} kills, ${ready} of them ready; ${records} records in ${messages.length} messages ` +
          `(${left} after the kills), ${seen} records taken in; ${expected.size} findings, ` +
          `${revisions.length} revisions\n`,
      );
      await expectFinalSet(running, expected);
    } finally {
      await job?.kill();
      await meanwhile?.end();
      await pubsub.stop();
    }
  });

  it('loses and doubles nothing of files that grow', async () => {
    const { network, settings, expected } = await crashNetwork(files.directory, {
      flows: 4000 + 200 * KILLS,
      hours: 4,
    });
    const growing = new GrowingFiles(files.path('flows'), network.rows(), KILLS * 25);
    job = new StreamingJob(files.directory, {
      ...settings,
      inputs: [{ uri: 'flows/', format: 'csv' }],
      // Windows close while it is killed.
      streaming: {
        disorder: '10m',
        allowedLateness: '40m',
        idle: '1d',
        earlyFirings: '1s',
        lookback: '0s',
      },
    });
    const running = job;
    // Whom it has heard of it waits for; who comes later than the others could be too late.
    await running.start();
    const { length: sensors } = network.sensors;
    await until('all sensors', async () => {
      return ((await running.metric('flowsieve_records_total')) ?? 0) >= sensors;
    });
    await running.kill();
    meanwhile = new Meanwhile(100, () => growing.grow());
    const ready = await killed(running);
    const { left } = growing;
    await running.start();
    await meanwhile.end();
    const records = [...network.rows()].length;
    await until('all records', async () => {
      return ((await running.metric('flowsieve_records_total')) ?? 0) >= records;
    });
    // Exactly what was not committed came again.
    expect(await running.metric('flowsieve_records_total')).to.equal(records);
    expect((await running.metric('flowsieve_late_dropped_total')) ?? 0).to.equal(0);
    await running.stop();
    await running.drain();
    const revisions = await running.revisions();
    process.stdout.write(
      `      ${KILLS} kills, ${ready} of them ready; ${records} records (${left} steps after the ` +
        `kills); ${expected.size} findings, ${revisions.length} revisions\n`,
    );
    await expectFinalSet(running, expected);
  });
});

interface Message {
  readonly data: string;
  readonly earliestMs: number;
}

/** Canonical CSV of one sensor and minute each, in the order in which they are sent. */
function messagesOf(rows: Iterable<Row>): readonly Message[] {
  const parts = new Map<string, Row[]>();
  for (const row of [...rows].sort((a, b) => a.exportedMs - b.exportedMs)) {
    const key = `${Math.floor(row.exportedMs / MINUTE)} ${row.sensor}`;
    const part = parts.get(key);
    if (part === undefined) parts.set(key, [row]);
    else part.push(row);
  }
  return [...parts.values()].map((own) => ({
    data: CSV_HEADER + own.map(csvLine).join(''),
    earliestMs: Math.min(...own.map(({ endMs }) => endMs)),
  }));
}
