import { cpSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { expect } from 'chai';
import { loadConfig } from '../../launch/config/config.js';
import { formatProblem } from '../../launch/config/problem.js';
import { readFindings } from '../../launch/findings-file.js';
import { generateNetwork, WEEKLY_HISTORY } from '../../launch/generate/generate-network.js';
import { writeNetwork } from '../../launch/generate/write-network.js';
import { runJob } from '../../launch/run-job.js';
import type { Finding } from '../../pipeline/finding.js';
import { TemporaryFiles } from '../launch/temporary-files.js';
import { PubsubEmulator } from '../pubsub-emulator.js';
import { sharedData } from '../shared-data.js';
import {
  settingsOf,
  StreamingJob,
  until,
  withoutRevisions,
  type Settings,
} from './streaming-job.js';
import {
  arrivals,
  messagesOf,
  TIME_ATTRIBUTE,
  withMisleadingPorts,
  type Disturbance,
  type FlowMessage,
} from './streaming-messages.js';

/** Records a day; 200000 takes some minutes. */
const FLOWS = Number(process.env['FLOWSIEVE_TEST_STREAM_FLOWS'] ?? 12_000);

const MINUTE = 60_000;

/** Of it a step is published at once, and taken in before the next: an emulator delivers in any order. */
const STEP_MS = 60 * MINUTE;

const DISTURBANCE: Disturbance = {
  seed: 11,
  jitterMs: 10 * MINUTE,
  twice: 0.3,
  late: 0.2,
  lateMs: 70 * MINUTE,
};

/** The clock is not that of the records: silence must not move the watermark to today. */
const STREAMING = { disorder: '10m', allowedLateness: '4h', idle: '1d', lookback: '0s' };

interface Batch {
  readonly records: number;
  readonly expected: ReadonlyMap<string, Finding>;
}

describe('a streaming job on a Pub/Sub subscription', function () {
  this.timeout(1_200_000);
  let job: StreamingJob | undefined;
  // Before its files are removed.
  afterEach(async () => {
    await job?.kill();
    job = undefined;
  });
  const files = new TemporaryFiles();
  let pubsub: PubsubEmulator;

  before(async function () {
    pubsub = await PubsubEmulator.start(this);
  });
  // It is undefined where the suite was skipped.
  after(() => (pubsub as PubsubEmulator | undefined)?.stop());

  async function batch(file: string): Promise<Batch> {
    const loaded = await loadConfig(file);
    if (!loaded.ok) throw new Error(loaded.problems.map(formatProblem).join('\n'));
    const { records } = await runJob(loaded.config, { runner: 'local', nowMs: Date.now() });
    return { records, expected: await readFindings(loaded.config.output) };
  }

  /** Publishes the steps one after the other, each when the one before is in; stops and drains. */
  async function stream(
    subscription: string,
    settings: Settings,
    steps: readonly (readonly FlowMessage[])[],
  ): Promise<StreamingJob> {
    await pubsub.create(subscription);
    const uri = `pubsub://${pubsub.subscriptionName(subscription)}`;
    const inputs = [{ uri, timestampAttribute: TIME_ATTRIBUTE }];
    job = new StreamingJob(files.directory, { ...settings, inputs, streaming: STREAMING });
    const running = job;
    await running.start();
    let expected = 0;
    for (const step of steps) {
      await pubsub.publish(
        subscription,
        step.map(({ data, earliestMs }) => ({
          data,
          attributes: { [TIME_ATTRIBUTE]: String(earliestMs) },
        })),
      );
      for (const { records } of step) expected += records;
      await until(`${expected} records`, async () => {
        return ((await running.metric('flowsieve_records_total')) ?? 0) >= expected;
      });
    }
    expect(await running.metric('flowsieve_records_total')).to.equal(expected);
    expect((await running.metric('flowsieve_late_dropped_total')) ?? 0).to.equal(0);
    await running.stop();
    await running.drain();
    return running;
  }

  it('tells what a batch run tells of generated flows, however they come', async () => {
    const options = { seed: 5, flows: FLOWS, hours: 24, instances: 1, historyDays: WEEKLY_HISTORY };
    const network = generateNetwork(options);
    writeNetwork(files.directory, network);
    await batch(files.path('history.yaml'));
    cpSync(files.path('history'), files.path('history-batch'), { recursive: true });
    const messages = messagesOf(network.rows(), network.sensors, 5 * MINUTE);
    for (const { name, data } of messages) files.write(`messages/${name}`, data);
    const settings = settingsOf(files.path('flowsieve.yaml'));
    const { expected } = await batchOf(settings, 'messages/*');
    expect([...new Set([...expected.values()].map(({ filter }) => filter))]).to.include.members([
      'known-bad-remote',
      'c2-candidate',
      'insecure-service-outbound',
      'targeted-by-threat',
      'unpublicized-remote',
      'volume-change',
    ]);

    const steps = arrivals(messages, DISTURBANCE, STEP_MS);
    const done = await stream('generated', settings, steps);
    const found = await done.findings();
    const revisions = await done.revisions();
    process.stdout.write(
      `      ${messages.length} messages in ${steps.flat().length} deliveries, ` +
        `${found.size} findings, ${revisions.length} revisions, ` +
        `${revisions.filter(({ status }) => status === 'withdrawn').length} withdrawals\n`,
    );
    expect([...found.keys()].sort()).to.deep.equal([...expected.keys()].sort());
    expect(withoutRevisions(found.values())).to.deep.equal(withoutRevisions(expected.values()));
  });

  it('tells what a batch run tells where all that proves a side comes last', async () => {
    const network = generateNetwork({ seed: 6, flows: FLOWS / 2, hours: 3, instances: 1 });
    writeNetwork(files.directory, network);
    const rows = withMisleadingPorts(network.rows());
    const messages = messagesOf(rows, network.sensors, 5 * MINUTE);
    for (const { name, data } of messages) files.write(`messages/${name}`, data);
    const settings = settingsOf(files.path('flowsieve.yaml'));
    const { expected } = await batchOf(settings, 'messages/*');
    const steps = arrivals(messages, { ...DISTURBANCE, proofLate: true }, 30 * MINUTE);
    const done = await stream('proof-late', settings, steps);
    const found = await done.findings();
    const revisions = await done.revisions();
    const withdrawn = revisions.filter(({ status }) => status === 'withdrawn');
    process.stdout.write(
      `      ${messages.filter(({ proves }) => proves).length} of ${messages.length} messages are proof, ` +
        `${found.size} findings, ` +
        `${withdrawn.length} withdrawals\n`,
    );
    expect(withdrawn).to.not.have.length(0);
    expect(withoutRevisions(found.values())).to.deep.equal(withoutRevisions(expected.values()));
  });

  it("tells what a batch run tells of a day of Zeek's logs", async function () {
    const day = sharedData(this, 'flows/zeek/rita/missing_host/2024-04-19');
    const geo = resolve(sharedData(this, 'geo/ipverse-rir-ip/country'));
    // A rented server that hosts in Iran guess passwords of, and one address that it reaches itself.
    files.write('customers.csv', 'customer,cidr,exclusive\nrita,64.225.56.201/32,true\n');
    files.write('listed.txt', '185.125.188.58/31\n');
    const settings = {
      customers: 'customers.csv',
      reference: {
        feeds: [
          feed('listed', 'listed.txt'),
          { name: 'geo', kind: 'countries', format: 'country-prefixes', uri: geo },
        ],
      },
    };
    const messages = readdirSync(day)
      .filter((name) => name.startsWith('conn.'))
      .sort()
      .flatMap((name) => zeekMessages(name, gunzipSync(readFileSync(join(day, name))).toString()));
    for (const { name, data } of messages) files.write(`messages/${name}`, data);
    const { expected } = await batchOf(settings, 'messages/*');
    const filters = new Set([...expected.values()].map(({ filter }) => filter));
    expect([...filters]).to.include.members(['known-bad-remote', 'sanctioned-country']);

    const done = await stream('zeek', settings, arrivals(messages, DISTURBANCE, STEP_MS));
    const found = await done.findings();
    process.stdout.write(`      ${messages.length} messages, ${found.size} findings\n`);
    expect(withoutRevisions(found.values())).to.deep.equal(withoutRevisions(expected.values()));
  });

  it("tells what a batch run tells of nfcapd's files as messages", async function () {
    const names = ['test-cc-capture-1', 'malicious-ssh-bruteforce'];
    const paths = names.map((name) =>
      sharedData(this, `flows/derived/nfcapd-nfpcapd/${name}.nfcapd`),
    );
    files.write('customers.csv', 'customer,cidr\nhome,147.32.80.37/32\n');
    files.write('listed.txt', '141.193.213.20/31\n147.32.80.40\n');
    const settings = {
      customers: 'customers.csv',
      reference: { feeds: [feed('listed', 'listed.txt')] },
    };
    const messages: FlowMessage[] = [];
    for (const path of paths) {
      const data = readFileSync(path);
      files.write(`messages/${basename(path)}`, data);
      const { records } = await batchOf(settings, `messages/${basename(path)}`);
      // A time that no record is before holds for all of them.
      messages.push({ name: path, data, records, earliestMs: 0, sentMs: 0, proves: false });
    }
    const { expected } = await batchOf(settings, 'messages/*');
    expect(expected.size).to.equal(3);
    const done = await stream('nfcapd', settings, [messages, messages]);
    const found = await done.findings();
    expect(withoutRevisions(found.values())).to.deep.equal(withoutRevisions(expected.values()));
  });

  function feed(name: string, uri: string): Settings {
    return { name, kind: 'tags', category: 'c2', format: 'address-list', uri };
  }

  async function batchOf(settings: Settings, uri: string): Promise<Batch> {
    const { config } = new StreamingJob(
      files.directory,
      { ...settings, inputs: [{ uri }], output: 'batch-out', history: 'history-batch' },
      { name: 'batch' },
    );
    return batch(config);
  }
});

/** Records of a message. */
const ZEEK_LINES = 300;

/** A log cut into messages, every second one compressed; each has the log's header. */
function zeekMessages(name: string, log: string): FlowMessage[] {
  const lines = log.split('\n').filter((line) => line !== '');
  const header = lines.filter((line) => line.startsWith('#') && !line.startsWith('#close'));
  const rows = lines.filter((line) => !line.startsWith('#'));
  const fields =
    header
      .find((line) => line.startsWith('#fields'))
      ?.split('\t')
      .slice(1) ?? [];
  const [ts, duration] = ['ts', 'duration'].map((field) => fields.indexOf(field));
  const messages: FlowMessage[] = [];
  for (let at = 0; at < rows.length; at += ZEEK_LINES) {
    const own = rows.slice(at, at + ZEEK_LINES);
    const ends = own.map((row) => {
      const values = row.split('\t');
      const seconds = values[duration] === '-' ? 0 : Number(values[duration]);
      return Math.floor((Number(values[ts]) + seconds) * 1000);
    });
    const text = `${[...header, ...own].join('\n')}\n`;
    messages.push({
      name: `${name}-${at}`,
      data: (at / ZEEK_LINES) % 2 === 0 ? Buffer.from(text) : gzipSync(text),
      records: own.length,
      earliestMs: Math.min(...ends),
      sentMs: Math.max(...ends),
      proves: false,
    });
  }
  return messages;
}
