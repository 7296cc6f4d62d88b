import { chunkCoder, jsonCoder, keyedCoder } from '../beam/coders.js';
import { applyFn, registerFn, type FnContext } from '../beam/fn.js';
import { reshuffleKeyed } from '../beam/reshuffle.js';
import type { PCollection } from 'apache-beam';
import { tellsOf, type Chunk, type InputSpec } from '../pipeline/chunk.js';
import type { Reject } from '../pipeline/reject.js';
import { decompressor } from './read/decompress.js';
import { detectFormat, formatById } from './decode/formats.js';
import { readChunks, sourceOf, type FileRange, type RangeSource } from './read/chunks.js';
import { listFiles, type ListedFile } from './read/files.js';
import { inOrder } from './read/in-order.js';
import { RangePacker, rangesOf } from './read/range-packs.js';
import { HEAD_BYTES } from './read/recognize.js';
import { isOfFile, StrictError } from './read/strict.js';

export interface ReadParams {
  readonly inputs: readonly InputSpec[];
  /** Bytes of a range of a large file that can be split. */
  readonly rangeBytes: number;
  /** Whether a file that cannot be read whole fails the job; else it is a reject. */
  readonly strict?: boolean;
}

/** Large files whose beginnings are looked at at once. */
const HEADS_AT_ONCE = 16;

/** Files of a pack that are begun before their turn: of a small one that is all there is to wait for. */
const AHEAD = 8;

registerFn<ReadParams, unknown>(
  'flowsieve/list-inputs',
  ({ inputs, rangeBytes, strict = false }, context) => ({
    async process(): Promise<void> {
      let packs = 0;
      const send = async (value: string | undefined): Promise<void> => {
        // In the order of the files where a runner takes keys in order.
        const key = String(packs++).padStart(9, '0');
        if (value !== undefined) await context.send('packs', { key, value });
      };
      for (const input of inputs) {
        let files = 0;
        const packer = new RangePacker(input);
        const steps = inOrder(listFiles(input.uri), HEADS_AT_ONCE, async (file) => ({
          file,
          splittable: file.size > rangeBytes && (await isSplittable(file, input)),
        }));
        for await (const { file, splittable } of steps) {
          const { size } = file;
          files++;
          context.count('files');
          context.count('bytes-listed', size);
          const step = splittable ? rangeBytes : Math.max(size, 1);
          for (let start = 0; start === 0 || start < size; start += step) {
            await send(packer.add({ ...file, start, end: Math.min(start + step, size) }));
          }
        }
        await send(packer.rest());
        if (files > 0) continue;
        const reject: Reject = {
          format: 'unknown',
          reason: 'file-not-found',
          file: input.uri,
          offset: 0,
          sample: '',
        };
        if (strict) throw new StrictError(reject);
        context.count('rejects/unknown/file-not-found');
        await context.send('rejects', reject);
      }
    },
  }),
);

/** Whether a reader may start in the middle of a file. What cannot be told is left to the reader. */
async function isSplittable(file: ListedFile, input: InputSpec): Promise<boolean> {
  const end = Math.min(HEAD_BYTES, file.size);
  const source = sourceOf({ ...file, input, start: 0, end });
  const head = await source.head(HEAD_BYTES).catch(() => new Uint8Array(0));
  await source.close?.();
  if (decompressor(head) !== undefined) return false;
  const format = input.format === 'auto' ? detectFormat(head) : formatById(input.format);
  return format?.splittable ?? false;
}

registerFn<Pick<ReadParams, 'strict'>, string>('flowsieve/read', ({ strict = false }, context) => ({
  async process(pack): Promise<void> {
    const ranges = rangesOf(pack);
    const sources = ranges.map(sourceOf);
    try {
      for (const [i, range] of ranges.entries()) {
        for (const source of sources.slice(i, i + AHEAD)) source.fetchAhead?.();
        await readRange(range, sources[i], strict, context);
      }
    } finally {
      for (const source of sources) await source.close?.();
    }
  },
}));

async function readRange(
  range: FileRange,
  source: RangeSource,
  strict: boolean,
  context: FnContext,
): Promise<void> {
  const rejects: Reject[] = [];
  const size = range.end - range.start;
  let read = 0;
  let chunks = 0;
  for await (const chunk of readChunks(range, (reject) => rejects.push(reject), source)) {
    chunks++;
    await context.send('chunks', chunk);
    // Progress in bytes of the file: a compressed one's chunks are larger than it is.
    const more = Math.min(chunk.bytes.length, size - read);
    context.count('bytes-read', more);
    read += more;
  }
  context.count('bytes-read', size - read);
  if (chunks === 0 && rejects.length === 0 && range.start === 0) {
    context.count('files-without-records');
  }
  // Of a file that several jobs read one tells.
  for (const reject of tellsOf(range.input) ? rejects : []) {
    if (strict && isOfFile(reject)) throw new StrictError(reject);
    context.count(`rejects/${reject.format}/${reject.reason}`);
    await context.send('rejects', reject);
  }
}

/**
 * Inputs -> chunks of whole records, and what could not be read.
 *
 * Lists the files once, spreads ranges of them over bundles (and workers), and reads each range
 * asynchronously, so memory holds chunks and not files.
 */
export function read(
  impulse: PCollection<unknown>,
  params: ReadParams,
): { chunks: PCollection<Chunk>; rejects: PCollection<Reject>[] } {
  const { inputs, rangeBytes, strict = false } = params;
  const listed = applyFn(impulse, {
    name: 'list inputs',
    fn: 'flowsieve/list-inputs',
    params: { inputs, rangeBytes, strict } satisfies ReadParams,
    outputs: { packs: keyedCoder(jsonCoder), rejects: jsonCoder },
  });
  const packs = reshuffleKeyed<string>(listed['packs'], 'spread ranges');
  const { chunks, rejects } = applyFn(packs, {
    name: 'read',
    fn: 'flowsieve/read',
    params: { strict } satisfies Pick<ReadParams, 'strict'>,
    outputs: { chunks: chunkCoder, rejects: jsonCoder },
  }) as { chunks: PCollection<Chunk>; rejects: PCollection<Reject> };
  return { chunks, rejects: [listed['rejects'], rejects] };
}
