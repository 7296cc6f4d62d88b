import { expect } from 'chai';
import { CSV_HEADER, csvLine, type Row } from '../../launch/generate/row.js';
import { JobDirectory } from './job-directory.js';
import { Exporter, freePort, socketAt } from './live-exporter.js';
import { netflowV5 } from './netflow-v5.js';
import { StreamingJob, until, withoutRevisions, type Settings } from './streaming-job.js';

/** Every third remote or so is on the list. */
const SETTINGS = {
  customers: 'customers.csv',
  reference: {
    feeds: [{ name: 'my-c2', kind: 'tags', category: 'c2', format: 'address-list', uri: 'c2.txt' }],
    snapshot: 'snapshot',
  },
  history: false,
};
const LISTED = [3, 4, 8, 11, 13, 17, 19].map((n) => `198.51.100.${n}`);

// Flows of the past: who sends them late must be waited for.
const STREAMING = { allowedLateness: '1d' };

const MINUTE_MS = 60_000;
const START_MS = Date.parse('2025-11-04T10:00:00Z');
const SENSOR = '127.0.0.1';

/** Conversations over an hour, `from` to `to` of 600; of each both directions. */
function flows(from: number, to: number): readonly Row[] {
  const rows: Row[] = [];
  for (let n = from; n < to; n++) {
    const startMs = START_MS + Math.floor((n * 60 * MINUTE_MS) / CONVERSATIONS);
    const client = { ip: `10.0.0.${n % 41}`, port: 20_000 + n };
    const server = { ip: `198.51.100.${n % 23}`, port: 443 };
    for (const [src, dst] of [
      [client, server],
      [server, client],
    ]) {
      rows.push({
        startMs,
        endMs: startMs + 900,
        srcIp: src.ip,
        dstIp: dst.ip,
        srcPort: src.port,
        dstPort: dst.port,
        protocol: 6,
        packets: 9,
        bytes: 900,
        tcpFlags: 0x1b,
        samplingRate: 0,
        sensor: SENSOR,
        exportedMs: startMs + 900,
      });
    }
  }
  return rows;
}
const CONVERSATIONS = 600;

function csv(rows: readonly Row[]): string {
  return CSV_HEADER + rows.map(csvLine).join('');
}

