import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { openLevelStore } from '../../../launch/local/state/level-store.js';
import type { StateStore } from '../../../launch/local/state/state-store.js';
import { CutOff, CutStore, type Cut } from './cut-store.js';
import { MemoryStore } from './memory-store.js';
import {
  LATENESS_MS,
  RestartedJob,
  WHOLE_WINDOW_MS,
  WINDOW_MS,
  type Memory,
  type Step,
} from './restarted-job.js';

const HISTORIES = Number(process.env['FLOWSIEVE_HISTORIES'] ?? 320);
/** Of them, those on a real disk. */
const ON_DISK = HISTORIES / 8;
/** Histories wait for timers most of the time. */
const AT_ONCE = 40;

/** How a life ends, and at its which commit; `sink` counts panes, `stop` is an orderly end. */
interface Life {
  readonly cut: Cut | 'sink' | 'stop';
  readonly at: number;
}

interface History {
  readonly memory: Memory;
  readonly steps: readonly Step[];
  readonly lives: readonly Life[];
}

interface Draft {
  readonly kind: 'elements' | 'settle' | 'watermark';
  readonly keys: readonly number[];
  readonly times: readonly number[];
  readonly aheadMs: number;
}

const draft: fc.Arbitrary<Draft> = fc.record({
  kind: fc.constantFrom('elements', 'elements', 'settle', 'watermark'),
  keys: fc.array(fc.nat(2), { minLength: 4, maxLength: 4 }),
  times: fc.array(fc.integer({ min: -45_000, max: 40_000 }), { minLength: 1, maxLength: 4 }),
  aheadMs: fc.integer({ min: 1, max: 35_000 }),
});

/** Times are about the watermark, some too late, and all texts differ. */
function stepsOf(drafts: readonly Draft[]): Step[] {
  let watermarkMs = 100_000;
  let text = 0;
  return drafts.map(({ kind, keys, times, aheadMs }): Step => {
    if (kind === 'settle') return { kind };
    if (kind === 'watermark') return { kind, ms: (watermarkMs += aheadMs) };
    const elements = times.map((timeMs, i) => ({
      key: `k${keys[i]}`,
      timeMs: watermarkMs + timeMs,
      text: `t${text++}`,
    }));
    return { kind, elements };
  });
}

const history: fc.Arbitrary<History> = fc.record({
  memory: fc.constantFrom<Memory>('replays', 'checkpoints'),
  steps: fc.array(draft, { minLength: 3, maxLength: 14 }).map(stepsOf),
  lives: fc.array(
    fc.record({
      cut: fc.constantFrom<Life['cut']>('before', 'after', 'fails', 'sink', 'stop'),
      at: fc.integer({ min: 1, max: 7 }),
    }),
    { minLength: 1, maxLength: 5 },
  ),
});

/** By key and window, what must be told in the end; and how many elements come too late. */
function expected(steps: readonly Step[]): {
  content: Record<string, readonly string[]>;
  late: number;
} {
  const content = new Map<string, string[]>();
  const put = (key: string, timeMs: number, text: string): void => {
    const place = `${key} ${Math.floor(timeMs / WHOLE_WINDOW_MS) * WHOLE_WINDOW_MS}`;
    content.set(place, [...(content.get(place) ?? []), text].sort());
  };
  let watermarkMs = -Infinity;
  let late = 0;
  for (const step of steps) {
    if (step.kind === 'settle') continue;
    if (step.kind === 'watermark') {
      watermarkMs = step.ms;
      put('mark', 1e12, String(step.ms));
      continue;
    }
    for (const { key, timeMs, text } of step.elements) {
      const endMs = (Math.floor(timeMs / WINDOW_MS) + 1) * WINDOW_MS;
      if (endMs + LATENESS_MS <= watermarkMs) late++;
      else put(key, timeMs, text);
    }
  }
  const sorted = [...content].sort(([a], [b]) => (a < b ? -1 : 1));
  return { content: Object.fromEntries(sorted), late };
}

