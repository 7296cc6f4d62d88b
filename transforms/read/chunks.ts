import type { Chunk, InputSpec } from '../../pipeline/chunk.js';
import { sampleOf, type Reject } from '../../pipeline/reject.js';
import type { Format } from '../decode/format.js';
import { detectFormat, formatById } from '../decode/formats.js';
import { atMost } from './at-most.js';
import { ChunkCutter } from './chunk-cutter.js';
import { decompress, decompressor } from './decompress.js';
import type { ObjectVersion } from '../../objects/list-objects.js';
import { openFile, readHead } from './files.js';
import { ObjectSource } from './object-source.js';
import { Gatherer } from './gatherer.js';
import { HEAD_BYTES } from './recognize.js';
import { unreadable } from './unreadable.js';

/** The part [start, end) of a file: a range owns the records that begin in it. */
export interface FileRange {
  readonly input: InputSpec;
  readonly uri: string;
  readonly start: number;
  /** Bytes of the file; for a compressed or unsplittable one, of the whole. */
  readonly end: number;
  /** Only of Cloud Storage: the version that was listed. */
  readonly object?: ObjectVersion;
}

/** What chunks are cut from: bytes in a format, perhaps compressed. */
export interface ByteSource {
  /** What it is, in the reasons of rejects: `file-truncated`, `message-truncated`. */
  readonly kind: 'file' | 'message';
  /** The first bytes, at most `length`. */
  head(length: number): Promise<Uint8Array>;
  /** The bytes from `start` on. */
  open(start: number): AsyncIterable<Uint8Array>;
  /** Bytes to which it may expand; none = any number. */
  readonly mostExpandedBytes?: number;
  /** When it came in, where it came live. */
  readonly arrivedMs?: number;
}

/** Bytes that lie somewhere else, and take their time to come. */
export interface RangeSource extends ByteSource {
  /** Begins to fetch what will be read. */
  fetchAhead?(): void;
  /** Ends what was fetched and not read. */
  close?(): Promise<void>;
}

/**
 * Reads a range as chunks of whole records, in order, holding no more than a few chunks.
 * What cannot be read is given to `reject`; only what a retry may cure is thrown.
 */
export async function* readChunks(
  range: FileRange,
  reject: (reject: Reject) => void,
  source: RangeSource = sourceOf(range),
): AsyncGenerator<Chunk> {
  try {
    yield* cutChunks(range, source, reject);
  } finally {
    await source.close?.();
  }
}

/** The bytes of a range's file. */
export function sourceOf({ uri, start, end, object }: FileRange): RangeSource {
  if (object !== undefined) return new ObjectSource(object, start, end);
  return {
    kind: 'file',
    head: (length) => readHead(uri, length),
    open: (from) => openFile(uri, from),
  };
}

/** As `readChunks`, from bytes that lie anywhere; the range is of them. */
export async function* cutChunks(
  range: FileRange,
  source: ByteSource,
  reject: (reject: Reject) => void,
): AsyncGenerator<Chunk> {
  const { input, uri, start } = range;
  const { kind, arrivedMs, mostExpandedBytes = Infinity } = source;
  const arrived = arrivedMs === undefined ? {} : { arrivedMs };
  const problem = (format: string, reason: string, offset: number, sample = ''): void => {
    reject({ format, reason, file: uri, offset, sample });
  };
  let raw: Uint8Array;
  try {
    raw = await source.head(HEAD_BYTES);
  } catch (error) {
    problem('unknown', unreadable(kind, error), 0, (error as Error).message.slice(0, 200));
    return;
  }
  if (raw.length === 0) return;
  const compression = decompressor(raw);
  const stream =
    compression === undefined
      ? source.open(Math.max(0, start - 1))
      : atMost(decompress(source.open(0), compression), mostExpandedBytes);
  const reader = new Gatherer(stream);
  let format: Format | undefined;
  let cutter: ChunkCutter | undefined;
  let offset = Math.max(0, start - 1);
  try {
    // Damage in the head must not keep what is whole before it from being read.
    const fault = await faultOf(reader.fill(HEAD_BYTES));
    const head = start > 0 ? raw : reader.bytes.subarray(0, HEAD_BYTES);
    if (head.length === 0 && fault === undefined) return;
    format = input.format === 'auto' ? detectFormat(head) : formatById(input.format);
    if (format === undefined) {
      if (fault !== undefined) throw fault;
      problem('unknown', `${kind}-of-unknown-format`, 0, sampleOf(head, 0, head.length));
      return;
    }
    const preambleLength = format.preambleLength(head);
    const preamble = head.slice(0, preambleLength);
    if (start <= preambleLength) {
      reader.drop(preambleLength - offset);
      offset = preambleLength;
    } else {
      // The record that the byte before us belongs to is the previous range's.
      const { dropped, found } = await reader.dropThrough(10, range.end - offset);
      if (!found) return;
      offset += dropped;
    }
    const { id } = format;
    cutter = new ChunkCutter(
      reader,
      { input, uri, format, preamble, ...arrived },
      offset,
      (...what) => {
        problem(id, ...what);
      },
    );
    if (fault !== undefined) throw fault;
    const limit = compression === undefined && format.splittable ? range.end : Infinity;
    yield* cutter.chunks({ limit });
  } catch (error) {
    // What was whole has been given out; the record that the end cuts through is not guessed at.
    const whole = cutter?.wholeRest(Infinity);
    if (whole !== undefined) yield whole;
    problem(
      format?.id ?? 'unknown',
      unreadable(kind, error),
      cutter?.offset ?? offset,
      (error as Error).message.slice(0, 200),
    );
  } finally {
    await reader.close();
  }
}

async function faultOf(work: Promise<void>): Promise<Error | undefined> {
  try {
    await work;
    return undefined;
  } catch (error) {
    return error as Error;
  }
}
