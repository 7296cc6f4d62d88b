import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { loadConfig } from '../../launch/config/config.js';
import { formatProblem } from '../../launch/config/problem.js';
import { readFindings } from '../../launch/findings-file.js';
import { CSV_HEADER } from '../../launch/generate/row.js';
import { runJob } from '../../launch/run-job.js';
import type { Finding } from '../../pipeline/finding.js';
import { TemporaryFiles } from '../launch/temporary-files.js';
import { PubsubEmulator } from '../pubsub-emulator.js';
import { StreamingJob, until, withoutRevisions } from './streaming-job.js';
import { TIME_ATTRIBUTE } from './streaming-messages.js';

/** Early findings that are timed, and what lies between them. */
const EARLY = 200;
const EARLY_EVERY_MS = Number(process.env['FLOWSIEVE_TEST_EARLY_EVERY_MS'] ?? 0);

const START_MS = Date.UTC(2025, 2, 3, 10);
const SYN = 2;
const PSH_ACK = 24;

const REMOTES = {
  /** On a list of C2s. */
  c2: '45.9.20.1',
  c2OfGroup: '45.9.20.2',
  c2OfTwo: '45.9.20.4',
  /** In a country under sanctions. */
  country: '5.160.0.10',
  ordinary: '93.0.0.1',
} as const;

/** A record of what `source` sent, ending so many seconds after the start of the first window. */
function record(source: string, destination: string, tcpFlags: number, second: number): string {
  const [srcIp, srcPort] = source.split(':');
  const [dstIp, dstPort] = destination.split(':');
  const ms = START_MS + second * 1000;
  const [packets, bytes] = tcpFlags === SYN ? [1, 60] : [20, 9000];
  return `${ms - 500},${ms},${srcIp},${dstIp},${srcPort},${dstPort},6,${packets},${bytes},${tcpFlags},1,edge\n`;
}

/** Both directions of a connection in its middle: nothing shows who began it but the ports. */
function middle(ours: string, theirs: string, second: number): string {
  return record(ours, theirs, PSH_ACK, second) + record(theirs, ours, PSH_ACK, second);
}

/** `filter role remote service conversations` */
function told({ filter, customerRole, indicator, service, conversations }: Finding): string {
  return `${filter} ${customerRole} ${indicator} ${service} ${conversations}`;
}

