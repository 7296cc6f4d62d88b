import { expect } from 'chai';
import { jsonCoder } from '../../beam/coders.js';
import { constant } from '../../beam/constant.js';
import { applyFn, registerFn } from '../../beam/fn.js';
import { reshuffle } from '../../beam/reshuffle.js';
import { create, gather, runGraph, RUNNERS, valuesOf } from './run-graph.js';

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Elements under way in the slow step: with back-pressure never more than one. */
let underWay = 0;
let most = 0;
const trace: string[] = [];

registerFn<null, number>('test/slow', (_params, context) => ({
  async process(value): Promise<void> {
    most = Math.max(most, ++underWay);
    await sleep(value % 2 === 0 ? 4 : 1);
    trace.push(`slow ${value}`);
    underWay--;
    await context.send('out', value);
  },
}));
registerFn<null, number>('test/burst', (_params, context) => ({
  async process(value): Promise<void> {
    for (let i = 0; i < 3; i++) {
      await context.send('out', value * 10 + i);
      trace.push(`taken ${value * 10 + i}`);
    }
  },
}));
registerFn<null, number>('test/sum-at-end', (_params, context) => {
  let sum = 0;
  return {
    process(value): void {
      sum += value;
    },
    async finishBundle(): Promise<void> {
      await sleep(1);
      context.count('bundles');
      context.count('summed', sum);
      await context.send('out', { sum });
    },
  };
});
registerFn<null, number>('test/parity', (_params, context) => ({
  process(value): void {
    context.emit(value % 2 === 0 ? 'even' : 'odd', value);
  },
}));
registerFn<null, number>('test/with-side', (_params, context) => ({
  process(value): void {
    context.emit('out', [value, ...context.side('extra')]);
  },
}));
registerFn<string, number>('test/fail', (how) => ({
  process(): void | Promise<void> {
    if (how === 'sync') throw new Error('broke on purpose');
    if (how === 'async') return sleep(1).then(() => Promise.reject(new Error('broke on purpose')));
  },
  finishBundle(): void {
    if (how === 'finish') throw new Error('broke on purpose');
  },
}));
registerFn<null, number>('test/nothing', () => ({ process: () => undefined }));
registerFn<null, number>('test/place', (_params, context) => ({
  process(value): void {
    const window = { startMs: value * 1000, endMs: value * 1000 + 1000 };
    context.emit('out', value, { timestampMs: value * 1000 + 7, window });
    context.emit('out', -value, { window: 'global' });
  },
}));

const NUMBERS = Array.from({ length: 12 }, (_unused, i) => i);

function outOf(
  name: string,
  fn: string,
  input: Parameters<typeof applyFn>[0],
): Parameters<typeof applyFn>[0] {
  return applyFn(input, { name, fn, params: null, outputs: { out: jsonCoder } })['out'];
}

