import { flowBatchCoder, jsonCoder } from '../beam/coders.js';
import { applyFn, registerFn, type FnContext } from '../beam/fn.js';
import type { PCollection } from 'apache-beam';
import type { Chunk } from '../pipeline/chunk.js';
import type { FlowBatch } from '../pipeline/flow-batch.js';
import type { Reject } from '../pipeline/reject.js';
import { BatchSink } from './decode/batch-sink.js';
import type { Decoder } from './decode/format.js';
import { formatById } from './decode/formats.js';

/** Tells up to which time each exporter's records have come. */
function observe({ rows, sensors, columns }: FlowBatch, context: FnContext): void {
  const latest = new Float64Array(sensors.length).fill(-Infinity);
  const { sensor, endMs } = columns;
  for (let i = 0; i < rows; i++) {
    if (endMs[i] > latest[sensor[i]]) latest[sensor[i]] = endMs[i];
  }
  sensors.forEach((name, i) => {
    context.observe(name, latest[i]);
  });
}

registerFn<null, Chunk>('flowsieve/decode', (_params, context) => {
  const sink = new BatchSink(
    (batch) => {
      observe(batch, context);
      context.emit('flows', batch);
    },
    (reject) => {
      context.emit('rejects', reject);
    },
    (name, by) => {
      context.count(name, by);
    },
  );
  // Chunks of one file follow each other and share their preamble; its decoder serves them all, and
  // so with the messages of a subscription, whose uris differ after the `#`.
  let current: { from: string; format: string; preamble: Uint8Array; decoder: Decoder } | undefined;
  return {
    process(chunk): void {
      const { uri, format, preamble, bytes } = chunk;
      const from = uri.split('#', 1)[0];
      if (
        current?.from !== from ||
        current.format !== format ||
        Buffer.compare(current.preamble, preamble) !== 0
      ) {
        const found = formatById(format);
        if (found === undefined) throw new Error(`no decoder for format ${format}`);
        current = { from, format, preamble, decoder: found.decoder(preamble) };
      }
      sink.beginChunk(chunk);
      current.decoder.decode(bytes, sink);
      sink.endChunk();
    },
    finishBundle(): void {
      sink.flush();
    },
  };
});

/** Chunks -> batches of flow records, and the records that could not be decoded. Counts both for all formats. */
export function decode(chunks: PCollection<Chunk>): {
  flows: PCollection<FlowBatch>;
  rejects: PCollection<Reject>;
} {
  return applyFn(chunks, {
    name: 'decode',
    fn: 'flowsieve/decode',
    params: null,
    outputs: { flows: flowBatchCoder, rejects: jsonCoder },
  }) as { flows: PCollection<FlowBatch>; rejects: PCollection<Reject> };
}
