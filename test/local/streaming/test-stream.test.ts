import '../../../beam/fn.js';
import { expect } from 'chai';
import { jsonCoder, keyedCoder } from '../../../beam/coders.js';
import { applyFn, registerFn } from '../../../beam/fn.js';
import { foldPerKey, registerFold } from '../../../beam/fold-per-key.js';
import { windowInto, type Firing } from '../../../beam/windows.js';
import { StreamingRunner } from '../../../launch/local/streaming/streaming-runner.js';
import type { TestStream } from '../../beam/test-stream.js';
import { MemoryStore } from './memory-store.js';
import { TRIGGER_TABLE } from './trigger-table.js';

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

describe('streaming runner, by test streams', () => {
  for (const { name, stream: events, firing, panes, dropped = 0 } of TRIGGER_TABLE) {
    it(name, async () => {
      const seen = await run(events, firing);
      expect(seen.panes).to.deep.equal(panes);
      expect(seen.counters['dropped/late/fold/group'] ?? 0).to.equal(dropped);
    });
  }
});