describe('fn operator', () => {
  const unhandled: unknown[] = [];
  const note = (reason: unknown): void => {
    unhandled.push(reason);
  };
  before(() => process.on('unhandledRejection', note));
  after(() => process.off('unhandledRejection', note));
  afterEach(async () => {
    await sleep(5);
    expect(unhandled.splice(0)).to.deep.equal([]);
  });

  for (const [name, runner] of Object.entries(RUNNERS)) {
    describe(`on the ${name} runner`, () => {
      it('processes one element at a time, in order, though the Fn is asynchronous', async () => {
        most = 0;
        const { gathered } = await runGraph(runner(), (start) => {
          gather(outOf('slow', 'test/slow', create(start, 'numbers', NUMBERS)));
        });
        expect(gathered.map(({ value }) => value)).to.deep.equal(NUMBERS);
        expect(most).to.equal(1);
      });

      it('holds an emitting Fn back until what it emitted is taken', async () => {
        trace.length = 0;
        await runGraph(runner(), (start) => {
          gather(outOf('slow', 'test/slow', outOf('burst', 'test/burst', create(start, 'n', [1]))));
        });
        expect(trace).to.deep.equal([10, 11, 12].flatMap((n) => [`slow ${n}`, `taken ${n}`]));
      });

      it('emits and counts at the end of a bundle', async () => {
        const { gathered, counters } = await runGraph(runner(), (start) => {
          gather(
            outOf(
              'sum',
              'test/sum-at-end',
              outOf('slow', 'test/slow', create(start, 'numbers', NUMBERS)),
            ),
          );
        });
        expect(valuesOf(gathered)).to.deep.equal(['{"sum":66}']);
        expect([counters['bundles'], counters['summed']]).to.deep.equal([1, 66]);
      });

      it('has tagged outputs', async () => {
        const { gathered } = await runGraph(runner(), (start) => {
          const outputs = { even: jsonCoder, odd: jsonCoder };
          const numbers = create(start, 'numbers', NUMBERS);
          const { odd } = applyFn(numbers, {
            name: 'parity',
            fn: 'test/parity',
            params: null,
            outputs,
          });
          gather(odd);
        });
        expect(gathered.map(({ value }) => value)).to.deep.equal([1, 3, 5, 7, 9, 11]);
      });

      it('reads side inputs whole for every element, not for the first alone', async () => {
        const { gathered } = await runGraph(runner(), (start) => {
          const sides = { extra: create(start, 'extra', ['a', 'b']) };
          const numbers = reshuffle(create(start, 'numbers', [1, 2, 3]), 'spread');
          gather(
            applyFn(numbers, {
              name: 'join',
              fn: 'test/with-side',
              params: null,
              sides,
              outputs: { out: jsonCoder },
            })['out'],
          );
        });
        expect(valuesOf(gathered)).to.deep.equal(['[1,"a","b"]', '[2,"a","b"]', '[3,"a","b"]']);
      });

      it('refuses an empty side input', async () => {
        let message = '';
        await runGraph(runner(), (start) => {
          const sides = { extra: outOf('nothing', 'test/nothing', constant(start, 'one', 1)) };
          const numbers = reshuffle(create(start, 'numbers', [1]), 'spread');
          applyFn(numbers, {
            name: 'join',
            fn: 'test/with-side',
            params: null,
            sides,
            outputs: { out: jsonCoder },
          });
        }).catch((error: unknown) => (message = (error as Error).message));
        expect(message).to.match(/side input side\.extra of .* is empty/);
      });

      for (const how of ['sync', 'async', 'finish'] as const) {
        it(`fails the job with the message of a Fn that throws (${how})`, async () => {
          let message = '';
          await runGraph(runner(), (start) => {
            const numbers = outOf('slow', 'test/slow', create(start, 'numbers', [1, 2, 3]));
            gather(
              applyFn(numbers, {
                name: 'fail',
                fn: 'test/fail',
                params: how,
                outputs: { out: jsonCoder },
              })['out'],
            );
          }).catch((error: unknown) => (message = (error as Error).message));
          expect(message).to.equal('broke on purpose');
        });
      }

      it('places what it emits in event time', async () => {
        const { gathered } = await runGraph(runner(), (start) => {
          gather(outOf('place', 'test/place', create(start, 'numbers', [5])));
        });
        expect(gathered).to.deep.equal([
          { value: 5, at: '5007', window: 5000 },
          { value: -5, at: '-9223372036854775', window: 'global' },
        ]);
      });

      it('keeps equal values as many as they are through a reshuffle', async () => {
        const values = [{ a: 1 }, { a: 1 }, 'ü', 'ü', null, 2 ** 40, 2 ** 40];
        const { gathered } = await runGraph(runner(), (start) => {
          gather(reshuffle(create(start, 'values', values), 'spread'));
        });
        expect(valuesOf(gathered)).to.deep.equal(
          values.map((value) => JSON.stringify(value)).sort(),
        );
      });
    });
  }

  it('refuses names that are not registered or registered twice', async () => {
    expect(() => registerFn('test/slow', () => ({ process: () => undefined }))).to.throw(
      'fn test/slow is registered twice',
    );
    let message = '';
    await runGraph(RUNNERS.local(), (start) => {
      outOf('x', 'test/none', start);
    }).catch((error: unknown) => (message = (error as Error).message));
    expect(message).to.equal('fn test/none is not registered');
  });
});
