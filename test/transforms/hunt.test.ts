import { readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { filterById } from '../../filters/filters.js';
import { readFindings } from '../../launch/findings-file.js';
import { runHunt, type HuntOptions, type HuntReport } from '../../launch/hunt-job.js';
import { runJob } from '../../launch/run-job.js';
import type { Finding } from '../../pipeline/finding.js';
import type { ManifestRef } from '../../reference/snapshot.js';
import { archivedDays, archivedFiles } from '../../transforms/archive/archive-listing.js';
import { closeSinks } from '../../transforms/write/open-sinks.js';
import { ArchivedNetwork } from './archived-network.js';

const NOW_MS = Date.UTC(2026, 0, 1);

describe('a hunt', function () {
  this.timeout(300_000);
  const network = new ArchivedNetwork();
  afterEach(closeSinks);

  async function hunt(
    reference: ManifestRef,
    before: ManifestRef | null,
    given: Partial<HuntOptions> & { readonly output?: string } = {},
  ): Promise<{ report: HuntReport; found: ReadonlyMap<string, Finding> }> {
    const { output = 'hunted', ...options } = given;
    const directory = network.files.path(output);
    const report = await runHunt({
      config: await network.config(),
      archive: network.archive,
      sinceMs: 0,
      untilMs: Number.MAX_SAFE_INTEGER,
      before,
      reference,
      sinks: [{ kind: 'files', directory }],
      nowMs: NOW_MS,
      ...options,
    });
    await closeSinks();
    const told = report.told > 0 ? await readFindings(directory) : new Map<string, Finding>();
    return { report, found: told };
  }

  /** What a batch run with the feeds as they are finds by single conversations, by id. */
  async function batchFindings(output: string): Promise<ReadonlyMap<string, Finding>> {
    const config = { ...(await network.config()), output: network.files.path(output) };
    await runJob(config, { runner: 'local', nowMs: NOW_MS });
    const all = await readFindings(config.output);
    return new Map(
      [...all].filter(([, { filter }]) => filterById(filter).shape === 'conversation'),
    );
  }

  function retro(finding: Finding): Finding {
    return { ...finding, retro: true };
  }

  async function archivedPaths(): Promise<readonly string[]> {
    const days = await archivedDays(network.archive);
    const files = await Promise.all(days.map((day) => archivedFiles(network.archive, day)));
    return files.flat().map(({ day, file }) => join(network.archive, day, file));
  }

  it('finds what a run with the new entries finds, and nothing that the old ones told', async () => {
    network.generate();
    const { reference: before, restore } = await network.compileThinned();
    const known = await batchFindings('before');
    await network.archiveFlows(before);
    const reference = await restore();
    const now = await batchFindings('after');

    const late = new Map([...now].filter(([id]) => !known.has(id)));
    expect(late.size).to.be.above(3);
    expect(known.size).to.be.above(3);
    const { report, found } = await hunt(reference, before);
    expect([...found.keys()].sort()).to.deep.equal([...late.keys()].sort());
    for (const [id, finding] of late) expect(found.get(id), id).to.deep.equal(retro(finding));
    expect(report.windows).to.be.above(20);
    expect(report.conversations).to.be.above(1000);
    expect(report.damaged).to.deep.equal({});
    expect(report.told).to.equal(late.size);

    // Without a snapshot before, all is told; again, the sink has it all.
    const all = await hunt(reference, null, { output: 'all' });
    expect([...all.found]).to.deep.equal([...now].map(([id, finding]) => [id, retro(finding)]));
    expect((await hunt(reference, null, { output: 'all' })).report.told).to.equal(0);
    // The same snapshot has nothing that is new.
    const same = await hunt(reference, reference, { output: 'same' });
    expect(same.report.findings).to.deep.equal({});
    // What was taken out of the lists is no news.
    const fewer = await hunt(before, reference, { output: 'fewer' });
    expect([...fewer.found.keys()].filter((id) => known.has(id) && now.has(id))).to.deep.equal([]);

    const [id, finding] = [...late][0];
    const customer = finding.customer;
    const config = await network.config();
    const suppressed = await hunt(reference, before, {
      output: 'suppressed',
      config: {
        ...config,
        suppressions: [
          ...config.suppressions,
          { id: 'quiet', customer, reason: 'test', owner: 'test', expiresMs: null },
          { id: 'over', filter: finding.filter, reason: 'test', owner: 'test', expiresMs: NOW_MS },
        ],
      },
    });
    const left = [...late].filter(([, other]) => other.customer !== customer).map(([key]) => key);
    expect(left).not.to.include(id);
    expect([...suppressed.found.keys()].sort()).to.deep.equal(left.sort());
    expect(suppressed.report.hidden).to.deep.equal({
      ...report.hidden,
      quiet: late.size - left.length,
    });
  });

  it('searches the windows of its span only', async () => {
    network.generate();
    const reference = await network.compile();
    await network.archiveFlows(reference);
    const starts = (await archivedPaths()).map((path) =>
      Number(/(\d+)-\d+-\d-\d+\.con/.exec(path)?.[1]),
    );
    const windows = [...new Set(starts)].sort((a, b) => a - b);
    const sinceMs = windows[3];
    const untilMs = windows[6];
    const { report, found } = await hunt(reference, null, { sinceMs, untilMs });
    expect(report.windows).to.equal(3);
    expect(found.size).to.be.above(0);
    for (const { lastSeen } of found.values()) {
      expect(Date.parse(lastSeen)).to.be.within(sinceMs, untilMs - 1);
    }
    for (const [since, until] of [
      [windows[windows.length - 1] + 1, Number.MAX_SAFE_INTEGER],
      [0, windows[0]],
      [-1e12, 0],
      [Number.MAX_SAFE_INTEGER - 1, Number.MAX_SAFE_INTEGER],
    ] as const) {
      const empty = await hunt(reference, null, { sinceMs: since, untilMs: until });
      expect(empty.report.windows, `${since} to ${until}`).to.equal(0);
    }
    const nowhere = await hunt(reference, null, { archive: network.files.path('none') });
    expect(nowhere.report.batches).to.equal(0);
  });

  it('counts damaged files and goes on', async () => {
    network.generate();
    const reference = await network.compile();
    await network.archiveFlows(reference);
    const paths = await archivedPaths();
    const sound = await hunt(reference, null, { output: 'sound' });
    const turned = readFileSync(paths[0]);
    turned[turned.length - 9] ^= 4;
    writeFileSync(paths[0], turned);
    writeFileSync(paths[1], readFileSync(paths[1]).subarray(0, 20));
    writeFileSync(paths[2], '');
    writeFileSync(paths[3], readFileSync(paths[4]));
    unlinkSync(paths[5]);
    writeFileSync(paths[6], 'FSAR, but no more than its first four bytes and some 50 others');
    const { report } = await hunt(reference, null);
    expect(report.damaged).to.deep.equal({ checksum: 1, layout: 3, misnamed: 1 });
    expect(report.batches).to.equal(sound.report.batches - 6);
  });

  it('stops when it is told to, without a word', async () => {
    network.generate();
    const reference = await network.compile();
    await network.archiveFlows(reference);
    const stop = new AbortController();
    const running = hunt(reference, null, { signal: stop.signal }).then(
      () => 'ended',
      (error: unknown) => (error as Error).message,
    );
    setImmediate(() => stop.abort(new Error('enough')));
    expect(await running).to.equal('enough');
    const before = new AbortController();
    before.abort(new Error('at once'));
    const refused = await hunt(reference, null, { signal: before.signal }).catch(
      (error: unknown) => (error as Error).message,
    );
    expect(refused).to.equal('at once');
  });

  it('lets others have their turn', async () => {
    network.generate();
    const reference = await network.compile();
    await network.archiveFlows(reference);
    let turns = 0;
    let other = setImmediate(function turn() {
      turns++;
      other = setImmediate(turn);
    });
    const { report } = await hunt(reference, null);
    clearImmediate(other);
    expect(report.batches).to.be.above(100);
    expect(turns).to.be.at.least(report.batches);
  });
});
