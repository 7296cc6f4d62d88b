import '../../../beam/prepare.js';
import { expect } from 'chai';
import fc from 'fast-check';
import Long from 'long';
import type { WindowedValue } from 'apache-beam';
import {
  AccumulationMode_Enum,
  ClosingBehavior_Enum,
  OnTimeBehavior_Enum,
  WindowingStrategy,
  type Trigger,
} from 'apache-beam/proto/beam_runner_api';
import { GlobalWindow, IntervalWindow, type PaneInfo } from 'apache-beam/values';
import { jsonCoder, keyedCoder } from '../../../beam/coders.js';
import type { FnContext } from '../../../beam/fn.js';
import { FoldedState, registerFold } from '../../../beam/fold-per-key.js';
import { ONLY_PANE } from '../../../beam/only-pane.js';
import { afterDelay, always, atEndOfWindow, never, repeatedly } from '../../../beam/triggers.js';
import { Commit } from '../../../launch/local/streaming/commit.js';
import {
  WindowGroups,
  type FiredPane,
  type GroupingShape,
} from '../../../launch/local/streaming/window-groups.js';
import { MemoryStore } from './memory-store.js';

/** Panes that are asked for at once. */
const MOST = 2;

/** So heavy that a few make a group compact itself. */
interface Value {
  readonly text: string;
  readonly padding: string;
  /** Texts that a compacted value stands for. */
  readonly texts?: readonly string[];
}

/** Folds made, and times that one was made smaller. */
const made = { folds: 0, compacted: 0 };

for (const compacts of [false, true]) {
  registerFold<null, Value>(
    compacts ? 'test/groups-compact' : 'test/groups-plain',
    () => {
      made.folds++;
      const texts: string[] = [];
      return {
        add: (value) => void texts.push(...(value.texts ?? [value.text])),
        finish: (context) => {
          context.emit('out', [...texts].sort().join(''));
        },
        ...(compacts && {
          compact: (): Value[] => {
            made.compacted++;
            return [{ text: '', padding: '', texts: [...texts] }];
          },
        }),
      };
    },
    ({ text }) => text.length,
  );
}

const SIZE_MS = 10_000;

interface Setting {
  readonly fold?: 'test/groups-compact' | 'test/groups-plain' | undefined;
  readonly trigger?: Trigger;
  readonly latenessMs?: number;
  readonly accumulating?: boolean;
  readonly closing?: 'always' | 'if-nonempty';
  readonly onTime?: 'always' | 'if-nonempty';
  readonly name?: string;
}

const SOON = repeatedly(afterDelay(5000));

function shapeOf({
  fold,
  trigger = atEndOfWindow(SOON, SOON),
  latenessMs = 60_000,
  accumulating = true,
  closing = 'if-nonempty',
  onTime = 'always',
  name = 'step/group',
}: Setting): GroupingShape {
  return {
    name,
    fold: fold === undefined ? undefined : { fold, params: null },
    strategy: WindowingStrategy.create({
      trigger,
      allowedLateness: BigInt(latenessMs),
      accumulationMode: accumulating
        ? AccumulationMode_Enum.ACCUMULATING
        : AccumulationMode_Enum.DISCARDING,
      closingBehavior:
        closing === 'always'
          ? ClosingBehavior_Enum.EMIT_ALWAYS
          : ClosingBehavior_Enum.EMIT_IF_NONEMPTY,
      onTimeBehavior:
        onTime === 'always'
          ? OnTimeBehavior_Enum.FIRE_ALWAYS
          : OnTimeBehavior_Enum.FIRE_IF_NONEMPTY,
    }),
    coder: keyedCoder(jsonCoder),
  };
}

function elementOf(
  key: string,
  window: number | 'global',
  value: Value,
): WindowedValue<{ key: string; value: unknown }> {
  const startMs = window === 'global' ? 0 : window * SIZE_MS;
  return {
    value: { key, value },
    windows: [
      window === 'global'
        ? new GlobalWindow()
        : new IntervalWindow(Long.fromNumber(startMs), Long.fromNumber(startMs + SIZE_MS)),
    ],
    pane: ONLY_PANE,
    timestamp: Long.fromNumber(startMs),
  };
}

