import { expect } from 'chai';
import { jsonCoder, keyedCoder } from '../../beam/coders.js';
import { applyFn, registerFn } from '../../beam/fn.js';
import { foldPerKey, registerFold } from '../../beam/fold-per-key.js';
import { fixedWindowOf, windowInto } from '../../beam/windows.js';
import { LocalRunner } from '../../launch/local/local-runner.js';
import { create, gather, runGraph, RUNNERS, valuesOf, type Graph } from './run-graph.js';

registerFn<null, readonly [string, number, number]>('test/keyed', (_params, context) => ({
  process([key, timestampMs, amount]): void {
    context.emit('out', { key, value: amount }, { timestampMs });
  },
}));
registerFold<string, number>('test/sum', (label, key, window) => {
  let sum = 0;
  let count = 0;
  return {
    add(amount): void {
      sum += amount;
      count++;
    },
    async finish(context): Promise<void> {
      context.count('folds');
      await context.send('sums', { label, key, from: window?.startMs ?? 'global', sum, count });
    },
  };
});

/** Key, time, amount; with a late one, one before 1970, and one on a border. */
const EVENTS = [
  ['a', 0, 1],
  ['b', 1, 2],
  ['a', 59_999, 4],
  ['a', 60_000, 8],
  ['ü', 61_000, 16],
  ['a', 2 ** 41, 32],
  ['b', 0, 64],
] as const;

function graph(sizeMs: number | null): Graph {
  return (start) => {
    const { out } = applyFn(create(start, 'events', EVENTS), {
      name: 'key',
      fn: 'test/keyed',
      params: null,
      outputs: { out: keyedCoder(jsonCoder) },
    });
    const { sums } = foldPerKey(
      windowInto(out, 'windows', sizeMs),
      'sum',
      { fold: 'test/sum', params: 'x' },
      { sums: jsonCoder },
    );
    gather(windowInto(sums, 'leave windows', null));
  };
}

const EXPECTED = [
  ['a', 0, 5, 2],
  ['a', 60_000, 8, 1],
  ['a', Math.floor(2 ** 41 / 60_000) * 60_000, 32, 1],
  ['b', 0, 66, 2],
  ['ü', 60_000, 16, 1],
].map(([key, from, sum, count]) => JSON.stringify({ label: 'x', key, from, sum, count }));

const LOCAL = Object.fromEntries(
  [1, 3, 1000].map((groups) => [
    `local, ${groups}`,
    () => new LocalRunner({ bundleGroups: groups }),
  ]),
);

describe('foldPerKey', () => {
  for (const [name, runner] of Object.entries({ ...RUNNERS, ...LOCAL })) {
    it(`folds by key and window on the ${name} runner`, async () => {
      const { gathered, counters } = await runGraph(runner(), graph(60_000));
      expect(valuesOf(gathered)).to.deep.equal([...EXPECTED].sort());
      expect(new Set(gathered.map(({ window }) => window))).to.deep.equal(new Set(['global']));
      expect(counters['folds']).to.equal(5);
    });

    it(`folds by key in the global window on the ${name} runner`, async () => {
      const { gathered } = await runGraph(runner(), graph(null));
      const sums = gathered.map(
        ({ value }) => value as { key: string; sum: number; from: unknown },
      );
      expect(Object.fromEntries(sums.map(({ key, sum }) => [key, sum]))).to.deep.equal({
        a: 45,
        b: 66,
        ü: 16,
      });
      for (const { from } of sums) expect(from).to.equal('global');
    });
  }
});

describe('windows', () => {
  const cases = [
    [0, 0],
    [299_999, 0],
    [300_000, 300_000],
    [-1, -300_000],
    [Date.UTC(2026, 0, 1), Date.UTC(2026, 0, 1)],
  ] as const;
  for (const [time, startMs] of cases) {
    it(`puts ${time} into the window from ${startMs}`, () => {
      expect(fixedWindowOf(time, 300_000)).to.deep.equal({ startMs, endMs: startMs + 300_000 });
    });
  }

  for (const size of [0, -1000, 1500]) {
    it(`refuses windows of ${size} ms`, async () => {
      let message = '';
      await runGraph(RUNNERS.local(), graph(size)).catch(
        (error: unknown) => (message = (error as Error).message),
      );
      expect(message).to.equal(`window of ${size} ms is not a whole number of seconds`);
    });
  }
});