describe('SYNs that come late', function () {
  this.timeout(600_000);
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

  const settings = {
    customers: 'customers.csv',
    reference: {
      feeds: [
        { name: 'c2s', kind: 'tags', category: 'c2', format: 'address-list', uri: 'c2.txt' },
        { name: 'geo', kind: 'countries', format: 'country-prefixes', uri: 'country/' },
      ],
    },
    filters: { 'sanctioned-country': { countries: ['IR'] } },
  };

  async function start(subscription: string, streaming: object): Promise<StreamingJob> {
    files.write('customers.csv', 'customer,cidr\nacme,145.1.0.0/16\n');
    files.write('c2.txt', `${REMOTES.c2}\n${REMOTES.c2OfGroup}\n${REMOTES.c2OfTwo}\n`);
    files.write('country/ir/ipv4-aggregated.txt', '5.160.0.0/16\n');
    await pubsub.create(subscription);
    const uri = `pubsub://${pubsub.subscriptionName(subscription)}`;
    const inputs = [{ uri, timestampAttribute: TIME_ATTRIBUTE }];
    const started = new StreamingJob(files.directory, { ...settings, inputs, streaming });
    job = started;
    await started.start();
    return started;
  }

  const messages: string[] = [];

  /** A message whose earliest record ends at that second; a copy for the run in batch. */
  async function publish(subscription: string, second: number, records: string): Promise<void> {
    const data = CSV_HEADER + records;
    messages.push(records);
    const attributes = { [TIME_ATTRIBUTE]: String(START_MS + second * 1000) };
    await pubsub.publish(subscription, [{ data, attributes }]);
  }

  async function batch(): Promise<ReadonlyMap<string, Finding>> {
    files.write('all.csv', CSV_HEADER + messages.join(''));
    const inputs = [{ uri: 'all.csv' }];
    const name = 'batch';
    const { config } = new StreamingJob(files.directory, { ...settings, inputs }, { name });
    const loaded = await loadConfig(config);
    if (!loaded.ok) throw new Error(loaded.problems.map(formatProblem).join('\n'));
    await runJob(loaded.config, { runner: 'local', nowMs: Date.now() });
    return readFindings(loaded.config.output);
  }

  async function openOf(running: StreamingJob): Promise<readonly string[]> {
    return [...(await running.findings()).values()].map(told).sort();
  }

  async function untilTold(running: StreamingJob, expected: readonly string[]): Promise<void> {
    let last: readonly string[] = [];
    try {
      await until('the findings', async () => {
        last = await openOf(running);
        return JSON.stringify(last) === JSON.stringify([...expected].sort());
      });
    } catch {
      expect(last).to.deep.equal([...expected].sort());
    }
  }

  const { c2, c2OfGroup, c2OfTwo, country, ordinary } = REMOTES;

  it('withdraw what the ports alone had said, and tell what is true', async () => {
    messages.length = 0;
    const running = await start('flips', {
      disorder: '10s',
      allowedLateness: '1h',
      idle: '1d',
      earlyFirings: '1s',
    });
    await publish(
      'flips',
      60,
      middle('145.1.0.5:50001', `${c2}:443`, 60) +
        middle('145.1.0.5:50003', `${country}:443`, 70) +
        middle('145.1.0.9:22', `${c2OfGroup}:50000`, 80) +
        middle('145.1.0.6:50010', `${c2OfTwo}:443`, 90) +
        middle('145.1.0.6:50011', `${c2OfTwo}:443`, 100),
    );
    // The window [0, 300) ends.
    await publish('flips', 400, middle('145.1.0.7:50020', `${ordinary}:443`, 400));
    await untilTold(running, [
      `known-bad-remote client ${c2} 443/tcp 1`,
      `known-bad-remote client ${c2OfTwo} 443/tcp 2`,
      'sanctioned-country client country:IR 443/tcp 1',
      `targeted-by-threat server ${c2OfGroup} 22/tcp 1`,
    ]);
    const before = await running.findings();

    await publish(
      'flips',
      60,
      record(`${c2}:443`, '145.1.0.5:50001', SYN, 59) +
        record(`${country}:443`, '145.1.0.5:50003', SYN, 69) +
        record('145.1.0.9:22', `${c2OfGroup}:50000`, SYN, 79) +
        record(`${c2OfTwo}:443`, '145.1.0.6:50011', SYN, 99),
    );
    const expected = [
      'sanctioned-country server country:IR 50003/tcp 1',
      `known-bad-remote client ${c2OfGroup} 50000/tcp 1`,
      `known-bad-remote client ${c2OfTwo} 443/tcp 1`,
      `targeted-by-threat server ${c2} 50001/tcp 1`,
      `targeted-by-threat server ${c2OfTwo} 50011/tcp 1`,
    ];
    await untilTold(running, expected);
    const after = await running.findings();
    const revisions = await running.revisions();
    for (const finding of before.values()) {
      const own = revisions.filter(({ id }) => id === finding.id);
      const last = own.reduce((a, b) => (b.revision > a.revision ? b : a));
      const staysOpen = finding.indicator === c2OfTwo;
      expect(last.status, told(finding)).to.equal(staysOpen ? 'open' : 'withdrawn');
      expect(last.revision, told(finding)).to.be.above(finding.revision);
      expect(after.has(finding.id), told(finding)).to.equal(staysOpen);
    }
    const two = [...before.values()].find(({ indicator }) => indicator === c2OfTwo);
    const one = after.get(two?.id ?? '');
    expect(one?.bytesOut).to.equal((two?.bytesOut ?? 0) / 2);

    await running.stop();
    await running.drain();
    const found = await running.findings();
    expect([...found.values()].map(told).sort()).to.deep.equal([...expected].sort());
    expect(withoutRevisions(found.values())).to.deep.equal(
      withoutRevisions((await batch()).values()),
    );
    expectRisingRevisions(await running.revisions());
  });

  it('tell nobody twice where a restart lies between', async () => {
    messages.length = 0;
    const running = await start('flips-restart', {
      disorder: '10s',
      allowedLateness: '1h',
      idle: '1d',
      earlyFirings: '1s',
    });
    await publish(
      'flips-restart',
      60,
      middle('145.1.0.9:22', `${c2OfGroup}:50000`, 80) + middle('145.1.0.5:50001', `${c2}:443`, 90),
    );
    await publish('flips-restart', 400, middle('145.1.0.7:50020', `${ordinary}:443`, 400));
    await untilTold(running, [
      `known-bad-remote client ${c2} 443/tcp 1`,
      `targeted-by-threat server ${c2OfGroup} 22/tcp 1`,
    ]);
    await running.stop();
    await running.start();
    await publish(
      'flips-restart',
      60,
      record(`${c2}:443`, '145.1.0.5:50001', SYN, 59) +
        record('145.1.0.9:22', `${c2OfGroup}:50000`, SYN, 79),
    );
    await untilTold(running, [
      `known-bad-remote client ${c2OfGroup} 50000/tcp 1`,
      `targeted-by-threat server ${c2} 50001/tcp 1`,
    ]);
    await running.stop();
    await running.drain();
    expect(withoutRevisions((await running.findings()).values())).to.deep.equal(
      withoutRevisions((await batch()).values()),
    );
    expectRisingRevisions(await running.revisions());
  });

  it('are no reason to wait where one has come: a proven side is told at once', async () => {
    messages.length = 0;
    const running = await start('early', { disorder: '10s', allowedLateness: '1h', idle: '1d' });
    const listed = `${c2}:443`;
    await publish('early', 1, middle('145.1.9.9:50000', listed, 1));
    const sentMs = new Map<string, number>();
    const seenMs = new Map<string, number>();
    const look = async (): Promise<void> => {
      const revisions = await running.revisions();
      const nowMs = performance.now();
      for (const { customerAddress } of revisions) {
        const address = customerAddress ?? '';
        if (sentMs.has(address) && !seenMs.has(address)) seenMs.set(address, nowMs);
      }
    };
    for (let i = 0; i < EARLY; i++) {
      const address = `145.1.1.${i}`;
      const client = `${address}:${40_000 + i}`;
      await publish('early', 2, record(client, listed, SYN, 2) + middle(client, listed, 3));
      sentMs.set(address, performance.now());
      await look();
      await sleep(EARLY_EVERY_MS);
    }
    await until('the early findings', async () => {
      await look();
      return seenMs.size === EARLY;
    });
    const seconds = [...sentMs]
      .map(([address, ms]) => ((seenMs.get(address) ?? NaN) - ms) / 1000)
      .sort((a, b) => a - b);
    const at = (share: number): string => seconds[Math.floor(share * (EARLY - 1))].toFixed(1);
    process.stdout.write(
      `      ${EARLY} findings, from publishing to the line: p50 ${at(0.5)} s, p99 ${at(0.99)} s\n`,
    );
    // The side of the first connection is not proven, and its window is open.
    const early = [...(await running.findings()).values()];
    expect(
      early.every(
        ({ status, orientation }) => status === 'open' && orientation.reason !== 'known-service',
      ),
    ).to.equal(true);
    expect(early.map(({ customerAddress }) => customerAddress)).to.not.include('145.1.9.9');
    expect(early).to.have.length(EARLY);

    await publish('early', 400, middle('145.1.0.7:50020', `${ordinary}:443`, 400));
    await until('the end of the window', async () => (await running.findings()).size === EARLY + 1);
    await running.stop();
    await running.drain();
    expect(withoutRevisions((await running.findings()).values())).to.deep.equal(
      withoutRevisions((await batch()).values()),
    );
  });
});

/** A sink keeps the highest: what is told later must be higher. */
function expectRisingRevisions(revisions: readonly Finding[]): void {
  const highest = new Map<string, number>();
  for (const { id, revision } of revisions) {
    expect(revision, id).to.be.above(highest.get(id) ?? -1);
    highest.set(id, revision);
  }
}
