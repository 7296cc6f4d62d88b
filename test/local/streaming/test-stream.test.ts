import '../../../beam/fn.js';
import { expect } from 'chai';
import { jsonCoder, keyedCoder } from '../../../beam/coders.js';
import { applyFn, registerFn } from '../../../beam/fn.js';
import { foldPerKey, registerFold } from '../../../beam/fold-per-key.js';
import {
  afterDelay,
  atEndOfWindow,
  backingOff,
  never,
  repeatedly,
} from '../../../beam/triggers.js';
import { windowInto, type Firing } from '../../../beam/windows.js';
import { StreamingRunner } from '../../../launch/local/streaming/streaming-runner.js';
import { TestStream } from '../../beam/test-stream.js';
import { MemoryStore } from './memory-store.js';

const told: string[] = [];

interface Keyed {
  readonly key: string;
  readonly value: unknown;
}

registerFold<null, string>('test/streaming-texts', (_params, key, window) => {
  const texts: string[] = [];
  return {
    add(text): void {
      texts.push(text);
    },
    async finish(context): Promise<void> {
      const from = window === undefined ? 'all' : String(window.startMs / 1000);
      await context.send('out', `${key}@${from} ${[...texts].sort().join('')}`);
    },
    compact: () => [...texts],
  };
});

registerFn<null, unknown>('test/streaming-key', (_params, context) => ({
  process(text): void {
    context.emit('out', { key: 'k', value: text });
  },
}));

registerFn<null, string>('test/streaming-tell', () => ({
  process(text, { pane }): void {
    const { timing, index, isFirst, isLast } = pane;
    const ends = `${isFirst ? ' first' : ''}${isLast ? ' last' : ''}`;
    told.push(`${text} ${timing} ${index}${ends}`);
  },
}));

const FIRING: Firing = {
  trigger: atEndOfWindow(repeatedly(afterDelay(5000)), repeatedly(afterDelay(5000))),
  allowedLatenessMs: 60_000,
  accumulating: true,
  closing: 'if-nonempty',
};

/** Panes and counters of texts in windows of 10 s. */
async function run(
  stream: TestStream<unknown>,
  firing: Firing | undefined,
): Promise<{ panes: string[]; counters: Record<string, number> }> {
  told.length = 0;
  const runner = new StreamingRunner({
    store: new MemoryStore(),
    watermark: { disorderMs: 0, idleMs: 60_000 },
  });
  const result = await runner.run((root) => {
    const { out: keyed } = applyFn(stream.apply(root), {
      name: 'key',
      fn: 'test/streaming-key',
      params: null,
      outputs: { out: keyedCoder(jsonCoder) },
    });
    const { out } = foldPerKey(
      windowInto<Keyed>(keyed, 'windows', 10_000, firing),
      'fold',
      { fold: 'test/streaming-texts', params: null },
      { out: jsonCoder },
    );
    applyFn(out, {
      name: 'tell',
      fn: 'test/streaming-tell',
      params: null,
      outputs: { out: jsonCoder },
    });
  });
  return { panes: [...told], counters: await result.counters() };
}

const stream = (): TestStream<unknown> => new TestStream<unknown>(jsonCoder);

