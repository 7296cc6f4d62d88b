/** Steps of the conformance tests' own graphs; their workers load this module. */
import { appendFileSync } from 'node:fs';
import { chunkCoder, flowBatchCoder, jsonCoder, keyedCoder } from '../../beam/coders.js';
import { applyFn, registerFn } from '../../beam/fn.js';
import { foldPerKey, registerFold } from '../../beam/fold-per-key.js';
import { reshuffle } from '../../beam/reshuffle.js';
import { windowInto, type Firing } from '../../beam/windows.js';
import type { PCollection } from 'apache-beam';
import type { Chunk } from '../../pipeline/chunk.js';
import { selectedRows, type FlowBatch } from '../../pipeline/flow-batch.js';
import type { DedupeParams } from '../../transforms/dedupe.js';

/** What workers load to know the steps. */
export const MODULES: readonly string[] = [import.meta.filename];

registerFn<null, unknown>('engine-test/key', (_params, context) => ({
  process(text): void {
    context.emit('out', { key: 'k', value: text });
  },
}));

registerFold<null, string>('engine-test/texts', (_params, key, window) => {
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

registerFn<{ readonly path: string }, string>('engine-test/tell', ({ path }) => ({
  process(text, { pane }): void {
    const { timing, index, isFirst, isLast } = pane;
    const ends = `${isFirst ? ' first' : ''}${isLast ? ' last' : ''}`;
    appendFileSync(path, `${text} ${timing} ${index}${ends}\n`);
  },
}));

/** Has the panes of texts in windows of 10 s appended to a file, a line each. */
export function tellPanes(
  texts: PCollection<unknown>,
  firing: Firing | undefined,
  path: string,
): void {
  const { out: keyed } = applyFn(texts, {
    name: 'key',
    fn: 'engine-test/key',
    params: null,
    outputs: { out: keyedCoder(jsonCoder) },
  });
  const { out } = foldPerKey(
    windowInto<{ key: string; value: unknown }>(keyed, 'windows', 10_000, firing),
    'fold',
    { fold: 'engine-test/texts', params: null },
    { out: jsonCoder },
  );
  const params = { path };
  applyFn(out, { name: 'tell', fn: 'engine-test/tell', params, outputs: { none: jsonCoder } });
}

export interface Messages {
  readonly from: number;
  readonly count: number;
}

const HEADER = 'start_ms,end_ms,src_ip,dst_ip,src_port,dst_port,protocol,packets,bytes,tcp_flags';
const MIDNIGHT_MS = Date.UTC(2025, 0, 1);

/** Chunks of one CSV record each, as one-record messages give. */
registerFn<null, Messages>('engine-test/messages', (_params, context) => {
  const uri = 'messages';
  const input = { name: uri, uri, format: 'csv', sensor: 's', samplingRate: 1 } as const;
  return {
    async process({ from, count }): Promise<void> {
      for (let i = from; i < from + count; i++) {
        const atMs = MIDNIGHT_MS + (i % 1800) * 1000;
        const ends = [`10.0.${(i >> 8) % 256}.${i % 256}`, `192.0.2.${i % 200}`];
        const record = [atMs, atMs, ...ends, 1024 + (i % 60_000), 443, 6, 5, 500, 27];
        const chunk: Chunk = {
          input: { ...input, unknownFlags: 'drop' },
          uri: `${uri}#${i}`,
          format: 'csv',
          offset: 0,
          preamble: Buffer.from(`${HEADER}\n`),
          bytes: Buffer.from(`${record.join(',')}\n`),
        };
        await context.send('chunks', chunk);
      }
    },
  };
});

/** One-record messages; `made` says which. */
export function messages(made: PCollection<Messages>): PCollection<Chunk> {
  return applyFn(reshuffle(made, 'spread'), {
    name: 'messages',
    fn: 'engine-test/messages',
    params: null,
    outputs: { chunks: chunkCoder },
  })['chunks'];
}

registerFold<null, FlowBatch>('engine-test/rows', (_params, shard, window) => {
  let rows = 0;
  return {
    add(batch): void {
      rows += selectedRows(batch);
    },
    async finish(context): Promise<void> {
      await context.send('out', `shard ${shard} window ${window?.startMs ?? 0} rows ${rows}`);
    },
  };
});

/** Has the rows of each (window, shard) of flows told to a file, a line each. */
export function tellShards(
  flows: PCollection<FlowBatch>,
  params: DedupeParams,
  path: string,
): void {
  const { pieces } = applyFn(flows, {
    name: 'split',
    fn: 'flowsieve/split',
    params,
    outputs: { pieces: keyedCoder(flowBatchCoder) },
  });
  const { out } = foldPerKey(
    windowInto<{ key: string; value: unknown }>(pieces, 'windows', params.windowMs),
    'rows',
    { fold: 'engine-test/rows', params: null },
    { out: jsonCoder },
  );
  applyFn(out, {
    name: 'tell',
    fn: 'engine-test/tell',
    params: { path },
    outputs: { none: jsonCoder },
  });
}

/** Emits `count` texts of `size` characters in one go. */
registerFn<{ readonly count: number; readonly size: number }, unknown>(
  'engine-test/large',
  ({ count, size }, context) => ({
    process(): void {
      const text = 'x'.repeat(size);
      for (let i = 0; i < count; i++) context.emit('out', text);
    },
  }),
);

export function large(
  start: PCollection<unknown>,
  name: string,
  params: { readonly count: number; readonly size: number },
): PCollection<string> {
  const outputs = { out: jsonCoder };
  return applyFn(start, { name, fn: 'engine-test/large', params, outputs })['out'];
}

/** For each element: how many texts the side input has, and their characters. */
registerFn<null, string>('engine-test/measure', (_params, context) => ({
  process(text): void {
    const texts = context.side('texts') as readonly string[];
    const characters = texts.reduce((sum, each) => sum + each.length, 0);
    context.emit('out', `${text.length} beside ${texts.length} of ${characters}`);
  },
}));

registerFn<null, unknown>('engine-test/fail', () => ({
  process(): void {
    throw new Error('this step always fails');
  },
}));

registerFn<null, unknown>('engine-test/hang', () => ({
  process: () => new Promise<void>(() => undefined),
}));

/** Has the lines of a collection appended to a file. */
export function tellLines(lines: PCollection<unknown>, path: string): void {
  applyFn(lines, {
    name: 'tell lines',
    fn: 'engine-test/tell',
    params: { path },
    outputs: { none: jsonCoder },
  });
}
