import type { Chunk, InputSpec } from '../../pipeline/chunk.js';
import { sampleOf, type Reject } from '../../pipeline/reject.js';
import { ChunkCutter } from './chunk-cutter.js';
import { decompress, decompressor } from './decompress.js';
import { Gatherer } from './gatherer.js';
import { HEAD_BYTES, recognize } from './recognize.js';
import { unreadable } from './unreadable.js';

/** Bytes that a compression is recognised by. */
const MAGIC_BYTES = 6;

/**
 * Reads a stream that can be read once, gzip, zstd and bzip2 too, as chunks of whole records, each
 * as soon as it is there. Holds one record or piece. What cannot be read is given to `reject`;
 * errors of the stream itself are thrown, after what was whole before them.
 */
export async function* streamChunks(
  input: InputSpec,
  uri: string,
  source: AsyncIterable<Uint8Array>,
  reject: (reject: Reject) => void,
): AsyncGenerator<Chunk, void, undefined> {
  const reader = await expanded(source);
  let format = 'unknown';
  let cutter: ChunkCutter | undefined;
  const problem = (reason: string, offset: number, sample: string): void => {
    reject({ format, reason, file: uri, offset, sample });
  };
  try {
    let known = recognize(reader.bytes.subarray(0, HEAD_BYTES), input.format, reader.ended);
    while (known === undefined && reader.bytes.length < HEAD_BYTES && !reader.ended) {
      await reader.more();
      known = recognize(reader.bytes.subarray(0, HEAD_BYTES), input.format, reader.ended);
    }
    if (known === undefined) {
      const { bytes } = reader;
      if (bytes.length > 0)
        problem('stream-of-unknown-format', 0, sampleOf(bytes, 0, bytes.length));
      return;
    }
    format = known.format.id;
    const { length } = known.preamble;
    reader.drop(length);
    cutter = new ChunkCutter(reader, { input, uri, ...known }, length, problem);
    yield* cutter.chunks({ eager: true });
  } catch (error) {
    const whole = cutter?.wholeRest(Infinity);
    if (whole !== undefined) yield whole;
    problem(
      unreadable('stream', error),
      cutter?.offset ?? 0,
      (error as Error).message.slice(0, 200),
    );
  } finally {
    await reader.close();
  }
}

/** The stream without its compression. */
async function expanded(source: AsyncIterable<Uint8Array>): Promise<Gatherer> {
  const raw = new Gatherer(source);
  await raw.fill(MAGIC_BYTES);
  const compression = decompressor(raw.bytes);
  return compression === undefined ? raw : new Gatherer(decompress(raw.rest(), compression));
}
