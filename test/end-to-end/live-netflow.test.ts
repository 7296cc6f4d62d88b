import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import type { ChildProcess } from 'node:child_process';
import { loadConfig } from '../../launch/config/config.js';
import { formatProblem } from '../../launch/config/problem.js';
import type { Finding } from '../../pipeline/finding.js';
import { readManifest, type ManifestRef } from '../../reference/snapshot.js';
import { nfcapd } from '../../transforms/decode/nfcapd.js';
import { collect as collectRows } from '../decode/collect.js';
import { sharedData } from '../shared-data.js';
import { archivedConversations } from './archived-conversations.js';
import { conversationsOf } from './conversations-of.js';
import { JobDirectory } from './job-directory.js';
import {
  exitOf,
  exportedBy,
  Exporter,
  freePort,
  requireTools,
  socketAt,
  startTool,
} from './live-exporter.js';
import { StreamingJob, until } from './streaming-job.js';

interface Replay {
  readonly pcap: string;
  /** Version of the packets, and further options of softflowd. */
  readonly options: readonly string[];
  /** Established conversations, in windows of five minutes. */
  readonly conversations: number;
}

const BOT = 'slips/test-cc-capture-1';
const GUESSED = 'slips/malicious-ssh-bruteforce';

// Without -a softflowd takes the day it runs for that of the packets. By default its IPFIX has start
// and end exchanged where nfcapd 1.7 reads them, hence milliseconds.
const REPLAYS: readonly Replay[] = [
  { pcap: GUESSED, options: ['-v', '5', '-a'], conversations: 66 },
  { pcap: BOT, options: ['-v', '9', '-a'], conversations: 297 },
  { pcap: BOT, options: ['-v', '10', '-a', '-A', 'milli'], conversations: 297 },
];

/** Every conversation of the customer breaks its policy, so that all of them are in findings. */
const SETTINGS = {
  customers: 'customers.csv',
  reference: { feeds: [], snapshot: 'snapshot' },
  history: false,
  policies: { acme: { 'policy-violation': { banned: ['0.0.0.0/1', '128.0.0.0/1'] } } },
  filters: { 'policy-violation': { enabled: true } },
};

// The captures are years old and replayed within a second. No record is ahead of its arrival, and the
// watermark follows their own times; but softflowd tells of a connection minutes after its end, and of
// most at the end of the capture, so windows are kept open for what an exporter with such time-outs needs.
const STREAMING = { disorder: '1d', allowedLateness: '7d', idle: '1d' };