describe('how a running job is kept', function () {
  this.timeout(240_000);
  const directory = new JobDirectory();
  let job: StreamingJob;
  let exporter: Exporter | undefined;

  beforeEach(() => {
    directory.files.write('customers.csv', 'customer,cidr\nacme,10.0.0.0/8\n');
    directory.files.write('c2.txt', `${LISTED.join('\n')}\n`);
  });

  afterEach(async () => {
    exporter?.close();
    exporter = undefined;
    await job.kill();
  });

  function configure(inputs: readonly Settings[], more: Settings = {}): void {
    const settings = { ...SETTINGS, inputs, streaming: STREAMING, ...more };
    job = new StreamingJob(directory.files.directory, settings);
  }

  /** Waits until the job has decoded so many. */
  async function untilRead(records: number): Promise<void> {
    await until(`${records} records`, async () => {
      return ((await job.metric('flowsieve_records_total')) ?? 0) >= records;
    });
    expect(await job.metric('flowsieve_records_total')).to.equal(records);
  }

  /** The findings are those of a run in batch over all flows. */
  async function expectAsBatch(): Promise<void> {
    directory.files.write('all.csv', csv(flows(0, CONVERSATIONS)));
    directory.configure({ ...SETTINGS, inputs: [{ uri: 'all.csv', format: 'csv' }] });
    const { findings } = await directory.run();
    expect(findings.length).to.be.above(100);
    const live = await job.findings();
    expect(withoutRevisions(live.values())).to.deep.equal(withoutRevisions(findings));
  }

  it('tells how it is, stops at SIGTERM, goes on, and ends with its input', async () => {
    configure([{ uri: '-', format: 'csv' }]);
    await job.start();
    expect((await job.get('/healthz')).status).to.equal(200);
    expect((await job.get('/readyz')).status).to.equal(200);
    expect((await job.get('/')).status).to.equal(404);
    const half = CONVERSATIONS / 2;
    job.child.stdin?.write(csv(flows(0, half)));
    await untilRead(2 * half);
    const metrics = await job.metrics();
    for (const line of [
      /^flowsieve_ready 1$/m,
      /^flowsieve_records_total\{format="csv"\} 600$/m,
      /^flowsieve_watermark_lag_seconds\{source="[^"]+"\} [1-9]\d+/m,
      /^flowsieve_exporters\{source="[^"]+"\} 1$/m,
      /^flowsieve_open_groups [1-9]/m,
      /^flowsieve_commits_total [1-9]/m,
      /^flowsieve_reference_info\{version="[0-9a-f]{16}"\} 1$/m,
      /^flowsieve_feed_age_seconds\{feed="my-c2"\} \d/m,
      /^flowsieve_finding_latency_seconds_bucket\{le="\+Inf"\} \d/m,
      /^process_resident_memory_bytes [1-9]/m,
    ]) {
      expect(metrics).to.match(line);
    }

    const stopped = await job.stop();
    expect(stopped.stderr).to.match(
      /SIGTERM: stopping within 30 s; a second signal ends it at once/,
    );
    expect(stopped.stderr).to.match(/^read +records +600 +in /m);
    expect(stopped.stderr).to.match(/^ +open groups +[1-9]/m);
    expect(stopped.stderr).to.match(/^findings in .*, open windows in .*$/m);

    await job.start();
    job.child.stdin?.end(csv(flows(half, CONVERSATIONS)));
    const ended = await job.ended();
    expect(ended.code, ended.stderr).to.equal(0);
    expect(ended.stderr).to.match(/^read +records +600 +in .*; 1,200 since the state began$/m);
    expect(ended.stderr).to.match(/^ +open groups +0 /m);
    await expectAsBatch();
  });

  it('ends at once at a second SIGTERM, and loses nothing by it', async () => {
    // All are listed: more findings than a pipe holds.
    directory.files.write('c2.txt', '198.51.100.0/24\n');
    configure([{ uri: '-', format: 'csv' }], { sinks: ['-'] });
    await job.start();
    // Nobody reads its standard output: it cannot stop before somebody does.
    job.child.stdout?.pause();
    job.child.stdin?.end(csv(flows(0, CONVERSATIONS)));
    await until('findings', async () => (await job.findings()).size > 0);
    process.kill(job.pid, 'SIGTERM');
    await until('it to stop', () => job.stderr.includes('SIGTERM: stopping'));
    process.kill(job.pid, 'SIGTERM');
    await until('it to say so', () => job.stderr.includes('ended by SIGTERM, the second signal: '));
    job.child.stdout?.resume();
    expect((await job.ended()).code).to.equal(1);
    await job.start();
    job.child.stdin?.end(csv(flows(0, CONVERSATIONS)));
    expect((await job.ended()).code).to.equal(0);
    await expectAsBatch();
  });

  it('takes standard input, a followed folder and UDP at once', async () => {
    const port = await freePort();
    directory.files.write('flows/early.csv', csv(flows(0, 100)));
    configure([
      { uri: '-', format: 'csv' },
      { uri: 'flows/', format: 'csv' },
      { uri: `netflow://127.0.0.1:${port}` },
    ]);
    await job.start();
    job.child.stdin?.end(csv(flows(200, 400)));
    await until('the job to listen', () => socketAt(port) !== undefined);
    exporter = await Exporter.open();
    await exporter.send(netflowV5(flows(400, CONVERSATIONS)), port);
    directory.files.write('flows/late.csv', csv(flows(100, 200)));
    await untilRead(2 * CONVERSATIONS);
    // One input that ends does not end the job.
    expect((await job.get('/readyz')).status).to.equal(200);
    await job.stop();
    await job.drain();
    await expectAsBatch();
  });

  const refused = [
    [['--streaming', '--metrics', 'nonsense'], /--metrics: expected HOST:PORT, got "nonsense"/],
    [['--streaming', '--metrics', '127.0.0.1:70000'], /--metrics: expected a port from 0 to 65535/],
    [
      ['--streaming', '--runner', 'direct'],
      /--runner: expected local or portable with --streaming, got direct/,
    ],
    [['--streaming', '--now', '2025-01-01'], /--now: a job without an end goes by the clock/],
    [['--drain'], /--drain: .*--streaming/],
    [['--metrics', '127.0.0.1:0'], /--metrics: .*--streaming/],
  ] as const;
  for (const [flags, message] of refused) {
    it(`says what is wrong with ${flags.join(' ')}`, async () => {
      directory.files.write('flows.csv', csv(flows(0, 1)));
      configure([{ uri: 'flows.csv', format: 'csv' }]);
      const { code, stderr } = await directory.command('run', job.config, ...flags);
      expect(stderr).to.match(message);
      expect(code).to.equal(2);
    });
  }

  it('says where metrics cannot be served', async () => {
    configure([{ uri: '-', format: 'csv' }]);
    await job.start();
    const taken = new URL((await job.get('/healthz')).url).host;
    const beside = new StreamingJob(
      directory.files.directory,
      { ...SETTINGS, inputs: [{ uri: '-', format: 'csv' }] },
      { name: 'beside' },
    );
    const flags = ['run', beside.config, '--streaming', '--metrics', taken];
    const { code, stderr } = await directory.command(...flags);
    expect(stderr).to.match(/metrics cannot be served/);
    expect(code).to.equal(1);
  });

  it('says that another process has the state', async () => {
    configure([{ uri: '-', format: 'csv' }]);
    await job.start();
    const { code, stderr } = await directory.command('run', job.config, '--streaming');
    expect(stderr).to.match(/in use by another process/);
    expect(code).to.equal(1);
    expect((await job.get('/readyz')).status).to.equal(200);
  });
});
