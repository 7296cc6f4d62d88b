import { cpSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { readFindings } from '../../launch/findings-file.js';
import type { Finding } from '../../pipeline/finding.js';
import { archivedConversations } from './archived-conversations.js';
import { JobDirectory } from './job-directory.js';
import { LiveTraffic } from './live-traffic.js';
import { StreamingJob, until, type Settings } from './streaming-job.js';

/** How many new indicators are published one after the other; 20 for a measurement. */
const REPETITIONS = Number(process.env['FLOWSIEVE_TEST_INDICATORS'] ?? 3);

/** Windows of conversations in that test; the default of the configuration for a measurement. */
const WINDOW = process.env['FLOWSIEVE_TEST_WINDOW'] ?? '10s';

/** A published list on a server of its own. */
class Feed {
  readonly entries: string[] = ['192.0.2.1'];
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((_request, response) => {
      response.end(`# c2\n${this.entries.join('\n')}\n`);
    });
  }

  static async serve(): Promise<Feed> {
    const feed = new Feed();
    feed.#server.listen(0, '127.0.0.1');
    await once(feed.#server, 'listening');
    return feed;
  }

  get url(): string {
    const { port } = this.#server.address() as AddressInfo;
    return `http://127.0.0.1:${port}/c2.txt`;
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

describe('what a running job looks things up in', function () {
  this.timeout(600_000);
  const directory = new JobDirectory();
  let feed: Feed;
  let job: StreamingJob;
  let traffic: LiveTraffic;

  beforeEach(async () => {
    feed = await Feed.serve();
    directory.files.write('customers.csv', 'customer,cidr\nacme,10.0.0.0/8\n');
    directory.files.write('suppressions.yaml', '[]\n');
  });

  afterEach(async () => {
    traffic.end();
    await job.kill();
    feed.close();
  });

  function referenceSettings(): Settings {
    const c2 = { name: 'my-c2', kind: 'tags', category: 'c2', format: 'address-list' };
    return { feeds: [{ ...c2, uri: feed.url, every: '1m' }], snapshot: 'snapshot' };
  }

  function settings(more: Settings = {}): Settings {
    return {
      customers: 'customers.csv',
      reference: referenceSettings(),
      suppressions: 'suppressions.yaml',
      history: false,
      window: '10s',
      ...more,
    };
  }

  async function start(more: Settings = {}, streaming: Settings = {}): Promise<void> {
    job = new StreamingJob(directory.files.directory, {
      ...settings(more),
      inputs: [{ uri: '-', format: 'csv' }],
      streaming: { disorder: '1s', referenceEvery: '1s', ...streaming },
    });
    await publish();
    await job.start();
    traffic = new LiveTraffic(job.child);
    traffic.keepGoing();
  }

  /** `flowsieve reference update`; gives the version, and when it was published, ms since 1970. */
  async function publish(
    ...entries: readonly string[]
  ): Promise<{ version: string; publishedMs: number }> {
    feed.entries.push(...entries);
    const ran = await directory.command('reference', 'update', job.config, '--force');
    expect(ran.code, ran.stderr).to.equal(0);
    const publishedMs = statSync(directory.files.path('snapshot/latest')).mtimeMs;
    return { version: ran.stdout.trim(), publishedMs };
  }

  async function untilInUse(version: string): Promise<void> {
    await until(`version ${version}`, async () => {
      return (await job.metric('flowsieve_reference_info', { version })) === 1;
    });
  }

  async function untilSuppressions(event: string, times: number): Promise<void> {
    await until(`suppressions to be ${event}`, async () => {
      return (await job.metric('flowsieve_suppressions_total', { event })) === times;
    });
  }

  async function findingOf(remote: string): Promise<Finding | undefined> {
    return [...(await job.findings()).values()].find((finding) => finding.remoteAddress === remote);
  }

  async function untilFinding(remote: string): Promise<Finding> {
    let found: Finding | undefined;
    await until(`a finding of ${remote}`, async () => {
      found = await findingOf(remote);
      return found !== undefined;
    });
    if (found === undefined) throw new Error('there is none');
    return found;
  }

  it('a new indicator fires on what comes after it, without a restart', async () => {
    await start(
      { window: WINDOW },
      process.env['FLOWSIEVE_TEST_WINDOW'] === undefined
        ? {}
        : { disorder: '1m', referenceEvery: '5s' },
    );
    const { pid } = job;
    const published = new Map<string, { version: string; publishedMs: number }>();
    const seconds = new Map<string, number>();
    const look = async (): Promise<boolean> => {
      for (const { remoteAddress, retro } of (await job.findings()).values()) {
        const { publishedMs } = published.get(remoteAddress ?? '') ?? {};
        if (publishedMs === undefined || remoteAddress === null || seconds.has(remoteAddress))
          continue;
        expect(retro, remoteAddress).to.equal(undefined);
        seconds.set(remoteAddress, (Date.now() - publishedMs) / 1000);
      }
      return seconds.size === published.size;
    };
    for (let n = 1; n <= REPETITIONS; n++) {
      const remote = `198.51.100.${n}`;
      published.set(remote, await publish(remote));
      traffic.conversation(remote);
      // The next one, which windows and polls do not keep step with.
      const endMs = Date.now() + 6000 + 300 * (n % 7);
      while (Date.now() < endMs) {
        await look();
        await sleep(100);
      }
    }
    await until('all findings', look, 500_000);
    const sorted = [...seconds.values()].sort((a, b) => a - b);
    const told = [0.5, 1].map((q) => sorted[Math.ceil(q * sorted.length) - 1].toFixed(1));
    process.stdout.write(
      `      from publishing to the finding: p50 ${told[0]} s, max ${told[1]} s of ${sorted.length} ` +
        `(${sorted.map((s) => s.toFixed(1)).join(' ')})\n`,
    );
    expect(job.pid).to.equal(pid);
    // In a pane that fires after the next publishing the newer version judges.
    const versions = [...published.values()].map(({ version }) => version);
    for (const [remote, { version }] of published) {
      const told = (await findingOf(remote))?.referenceVersion ?? '';
      expect(versions.indexOf(told), remote).to.be.at.least(versions.indexOf(version));
    }
  });

  it('a damaged snapshot is not taken, and said; sound, it is', async () => {
    await start();
    const { version } = await publish('198.51.100.1');
    await untilInUse(version);
    // A version that comes damaged from elsewhere.
    cpSync(directory.files.path('snapshot'), directory.files.path('beside'), { recursive: true });
    feed.entries.push('198.51.100.2');
    const beside = new StreamingJob(
      directory.files.directory,
      { ...settings(), reference: { ...referenceSettings(), snapshot: 'beside' } },
      { name: 'beside' },
    );
    const next = await directory.command('reference', 'update', beside.config, '--force');
    expect(next.code, next.stderr).to.equal(0);
    const newer = next.stdout.trim();
    const [from, to] = ['beside', 'snapshot'].map((name) =>
      directory.files.path(`${name}/${newer}`),
    );
    cpSync(from, to, { recursive: true });
    const table = readdirSync(to).find((name) => name !== 'manifest.json') ?? '';
    const sound = readFileSync(join(to, table));
    writeFileSync(
      join(to, table),
      sound.map((byte, i) => (i === sound.length >> 1 ? byte ^ 1 : byte)),
    );
    directory.files.write('latest', `${newer}\n`);
    renameSync(directory.files.path('latest'), directory.files.path('snapshot/latest'));
    await until('it to say so', () => job.stderr.includes('the snapshot cannot be used'));
    traffic.conversation('198.51.100.1');
    traffic.conversation('198.51.100.2');
    expect((await untilFinding('198.51.100.1')).referenceVersion).to.equal(version);
    await untilInUse(version);
    expect(await findingOf('198.51.100.2')).to.equal(undefined);

    // Published again it is whole.
    expect((await publish()).version).to.equal(newer);
    await untilInUse(newer);
    traffic.conversation('198.51.100.2');
    expect((await untilFinding('198.51.100.2')).referenceVersion).to.equal(newer);
  });

  it('a suppression that is written while it runs hides what comes after', async () => {
    feed.entries.push('198.51.100.1', '198.51.100.2', '198.51.100.3');
    await start();
    traffic.conversation('198.51.100.1');
    await untilFinding('198.51.100.1');
    const entry = '{ remote: 198.51.100.2, reason: "the red team", owner: "soc" }';
    directory.files.write('suppressions.yaml', `- ${entry}\n`);
    await untilSuppressions('delivered', 2);
    // A slip of the pen does not bring back what was hidden.
    directory.files.write('suppressions.yaml', `- ${entry}\n- { remote: nowhere }\n`);
    await untilSuppressions('unusable', 1);
    await until('it to say so', () => job.stderr.includes('suppressions.yaml cannot be used'));
    traffic.conversation('198.51.100.2');
    traffic.conversation('198.51.100.3');
    await untilFinding('198.51.100.3');
    traffic.end({ close: true });
    const { code, stderr } = await job.ended();
    expect(code, stderr).to.equal(0);
    expect(stderr).to.match(/^hidden +suppression-\w+ +[1-9]/m);
    const remotes = [...(await job.findings()).values()].map(({ remoteAddress }) => remoteAddress);
    expect(remotes.sort()).to.deep.equal(['198.51.100.1', '198.51.100.3']);
  });

  it('an indicator that comes late finds the conversations before it', async () => {
    const remotes = ['198.51.100.1', '198.51.100.2'];
    await start();
    for (const remote of remotes) traffic.conversation(remote);
    const archive = join(job.state, 'archive');
    await until('them in the archive', async () => {
      const archived = await archivedConversations(archive);
      return remotes.every((remote) => archived.some((text) => text.includes(`${remote}:443`)));
    });
    const { version } = await publish(...remotes);
    const found = await Promise.all(remotes.map(untilFinding));
    for (const { retro, referenceVersion } of found) {
      expect(retro).to.equal(true);
      expect(referenceVersion).to.equal(version);
    }
    // By hand, beside the job that runs.
    const hunt = ['hunt', job.config, '--since', '1h'];
    const refused = await directory.command(...hunt);
    expect(refused.code).to.equal(1);
    expect(refused.stderr).to.match(/a job writes to .*: name another directory with --output/);
    const hunted = await directory.command(...hunt, '--output', 'hunted');
    expect(hunted.code, hunted.stderr).to.equal(0);
    const byHand = [...(await readFindings(directory.files.path('hunted'))).values()];
    expect(idsOf(byHand)).to.deep.equal(idsOf(found));
    expect(byHand.every(({ retro }) => retro === true)).to.equal(true);

    traffic.end({ close: true });
    expect((await job.ended()).code).to.equal(0);
    directory.files.write('flows.csv', traffic.text);
    directory.configure({ ...settings(), inputs: [{ uri: 'flows.csv', format: 'csv' }] });
    const batch = await directory.run({ nowMs: Date.now() });
    expect(idsOf(batch.findings)).to.deep.equal(idsOf(found));
    expect(idsOf([...(await job.findings()).values()])).to.deep.equal(idsOf(found));
  });
});

function idsOf(findings: readonly Finding[]): readonly string[] {
  return findings.map(({ id }) => id).sort();
}