/** Lives through a history; gives the number of cuts that came to pass. */
async function live(
  { memory, steps, lives }: History,
  open: () => Promise<StateStore>,
): Promise<number> {
  const job = new RestartedJob(memory, steps);
  const owners = new Map<string, string>();
  let cuts = 0;
  for (const { cut, at } of lives) {
    const inner = await open();
    const inStore = cut === 'sink' || cut === 'stop' ? undefined : cut;
    const store = new CutStore(inner, owners, inStore, at);
    job.failAfter = cut === 'sink' ? at : Infinity;
    const run = job.run(store, {
      onStart: (started) => {
        if (cut === 'stop') setTimeout(() => started.stop(), 20 * at);
      },
    });
    try {
      await Promise.race([run, store.died]);
    } catch (error) {
      const known = error instanceof CutOff || (error as Error).message.includes('cut: ');
      if (!known) throw error;
      cuts++;
    }
    await inner.close();
  }
  job.failAfter = Infinity;
  const inner = await open();
  const counters = await job.run(new CutStore(inner, owners));
  const keys: string[] = [];
  for await (const [key] of inner.entries('')) keys.push(key);
  await inner.close();

  const { content, late } = expected(steps);
  const told = job.content();
  for (const place of new Set([...Object.keys(content), ...Object.keys(told)])) {
    expect(told[place], place).to.deep.equal(content[place]);
  }
  const dropped = counters.get('dropped/late/gather/group') ?? 0;
  // What was dropped may come again where its acknowledgement was lost.
  if (memory === 'checkpoints') expect(dropped, 'too late').to.equal(late);
  else expect(dropped, 'too late').to.be.at.least(late);
  const stale = keys.filter((key) => !/^(?:meta\/|[wx]\/source$|c\/source\/next$)/.test(key));
  expect(stale, 'keys that are left').to.deep.equal([]);
  return cuts;
}

/** Lives through many histories; what fails is told with its history. */
async function liveAll(
  histories: readonly History[],
  opener: (number: number) => () => Promise<StateStore>,
): Promise<number> {
  let cuts = 0;
  for (let from = 0; from < histories.length; from += AT_ONCE) {
    const some = histories.slice(from, from + AT_ONCE);
    const results = await Promise.all(
      some.map(async (each, i) => {
        try {
          return await live(each, opener(from + i));
        } catch (error) {
          throw new Error(`${(error as Error).message} in ${JSON.stringify(each)}`, {
            cause: error,
          });
        }
      }),
    );
    cuts += results.reduce((sum, each) => sum + each, 0);
  }
  return cuts;
}

describe('a streaming job that is cut off and started again', function () {
  this.timeout(600_000);

  it('loses nothing, doubles nothing and leaves nothing behind', async () => {
    const histories = fc.sample(history, HISTORIES - ON_DISK);
    const cuts = await liveAll(histories, () => {
      const store = new MemoryStore();
      return () => Promise.resolve(store);
    });
    expect(cuts).to.be.above(histories.length / 2);
  });

  it('nor on a disk', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'flowsieve-test-'));
    try {
      const histories = fc.sample(history, ON_DISK);
      const cuts = await liveAll(
        histories,
        (number) => () => openLevelStore(join(directory, String(number))),
      );
      expect(cuts).to.be.above(histories.length / 2);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });

  it('goes on after a commit that failed', async () => {
    const store = new MemoryStore();
    const commit = store.commit.bind(store);
    let failures = 1;
    store.commit = async (changes): Promise<void> => {
      if (failures-- > 0) throw new Error('disk is full');
      await commit(changes);
    };
    const job = new RestartedJob('replays', [{ kind: 'elements', elements: [early] }]);
    await job.run(store, { stopsWhereCommitFails: false });
    expect(job.content()).to.deep.equal({ 'k 0': ['early'] });
    expect(job.acknowledged.size).to.equal(1);
  });

  const early = { key: 'k', timeMs: 1000, text: 'early' };
  const late = { key: 'k', timeMs: 2000, text: 'too late' };

  for (const memory of ['replays', 'checkpoints'] as const) {
    it(`keeps what is too late too late: the source ${memory}`, async () => {
      const store = new MemoryStore();
      const steps: Step[] = [
        { kind: 'elements', elements: [early] },
        { kind: 'watermark', ms: 100_000 },
        { kind: 'elements', elements: [late] },
      ];
      const cut = new CutStore(store, new Map(), 'before', 3);
      const job = new RestartedJob(memory, steps);
      const outcome = await Promise.race([job.run(cut), cut.died]).catch((error: unknown) => error);
      expect(outcome).to.be.instanceOf(CutOff);
      const counters = await job.run(store);
      expect(counters.get('dropped/late/gather/group')).to.equal(1);
      expect(job.content()).to.deep.equal({ 'k 0': ['early'], 'mark 999999960000': ['100000'] });
    });
  }
});