/** `key@window text TIMING index`, with what is special of the pane. */
function told({ element, arrivedMs }: FiredPane): string {
  const { key, value } = element.value as { key: string; value: FoldedState | Value[] };
  let text = '';
  if (value instanceof FoldedState) {
    const context = { emit: (_tag: string, out: unknown) => (text = String(out)) };
    void value.fold.finish(context as unknown as FnContext, element.pane);
  } else text = value.map((each) => each.text).join('');
  const [window] = element.windows;
  const from = window instanceof IntervalWindow ? window.start.toNumber() / SIZE_MS : 'all';
  const { timing, index, onTimeIndex, isFirst, isLast }: PaneInfo = element.pane;
  const ends = `${isFirst ? ' first' : ''}${isLast ? ' last' : ''}`;
  const place = `${timing} ${index}/${onTimeIndex}${ends}`;
  return `${key}@${from} ${text} ${place} ${arrivedMs}`;
}

/** A grouping with its store, which may be closed and opened again. */
class Stored {
  readonly store = new MemoryStore();
  readonly #shape: GroupingShape;
  #commit: Commit | undefined;
  #groups: WindowGroups | undefined;
  nowMs = 0;

  constructor(setting: Setting) {
    this.#shape = shapeOf(setting);
  }

  async open(): Promise<void> {
    const { commit, resumed } = await Commit.resume(this.store, {});
    this.#commit = commit;
    const watermarkMs = this.#groups?.watermarkMs ?? -Infinity;
    this.#groups = new WindowGroups(this.#shape, commit);
    for (const { step, id, json } of resumed.groups) {
      expect(step).to.equal(this.#shape.name);
      this.#groups.restore(id, json);
    }
    this.#groups.advance(watermarkMs);
  }

  get groups(): WindowGroups {
    if (this.#groups === undefined) throw new Error('it is not open');
    return this.#groups;
  }

  get commit(): Commit {
    if (this.#commit === undefined) throw new Error('it is not open');
    return this.#commit;
  }

  add(key: string, window: number | 'global', text: string, size = 0): void {
    const value: Value = { text, padding: 'x'.repeat(size) };
    this.groups.add(elementOf(key, window, value), this.nowMs);
  }

  /** All that is due, and a commit. */
  async turn(): Promise<string[]> {
    const panes: string[] = [];
    for (let before = -1; before < panes.length;) {
      before = panes.length;
      for await (const fired of this.groups.fire(this.nowMs, MOST)) {
        expect(fired.length).to.be.at.most(MOST);
        panes.push(...fired.map(told));
      }
    }
    this.groups.flush();
    await this.commit.write();
    return panes;
  }

  /** Keys of groups and of values. */
  get kept(): readonly string[] {
    return this.store.keys.filter((key) => /^[gv]\//.test(key));
  }
}

async function opened(setting: Setting): Promise<Stored> {
  const stored = new Stored(setting);
  await stored.open();
  return stored;
}

/** What may go wrong between key and store. */
const KEYS = [
  'k',
  '',
  '/',
  'a/b//c',
  '0/10000/k',
  '/k',
  '\u0000',
  'a\u0000/\n',
  '\u{1f600}\u{1f468}\u200d\u{1f469}',
  '__proto__',
  '\uffff',
  'x'.repeat(100_000),
] as const;

describe('window groups', () => {
  it('keeps apart keys of any text, and leaves nothing behind when windows close', async () => {
    const stored = await opened({ fold: 'test/groups-plain' });
    for (const key of KEYS) {
      for (const window of [0, 1, 'global'] as const) stored.add(key, window, `<${window}>`);
    }
    await stored.turn();
    await stored.open();
    for (const key of KEYS) stored.add(key, 0, '!');
    expect(stored.groups.size).to.equal(KEYS.length * 3);
    stored.groups.advance(10_000);
    const sorted = [...KEYS].sort();
    expect(await stored.turn()).to.deep.equal(
      sorted.map((key) => `${key}@0 !<0> ON_TIME 0/0 first 0`),
    );
    stored.groups.advance(Infinity);
    const panes = await stored.turn();
    expect(panes).to.deep.equal([
      ...sorted.map((key) => `${key}@1 <1> ON_TIME 0/0 first last 0`),
      ...sorted.map((key) => `${key}@all <global> ON_TIME 0/0 first last 0`),
    ]);
    expect(stored.groups.size).to.equal(0);
    expect(stored.kept).to.deep.equal([]);
  });

  const folds = ['test/groups-compact', 'test/groups-plain', undefined] as const;
  for (const fold of folds) {
    const name = fold ?? 'without a fold';

    it(`${name}: a window that grows keeps in the store what it must`, async () => {
      const stored = await opened({ fold });
      const before = made.compacted;
      let expected = '';
      for (let i = 0; i < 20; i++) {
        const text = String.fromCharCode(97 + i);
        expected += text;
        stored.add('k', 0, text, 100_000);
        stored.nowMs += 5000;
        expect(await stored.turn()).to.deep.equal([
          `k@0 ${expected} EARLY ${i}/-1${i === 0 ? ' first' : ''} ${stored.nowMs - 5000}`,
        ]);
        // Now and then it begins again from what is stored.
        if (i % 7 === 6) await stored.open();
      }
      const bytes = await stored.store.size();
      if (fold === 'test/groups-compact') {
        expect(made.compacted - before).to.be.within(3, 10);
        expect(bytes).to.be.below(500_000);
      } else expect(bytes).to.be.above(2_000_000);
      stored.groups.advance(10_000);
      expect(await stored.turn()).to.deep.equal([`k@0 ${expected} ON_TIME 20/0 ${stored.nowMs}`]);
      stored.add('k', 0, 'z');
      stored.groups.advance(70_000);
      const late = `k@0 ${expected}z LATE 21/1 last ${stored.nowMs}`;
      expect(await stored.turn()).to.deep.equal([late]);
      expect(stored.kept).to.deep.equal([]);
    });
  }

  it('does not compact what has hardly grown since', async () => {
    const stored = await opened({ fold: 'test/groups-compact' });
    const before = made.compacted;
    // What is compacted is as large as it was: four times as much must come.
    const texts = 'y'.repeat(300_000);
    stored.add('k', 0, texts);
    for (let i = 0; i < 20; i++) {
      stored.nowMs += 5000;
      await stored.turn();
      stored.add('k', 0, 'a', 10_000);
    }
    expect(made.compacted - before).to.equal(1);
  });

  it('lets go of folds once the window has ended, and makes them again when they are asked', async () => {
    const stored = await opened({ fold: 'test/groups-plain' });
    const before = made.folds;
    stored.add('k', 0, 'a');
    stored.groups.advance(10_000);
    await stored.turn();
    stored.add('k', 0, 'b');
    stored.add('k', 0, 'c');
    stored.nowMs = 5000;
    expect(await stored.turn()).to.deep.equal(['k@0 abc LATE 1/1 0']);
    expect(made.folds - before).to.equal(2);
  });

  it('makes no more of them at once than it hands out', async () => {
    const stored = await opened({ fold: 'test/groups-plain' });
    const keys = ['a', 'b', 'c', 'd', 'e'];
    for (const key of keys) stored.add(key, 0, 'x');
    stored.groups.advance(10_000);
    await stored.turn();
    for (const key of keys) stored.add(key, 0, 'y');
    stored.nowMs = 5000;
    const before = made.folds;
    const bundles: number[] = [];
    for await (const { length } of stored.groups.fire(stored.nowMs, MOST)) {
      bundles.push(length);
      expect(made.folds - before).to.equal(bundles.reduce((sum, n) => sum + n));
    }
    expect(bundles).to.deep.equal([2, 2, 1]);
  });

  it('counts what comes too late by what it stands for, once its window has closed', async () => {
    const stored = await opened({ fold: 'test/groups-plain' });
    stored.add('k', 0, 'a');
    stored.groups.advance(69_999);
    await stored.turn();
    stored.add('k', 0, 'b');
    stored.add('other', 0, 'c');
    stored.groups.advance(70_000);
    expect(await stored.turn()).to.deep.equal([
      'k@0 ab LATE 1/1 last 0',
      'other@0 c LATE 0/0 first last 0',
    ]);
    stored.add('k', 0, 'four');
    stored.add('new', 0, 'sixsix');
    stored.add('k', 7, 'in time');
    expect(await stored.turn()).to.deep.equal([]);
    expect(stored.commit.counters.get('dropped/late/step/group')).to.equal(10);
    expect(stored.groups.size).to.equal(1);
    await stored.open();
    expect(stored.commit.counters.get('dropped/late/step/group')).to.equal(10);
  });

  it('drops and counts what comes to a window that its trigger has finished with', async () => {
    const stored = await opened({
      fold: 'test/groups-plain',
      trigger: atEndOfWindow(undefined, undefined),
      closing: 'always',
    });
    stored.add('k', 0, 'a');
    stored.groups.advance(10_000);
    expect(await stored.turn()).to.deep.equal(['k@0 a ON_TIME 0/0 first last 0']);
    // The values are gone, the group stays to be known.
    expect(stored.kept.length).to.equal(1);
    stored.add('k', 0, 'bc');
    await stored.turn();
    await stored.open();
    stored.add('k', 0, 'd');
    stored.groups.advance(70_000);
    expect(await stored.turn()).to.deep.equal([]);
    expect(stored.commit.counters.get('dropped/finished/step/group')).to.equal(3);
    expect(stored.kept).to.deep.equal([]);
  });

  it('finishes a window at the time its trigger waits for, though nothing new came', async () => {
    const stored = await opened({
      fold: 'test/groups-plain',
      trigger: {
        trigger: {
          oneofKind: 'orFinally',
          orFinally: { main: always(), finally: afterDelay(10_000) },
        },
      },
    });
    stored.add('k', 0, 'a');
    expect(await stored.turn()).to.deep.equal(['k@0 a EARLY 0/-1 first 0']);
    await stored.open();
    expect(stored.groups.nextMs(0)).to.equal(10_000);
    stored.nowMs = 10_000;
    expect(await stored.turn()).to.deep.equal([]);
    stored.add('k', 0, 'b');
    expect(await stored.turn()).to.deep.equal([]);
    expect(stored.commit.counters.get('dropped/finished/step/group')).to.equal(1);
  });

  const panes: readonly {
    readonly name: string;
    readonly setting: Setting;
    readonly early: readonly string[];
    readonly ended: readonly string[];
    readonly late: readonly string[];
    readonly closed: readonly string[];
  }[] = [
    {
      name: 'accumulating',
      setting: {},
      early: ['k@0 ab EARLY 0/-1 first 0'],
      ended: ['k@0 ab ON_TIME 1/0 6000'],
      late: ['k@0 abc LATE 2/1 6000'],
      closed: [],
    },
    {
      name: 'discarding',
      setting: { accumulating: false },
      early: ['k@0 ab EARLY 0/-1 first 0'],
      ended: ['k@0  ON_TIME 1/0 6000'],
      late: ['k@0 c LATE 2/1 6000'],
      closed: [],
    },
    {
      name: 'accumulating, on time only if there is something',
      setting: { onTime: 'if-nonempty' },
      early: ['k@0 ab EARLY 0/-1 first 0'],
      ended: [],
      late: ['k@0 abc LATE 1/0 6000'],
      closed: [],
    },
    {
      name: 'accumulating, closing always',
      setting: { closing: 'always' },
      early: ['k@0 ab EARLY 0/-1 first 0'],
      ended: ['k@0 ab ON_TIME 1/0 6000'],
      late: ['k@0 abc LATE 2/1 6000'],
      closed: ['k@0 abc LATE 3/2 last 11000'],
    },
    {
      name: 'discarding, closing always',
      setting: { accumulating: false, closing: 'always' },
      early: ['k@0 ab EARLY 0/-1 first 0'],
      ended: ['k@0  ON_TIME 1/0 6000'],
      late: ['k@0 c LATE 2/1 6000'],
      closed: ['k@0  LATE 3/2 last 11000'],
    },
    {
      name: 'never before it closes',
      setting: { trigger: never() },
      early: [],
      ended: [],
      late: [],
      closed: ['k@0 abc ON_TIME 0/0 first last 0'],
    },
  ];
  for (const { name, setting, early, ended, late, closed } of panes) {
    for (const fold of ['test/groups-plain', undefined] as const) {
      for (const restarts of [false, true]) {
        const how = `${fold ?? 'without a fold'}${restarts ? ', restarted at every step' : ''}`;
        it(`${name} (${how})`, async () => {
          const stored = await opened({ ...setting, fold });
          const turn = async (): Promise<string[]> => {
            if (restarts) {
              stored.groups.flush();
              await stored.commit.write();
              await stored.open();
            }
            return stored.turn();
          };
          stored.add('k', 0, 'a');
          stored.nowMs = 1000;
          stored.add('k', 0, 'b');
          expect(await turn()).to.deep.equal([]);
          stored.nowMs = 6000;
          expect(await turn()).to.deep.equal(early);
          stored.groups.advance(10_000);
          expect(await turn()).to.deep.equal(ended);
          stored.add('k', 0, 'c');
          stored.nowMs = 11_000;
          expect(await turn()).to.deep.equal(late);
          stored.groups.advance(70_000);
          expect(await turn()).to.deep.equal(closed);
          expect(stored.kept).to.deep.equal([]);
        });
      }
    }
  }

  it('names the time at which the first of its groups may fire by itself', async () => {
    const stored = await opened({ fold: 'test/groups-plain' });
    expect(stored.groups.nextMs(0)).to.equal(Infinity);
    stored.nowMs = 2000;
    stored.add('b', 0, 'b');
    stored.nowMs = 1000;
    stored.add('a', 0, 'a');
    expect(stored.groups.nextMs(1000)).to.equal(6000);
    expect(stored.groups.nextMs(6000)).to.equal(7000);
    stored.nowMs = 7000;
    await stored.turn();
    expect(stored.groups.nextMs(7000)).to.equal(Infinity);
  });

  it('never moves its watermark back', async () => {
    const stored = await opened({});
    stored.groups.advance(10);
    stored.groups.advance(5);
    expect(stored.groups.watermarkMs).to.equal(10);
  });

  it('copies what it takes in: whoever sent it may go on changing it', async () => {
    const stored = await opened({});
    const value = { text: 'a', padding: '' };
    stored.groups.add(elementOf('k', 0, value), 0);
    value.text = 'changed';
    stored.groups.advance(10_000);
    expect(await stored.turn()).to.deep.equal(['k@0 a ON_TIME 0/0 first 0']);
  });

  it('refuses retracting panes', () => {
    const shape = shapeOf({});
    shape.strategy.accumulationMode = AccumulationMode_Enum.RETRACTING;
    expect(() => new WindowGroups(shape, null as never)).to.throw(/retracting/);
  });

  /** Steps of a random life. */
  const step = fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({
        kind: fc.constant('add' as const),
        key: fc.constantFrom('a', 'a/b', '\u0000'),
        window: fc.constantFrom(0, 1, 2, 'global' as const),
        size: fc.constantFrom(0, 0, 100_000),
      }),
    },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('time' as const), ms: fc.nat(8000) }) },
    {
      weight: 2,
      arbitrary: fc.record({ kind: fc.constant('watermark' as const), ms: fc.nat(15_000) }),
    },
    { weight: 3, arbitrary: fc.constant({ kind: 'turn' as const }) },
  );
  const settings = fc.record({
    fold: fc.constantFrom(...folds),
    accumulating: fc.boolean(),
    closing: fc.constantFrom('always' as const, 'if-nonempty' as const),
    onTime: fc.constantFrom('always' as const, 'if-nonempty' as const),
    latenessMs: fc.constantFrom(0, 12_000),
    trigger: fc.constantFrom(
      atEndOfWindow(SOON, SOON),
      atEndOfWindow(undefined, SOON),
      atEndOfWindow(SOON, undefined),
      SOON,
      always(),
      afterDelay(3000),
      never(),
    ),
  });

  it('tells the same whether it was stored and restored at every turn or never', async () => {
    await fc.assert(
      fc.asyncProperty(
        settings,
        fc.array(step, { minLength: 5, maxLength: 40 }),
        async (setting, steps) => {
          const live = async (restarts: boolean): Promise<[string[], unknown]> => {
            const stored = await opened(setting);
            const panes: string[] = [];
            let texts = 0;
            let watermarkMs = 0;
            for (const each of steps) {
              if (each.kind === 'add') {
                const { key, window, size } = each;
                stored.add(key, window, `${texts++},`, size);
              } else if (each.kind === 'time') stored.nowMs += each.ms;
              else if (each.kind === 'watermark') {
                stored.groups.advance((watermarkMs += each.ms));
                panes.push(...(await stored.turn()));
              } else {
                panes.push(...(await stored.turn()));
                if (restarts) await stored.open();
              }
            }
            stored.groups.advance(Infinity);
            panes.push(...(await stored.turn()));
            expect(stored.kept).to.deep.equal([]);
            expect(stored.groups.size).to.equal(0);
            return [panes, [...stored.commit.counters]];
          };
          expect(await live(true)).to.deep.equal(await live(false));
        },
      ),
      { numRuns: 150 },
    );
  });
});