describe('the real job fed by real exporters', function () {
  this.timeout(240_000);
  const directory = new JobDirectory();
  let job: StreamingJob | undefined;
  let exporter: Exporter | undefined;
  let daemon: ChildProcess | undefined;
  /** Of nfcapd's files. */
  let folder = '';

  afterEach(async () => {
    exporter?.close();
    exporter = undefined;
    await job?.kill();
    if (daemon?.exitCode === null) daemon.kill('SIGKILL');
  });

  beforeEach(() => {
    directory.files.write('customers.csv', 'customer,cidr\nacme,147.32.80.37/32\n');
    folder = directory.files.path('nfcapd');
    mkdirSync(folder);
  });

  /** Starts nfcapd; gives its port once it listens. */
  async function collect(...flags: readonly string[]): Promise<number> {
    const port = await freePort();
    daemon = startTool('nfcapd', ['-p', String(port), '-b', '127.0.0.1', '-w', folder, ...flags]);
    await until('nfcapd to listen', () => socketAt(port) !== undefined);
    return port;
  }

  async function endCollecting(): Promise<void> {
    if (daemon === undefined) throw new Error('nfcapd does not run');
    daemon.kill('SIGTERM');
    await exitOf(daemon);
  }

  /** Findings of a run in batch over nfcapd's files. */
  async function batchFindings(): Promise<readonly Finding[]> {
    directory.configure({ ...SETTINGS, inputs: [{ uri: 'nfcapd/nfcapd.2*' }] });
    return (await directory.run()).findings;
  }

  async function reference(): Promise<ManifestRef> {
    const loaded = await loadConfig(directory.files.path('flowsieve.yaml'));
    if (!loaded.ok) throw new Error(loaded.problems.map(formatProblem).join('\n'));
    const { snapshot } = loaded.config.reference;
    return { directory: snapshot, version: (await readManifest(snapshot)).version };
  }

  /** Waits until the job has read what nfcapd has written. */
  async function expectRecords(streaming: StreamingJob): Promise<void> {
    const files = rotated(folder).map((name) => readFileSync(join(folder, name)));
    const records = files.reduce((sum, bytes) => sum + collectRows(nfcapd, bytes).rows.length, 0);
    expect(records).to.be.above(0);
    await until('all records', async () => {
      return ((await streaming.metric('flowsieve_records_total')) ?? 0) >= records;
    });
    expect(await streaming.metric('flowsieve_records_total')).to.equal(records);
  }

  async function expectAsBatch(streaming: StreamingJob, conversations: number): Promise<void> {
    const batch = await batchFindings();
    expect(batch.length).to.be.above(0);
    expect(batch.reduce((sum, finding) => sum + finding.conversations, 0)).to.equal(conversations);
    const live = await streaming.findings();
    expect([...live.values()].map(comparable)).to.deep.equal(batch.map(comparable));
    const snapshot = await reference();
    const expected: string[] = [];
    for (const name of rotated(folder)) {
      expected.push(...(await conversationsOf(join(folder, name), snapshot)));
    }
    const archived = await archivedConversations(join(streaming.state, 'archive'));
    expect(archived.length).to.equal(conversations);
    expect([...new Set(archived)].sort()).to.deep.equal([...new Set(expected)].sort());
  }

  for (const { pcap, options, conversations } of REPLAYS) {
    it(`softflowd ${options.join(' ')} of ${pcap}: the conversations of nfcapd's files`, async function () {
      const capture = sharedData(this, `flows/pcap/${pcap}.pcap`);
      requireTools(this, 'softflowd', 'nfcapd');
      const port = await freePort();
      job = new StreamingJob(directory.files.directory, {
        ...SETTINGS,
        inputs: [{ uri: `netflow://127.0.0.1:${port}` }],
        streaming: STREAMING,
      });
      await job.start();
      const nfcapdPort = await collect('-t', '3600');
      exporter = await Exporter.open();
      await until('the job to listen', () => socketAt(port) !== undefined);
      await exporter.send(await exportedBy(capture, options), port, nfcapdPort);
      await endCollecting();
      await expectRecords(job);
      await job.stop();
      await job.drain();
      await expectAsBatch(job, conversations);
    });
  }

  it('follows the directory that nfcapd rotates its files into', async function () {
    const capture = sharedData(this, 'flows/pcap/slips/test-cc-capture-1.pcap');
    requireTools(this, 'softflowd', 'nfcapd');
    const datagrams = await exportedBy(capture, ['-v', '9', '-a']);
    job = new StreamingJob(directory.files.directory, {
      ...SETTINGS,
      inputs: [{ uri: 'nfcapd/' }],
      streaming: STREAMING,
    });
    await job.start();
    const nfcapdPort = await collect('-t', '2');
    exporter = await Exporter.open();
    for (let part = 0; part < 3; part++) {
      const from = Math.floor((part * datagrams.length) / 3);
      const to = Math.floor(((part + 1) * datagrams.length) / 3);
      await exporter.send(datagrams.slice(from, to), nfcapdPort);
      const before = rotated(folder).length;
      await until('nfcapd to rotate', () => rotated(folder).length > before);
    }
    await endCollecting();
    await expectRecords(job);
    await job.stop();
    await job.drain();
    expect(rotated(folder).length).to.be.above(2);
    await expectAsBatch(job, 297);
  });
});

/** Finished files of nfcapd. */
function rotated(folder: string): string[] {
  return readdirSync(folder).filter((name) => /^nfcapd\.\d+$/.test(name));
}

/** nfcapd keeps no sampling rate of what samples nothing. */
function comparable({ samplingRate: _rate, ...finding }: Finding): Partial<Finding> {
  return finding;
}