describe('streaming runner, by test streams', () => {
  const cases = [
    {
      name: 'early, on time, late: panes accumulate',
      stream: stream()
        .elements(['a', 1000])
        .time(5000)
        .elements(['b', 2000])
        .time(5000)
        .watermark(10_000)
        .elements(['c', 3000])
        .time(5000)
        .end(),
      firing: FIRING,
      panes: ['k@0 a EARLY 0 first', 'k@0 ab EARLY 1', 'k@0 ab ON_TIME 2', 'k@0 abc LATE 3'],
    },
    {
      name: 'an early pane comes once something is new',
      stream: stream().elements(['a', 1000]).time(60_000).watermark(10_000).end(),
      firing: FIRING,
      panes: ['k@0 a EARLY 0 first', 'k@0 a ON_TIME 1'],
    },
    {
      name: 'too late: dropped and counted',
      stream: stream().elements(['a', 1000]).watermark(70_000).elements(['b', 2000]).end(),
      firing: FIRING,
      panes: ['k@0 a ON_TIME 0 first last'],
      dropped: 1,
    },
    {
      name: 'late within the allowed lateness, in a window that had nothing: the first pane is late',
      stream: stream()
        .elements(['x', 30_000])
        .watermark(25_000)
        .elements(['a', 1000])
        .time(5000)
        .end(),
      firing: FIRING,
      panes: ['k@0 a LATE 0 first', 'k@30 x EARLY 0 first', 'k@30 x ON_TIME 1 last'],
    },
    {
      name: 'a watermark that jumps over end and close tells the window once',
      stream: stream().elements(['a', 1000], ['b', 11_000]).watermark(1_000_000).end(),
      firing: FIRING,
      panes: ['k@0 a ON_TIME 0 first last', 'k@10 b ON_TIME 0 first last'],
    },
    {
      name: 'a jump to the end of one window leaves the next open',
      stream: stream()
        .elements(['a', 1000], ['b', 11_000])
        .watermark(10_000)
        .elements(['c', 12_000])
        .end(),
      firing: FIRING,
      panes: ['k@0 a ON_TIME 0 first', 'k@10 bc ON_TIME 0 first last'],
    },
    {
      name: 'an idle source: the watermark alone closes windows',
      stream: stream().elements(['a', 1000]).watermark(9999).watermark(10_000).end(),
      firing: FIRING,
      panes: ['k@0 a ON_TIME 0 first'],
    },
    {
      name: 'an empty window tells nothing',
      stream: stream().watermark(50_000).end(),
      firing: FIRING,
      panes: [],
    },
    {
      name: 'closing always: the last pane comes although nothing is new',
      stream: stream().elements(['a', 1000]).watermark(10_000).watermark(70_000).end(),
      firing: { ...FIRING, closing: 'always' } satisfies Firing,
      panes: ['k@0 a ON_TIME 0 first', 'k@0 a LATE 1 last'],
    },
    {
      name: 'discarding panes hold what is new',
      stream: stream()
        .elements(['a', 1000])
        .time(5000)
        .elements(['b', 2000])
        .watermark(10_000)
        .elements(['c', 3000])
        .end(),
      firing: { ...FIRING, accumulating: false } satisfies Firing,
      panes: ['k@0 a EARLY 0 first', 'k@0 b ON_TIME 1', 'k@0 c LATE 2 last'],
    },
    {
      name: 'delays back off and the longest repeats',
      stream: stream()
        .elements(['a', 1000])
        .time(5000)
        .elements(['b', 1000])
        .time(5000)
        .time(5000)
        .elements(['c', 1000])
        .time(5000)
        .time(5000)
        .elements(['d', 1000])
        .time(10_000)
        .watermark(70_000)
        .end(),
      firing: {
        ...FIRING,
        trigger: atEndOfWindow(backingOff(5000, 10_000), undefined),
      } satisfies Firing,
      panes: [
        'k@0 a EARLY 0 first',
        'k@0 ab EARLY 1',
        'k@0 abc EARLY 2',
        'k@0 abcd EARLY 3',
        'k@0 abcd ON_TIME 4 last',
      ],
    },
    {
      name: 'never: one pane, when the window closes',
      stream: stream()
        .elements(['a', 1000])
        .time(60_000)
        .watermark(10_000)
        .elements(['b', 1000])
        .watermark(70_000)
        .end(),
      firing: { ...FIRING, trigger: never() } satisfies Firing,
      panes: ['k@0 ab ON_TIME 0 first last'],
    },
    {
      name: 'the default trigger tells at the end, and nothing after it without lateness',
      stream: stream().elements(['a', 1000]).watermark(10_000).elements(['b', 2000]).end(),
      firing: undefined,
      panes: ['k@0 a ON_TIME 0 first last'],
      dropped: 1,
    },
  ] as const;

  for (const { name, stream: events, firing, panes, ...rest } of cases) {
    it(name, async () => {
      const seen = await run(events, firing);
      expect(seen.panes).to.deep.equal(panes);
      const dropped = 'dropped' in rest ? rest.dropped : 0;
      expect(seen.counters['dropped/late/fold/group'] ?? 0).to.equal(dropped);
    });
  }
});
