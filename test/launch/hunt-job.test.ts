import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import {
  LateIndicators,
  type HuntOptions,
  type HuntReport,
  type LateIndicatorsOptions,
} from '../../launch/hunt-job.js';
import { readFindings } from '../../launch/findings-file.js';
import type { Config } from '../../launch/config/config.js';
import type { ManifestRef } from '../../reference/snapshot.js';
import { closeSinks } from '../../transforms/write/open-sinks.js';
import { ArchivedNetwork } from '../transforms/archived-network.js';

const REPORT: HuntReport = {
  windows: 1,
  batches: 1,
  conversations: 1,
  damaged: {},
  prunedMeanwhile: 0,
  findings: {},
  told: 0,
  hidden: {},
  seconds: 0,
};

describe('late indicators', function () {
  this.timeout(120_000);
  const network = new ArchivedNetwork();
  const opened: LateIndicators[] = [];
  let config: Config;
  /** Three versions of the feeds. */
  let versions: readonly ManifestRef[];
  /** `before>reference` of each hunt that began. */
  let hunts: string[];
  let messages: string[];
  /** What the next hunts do; without more they end at once. */
  let acts: (() => Promise<void>)[];

  beforeEach(async () => {
    network.generate();
    config = await network.config();
    const compiled: ManifestRef[] = [];
    for (const entry of ['203.0.113.201', '203.0.113.202', '203.0.113.203']) {
      writeFileSync(network.files.path('c2.txt'), `${entry}\n`);
      compiled.push(await network.compile());
    }
    versions = compiled;
    hunts = [];
    messages = [];
    acts = [];
  });

  afterEach(async () => {
    for (const each of opened.splice(0)) await each.close();
    await closeSinks();
  });

  function nameOf(ref: ManifestRef | null): string {
    return ref === null ? '-' : 'ABC'[versions.findIndex(({ version }) => version === ref.version)];
  }

  function start(given: Partial<LateIndicatorsOptions> = {}): LateIndicators {
    const log = (level: string) => (_fields: unknown, message: string) =>
      void messages.push(`${level}: ${message}`);
    const late = new LateIndicators({
      config,
      archive: { directory: network.archive },
      sinks: [],
      log: { info: log('info'), warn: log('warn'), error: log('error') } as never,
      settleMs: 0,
      hunt: async ({ before, reference }: HuntOptions) => {
        hunts.push(`${nameOf(before)}>${nameOf(reference)}`);
        await acts.shift()?.();
        return REPORT;
      },
      ...given,
    });
    opened.push(late);
    return late;
  }

  /** So that the archive is not empty. */
  function archiveSomething(): void {
    mkdirSync(join(network.archive, '2026-01-01'), { recursive: true });
  }

  async function until(condition: () => boolean): Promise<void> {
    while (!condition()) await sleep(5);
  }

  it('hunt with each new snapshot for what the one before did not give', async () => {
    const [a, b, c] = versions;
    const late = start();
    late.onReference(a);
    await late.idle();
    expect(hunts, 'nothing is archived yet').to.deep.equal([]);
    archiveSomething();
    for (const reference of [a, b, b, c]) {
      late.onReference(reference);
      await late.idle();
    }
    expect(hunts).to.deep.equal(['A>B', 'B>C']);
  });

  it('hunt for several that come meanwhile together', async () => {
    const [a, b, c] = versions;
    const late = start();
    late.onReference(a);
    await late.idle();
    archiveSomething();
    let release = (): void => undefined;
    acts.push(() => new Promise<void>((resolve) => (release = resolve)));
    late.onReference(b);
    await until(() => hunts.length === 1);
    late.onReference(a);
    late.onReference(c);
    release();
    await late.idle();
    expect(hunts).to.deep.equal(['A>B', 'B>C']);
  });

  it('after a restart hunt for what was missed', async () => {
    const [a, b, c] = versions;
    const first = start();
    first.onReference(a);
    await first.idle();
    await first.close();
    archiveSomething();
    first.onReference(b);
    await first.idle();
    expect(hunts, 'it is closed').to.deep.equal([]);
    const second = start();
    second.onReference(c);
    await second.idle();
    expect(hunts).to.deep.equal(['A>C']);
    const third = start();
    third.onReference(c);
    await third.idle();
    expect(hunts.length).to.equal(1);
  });

  it('make up for a hunt that failed with the next', async () => {
    const [a, b, c] = versions;
    const late = start();
    late.onReference(a);
    await late.idle();
    archiveSomething();
    acts.push(() => Promise.reject(new Error('no space left')));
    late.onReference(b);
    await late.idle();
    expect(messages).to.include('error: the hunt for late indicators failed');
    late.onReference(c);
    await late.idle();
    expect(hunts).to.deep.equal(['A>B', 'A>C']);
  });

  it('stop a hunt that is under way, and hunt again at the next start', async () => {
    const [a, b] = versions;
    const hunt = async ({ signal }: HuntOptions): Promise<HuntReport> => {
      hunts.push('begun');
      await sleep(60_000, undefined, signal === undefined ? {} : { signal });
      return REPORT;
    };
    const first = start({ hunt });
    first.onReference(a);
    await first.idle();
    archiveSomething();
    first.onReference(b);
    await until(() => hunts.length === 1);
    await first.close();
    expect(messages.filter((message) => message.startsWith('error'))).to.deep.equal([]);
    const waiting = start({ settleMs: 60_000 });
    waiting.onReference(b);
    await waiting.close();
    const second = start();
    second.onReference(b);
    await second.idle();
    expect(hunts).to.deep.equal(['begun', 'A>B']);
  });

  it('tell all where it is not known, or not there any more, what was hunted with', async () => {
    const [a, b, c] = versions;
    const first = start();
    first.onReference(a);
    await first.idle();
    archiveSomething();
    const memory = join(network.archive, 'hunted');
    expect(readFileSync(memory, 'utf8')).to.equal(`${a.version}\n`);
    for (const damaged of ['', a.version, `${a.version.slice(1)}\n`, '../../etc/passwd\n']) {
      writeFileSync(memory, damaged);
      const late = start();
      late.onReference(b);
      await late.idle();
    }
    expect(hunts.splice(0)).to.deep.equal(['->B', '->B', '->B', '->B']);
    rmSync(join(b.directory, b.version), { recursive: true });
    const late = start();
    late.onReference(c);
    await late.idle();
    expect(hunts).to.deep.equal(['->C']);
    expect(messages.some((message) => message.startsWith('warn'))).to.equal(true);
  });

  it('go by the suppressions as their file says now, if it is sound', async () => {
    const [a, b, c] = versions;
    const seen: string[] = [];
    const path = network.files.path('suppressions.yaml');
    const late = start({
      config: { ...config, suppressions: [], suppressionsPath: path },
      hunt: ({ config: { suppressions } }) => {
        seen.push(suppressions.map(({ id }) => id).join());
        return Promise.resolve(REPORT);
      },
    });
    late.onReference(a);
    await late.idle();
    archiveSomething();
    writeFileSync(path, '- { id: quiet, customer: acme, reason: test, owner: test }\n');
    late.onReference(b);
    await late.idle();
    writeFileSync(path, '- { id: half, customer: ac');
    late.onReference(c);
    await late.idle();
    expect(seen).to.deep.equal(['quiet', 'quiet']);
  });

  it('find, for real, what was listed after it was archived', async () => {
    network.generate();
    const { reference: before, restore } = await network.compileThinned();
    const sinks = [{ kind: 'files', directory: network.files.path('told') }] as const;
    const { hunt: _, ...real } = {
      config,
      archive: { directory: network.archive },
      sinks,
      settleMs: 0,
      hunt: undefined,
    };
    const log = {
      info: () => undefined,
      warn: () => undefined,
      error: (error: unknown) => void messages.push(JSON.stringify(error)),
    };
    const late = new LateIndicators({ ...real, log: log as never });
    opened.push(late);
    late.onReference(before);
    await late.idle();
    await network.archiveFlows(before);
    late.onReference(await restore());
    await late.idle();
    await closeSinks();
    expect(messages).to.deep.equal([]);
    const found = [...(await readFindings(network.files.path('told'))).values()];
    expect(found.length).to.be.above(3);
    expect(found.every(({ retro }) => retro === true)).to.equal(true);
  });
});
