import { chunkCoder, jsonCoder } from '../beam/coders.js';
import { applyFn, registerFn } from '../beam/fn.js';
import { reshuffle } from '../beam/reshuffle.js';
import type { PCollection } from 'apache-beam';
import { tellsOf, type Chunk, type InputSpec } from '../pipeline/chunk.js';
import type { Reject } from '../pipeline/reject.js';
import { decompressor } from './read/decompress.js';
import { detectFormat, formatById } from './decode/formats.js';
import { readChunks, type FileRange } from './read/chunks.js';
import { listFiles, readHead } from './read/files.js';

export interface ReadParams {
  readonly inputs: readonly InputSpec[];
  /** Bytes of a range of a large file that can be split. */
  readonly rangeBytes: number;
}

registerFn<ReadParams, unknown>('flowsieve/list-inputs', ({ inputs, rangeBytes }, context) => ({
  async process(): Promise<void> {
    for (const input of inputs) {
      const files = await listFiles(input.uri);
      if (files.length === 0) {
        context.count('rejects/unknown/file-not-found');
        const reject: Reject = {
          format: 'unknown',
          reason: 'file-not-found',
          file: input.uri,
          offset: 0,
          sample: '',
        };
        await context.send('rejects', reject);
      }
      for (const { uri, size } of files) {
        context.count('files');
        context.count('bytes-listed', size);
        const splittable = size > rangeBytes && (await isSplittable(uri, input));
        const step = splittable ? rangeBytes : Math.max(size, 1);
        for (let start = 0; start === 0 || start < size; start += step) {
          const range: FileRange = { input, uri, start, end: Math.min(start + step, size) };
          await context.send('ranges', range);
        }
      }
    }
  },
}));

/** Whether a reader may start in the middle of a file. What cannot be told is left to the reader. */
async function isSplittable(uri: string, input: InputSpec): Promise<boolean> {
  const head = await readHead(uri, 64 * 1024).catch(() => new Uint8Array(0));
  if (decompressor(head) !== undefined) return false;
  const format = input.format === 'auto' ? detectFormat(head) : formatById(input.format);
  return format?.splittable ?? false;
}

registerFn<null, FileRange>('flowsieve/read', (_params, context) => ({
  async process(range): Promise<void> {
    const rejects: Reject[] = [];
    const size = range.end - range.start;
    let read = 0;
    let chunks = 0;
    for await (const chunk of readChunks(range, (reject) => rejects.push(reject))) {
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
      context.count(`rejects/${reject.format}/${reject.reason}`);
      await context.send('rejects', reject);
    }
  },
}));

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
  const listed = applyFn(impulse, {
    name: 'list inputs',
    fn: 'flowsieve/list-inputs',
    params,
    outputs: { ranges: jsonCoder, rejects: jsonCoder },
  });
  const ranges = reshuffle(listed['ranges'] as PCollection<FileRange>, 'spread ranges');
  const { chunks, rejects } = applyFn(ranges, {
    name: 'read',
    fn: 'flowsieve/read',
    params: null,
    outputs: { chunks: chunkCoder, rejects: jsonCoder },
  }) as { chunks: PCollection<Chunk>; rejects: PCollection<Reject> };
  return { chunks, rejects: [listed['rejects'], rejects] };
}
