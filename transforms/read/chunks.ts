import type { Chunk, InputSpec } from '../../pipeline/chunk.js';
import { sampleOf, type Reject } from '../../pipeline/reject.js';
import type { Format } from '../decode/format.js';
import { wholeLines } from '../decode/format.js';
import { detectFormat, formatById } from '../decode/formats.js';
import { CompressedInputError, decompress, decompressor } from './decompress.js';
import { openFile, readHead } from './files.js';

/** The part [start, end) of a file: a range owns the records that begin in it. */
export interface FileRange {
  readonly input: InputSpec;
  readonly uri: string;
  readonly start: number;
  /** Bytes of the file; for a compressed or unsplittable one, of the whole. */
  readonly end: number;
}

/** Bytes that formats are recognised by. */
const HEAD_BYTES = 64 * 1024;

/** Bytes a chunk has at least, but for the last of a file. */
const CHUNK_BYTES = 1 << 20;

/** A record may have no more: a line (without its line feed) or a block beyond it is a reject. */
const MAX_RECORD_BYTES = 16 << 20;
const MAX_LINE_BYTES = 1 << 20;

/**
 * Reads a range as chunks of whole records, in order, holding no more than a few chunks.
 * What cannot be read is given to `reject`; only what a retry may cure is thrown.
 */
export async function* readChunks(
  range: FileRange,
  reject: (reject: Reject) => void,
): AsyncGenerator<Chunk> {
  const { input, uri, start } = range;
  const problem = (format: string, reason: string, offset: number, sample = ''): void => {
    reject({ format, reason, file: uri, offset, sample });
  };
  let raw: Uint8Array;
  try {
    raw = await readHead(uri, HEAD_BYTES);
  } catch (error) {
    problem('unknown', unreadable(error), 0, (error as Error).message.slice(0, 200));
    return;
  }
  if (raw.length === 0) return;
  const compression = decompressor(raw);
  const stream =
    compression === undefined
      ? openFile(uri, Math.max(0, start - 1))
      : decompress(openFile(uri, 0), compression);
  const reader = new Gatherer(stream);
  let format: Format | undefined;
  let preamble: Uint8Array = new Uint8Array(0);
  let offset = Math.max(0, start - 1);
  try {
    // Damage in the head must not keep what is whole before it from being read.
    const fault = await faultOf(reader.fill(HEAD_BYTES));
    const head = start > 0 ? raw : reader.bytes.subarray(0, HEAD_BYTES);
    if (head.length === 0 && fault === undefined) return;
    format = input.format === 'auto' ? detectFormat(head) : formatById(input.format);
    if (format === undefined) {
      if (fault !== undefined) throw fault;
      problem('unknown', 'file-of-unknown-format', 0, sampleOf(head, 0, head.length));
      return;
    }
    const preambleLength = format.preambleLength(head);
    preamble = head.slice(0, preambleLength);
    if (start <= preambleLength) {
      reader.drop(preambleLength - offset);
      offset = preambleLength;
    } else {
      // The record that the byte before us belongs to is the previous range's.
      const skipped = await reader.dropThrough(10, range.end - offset);
      if (skipped < 0) return;
      offset += skipped;
    }
    if (fault !== undefined) throw fault;
    const limit = compression === undefined && format.splittable ? range.end : Infinity;
    while (offset < limit) {
      await reader.fill(CHUNK_BYTES);
      if (reader.bytes.length === 0) return;
      const cut = await nextCut(reader, format, offset, limit);
      if (cut > 0) {
        const bytes = reader.take(cut);
        yield { input, uri, format: format.id, offset, preamble, bytes };
        offset += cut;
        continue;
      }
      problem(format.id, 'record-too-long', offset, sampleOf(reader.bytes, 0, reader.bytes.length));
      const lines = format.wholeRecords === wholeLines;
      const dropped = lines ? await reader.dropThrough(10, Infinity) : -1;
      if (dropped < 0) return;
      offset += dropped;
    }
  } catch (error) {
    // What was whole has been given out; the record that the end cuts through is not guessed at.
    const whole = format === undefined ? 0 : format.wholeRecords(reader.bytes);
    if (format !== undefined && whole > 0) {
      yield { input, uri, format: format.id, offset, preamble, bytes: reader.take(whole) };
      offset += whole;
    }
    problem(
      format?.id ?? 'unknown',
      unreadable(error),
      offset,
      (error as Error).message.slice(0, 200),
    );
  } finally {
    await reader.close();
  }
}

/** Bytes of whole records at the front of the reader, up to the record that begins before `limit`; 0 = the record is too long. */
async function nextCut(
  reader: Gatherer,
  format: Format,
  offset: number,
  limit: number,
): Promise<number> {
  const lines = format.wholeRecords === wholeLines;
  for (;;) {
    const { bytes, ended } = reader;
    // The last record that begins before the limit ends at the first line feed from limit - 1 on.
    const last = limit - 1 - offset;
    let whole = ended ? bytes.length : 0;
    if (last < bytes.length) {
      const end = bytes.indexOf(10, last) + 1;
      if (end > 0) whole = end;
    } else if (!ended) {
      whole = format.wholeRecords(bytes);
    }
    if (lines) {
      // Where a line is too long must not depend on how the file was cut: the decoder gets none.
      const fits = startOfLongLine(bytes, whole > 0 ? whole : bytes.length);
      if (fits < (whole > 0 ? whole : bytes.length)) return fits;
    }
    if (whole > 0) return whole;
    // A line that is too long was found above: here the rest of one is only not read yet.
    if (ended || (!lines && bytes.length > MAX_RECORD_BYTES)) return 0;
    await reader.more();
  }
}

/** Start of the first line in `bytes[0..end)` that is too long; `end` if there is none. `bytes` starts a line. */
function startOfLongLine(bytes: Uint8Array, end: number): number {
  let line = 0;
  while (end - line > MAX_LINE_BYTES) {
    const lineFeed = bytes.lastIndexOf(10, line + MAX_LINE_BYTES);
    if (lineFeed < line) return line;
    line = lineFeed + 1;
  }
  return end;
}

async function faultOf(work: Promise<void>): Promise<Error | undefined> {
  try {
    await work;
    return undefined;
  } catch (error) {
    return error as Error;
  }
}

/** Collects a stream's pieces into one buffer whose front is taken away. */
class Gatherer {
  #bytes: Uint8Array = new Uint8Array(0);
  readonly #source: AsyncIterator<Uint8Array, undefined>;
  #ended = false;

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]() as AsyncIterator<Uint8Array, undefined>;
  }

  /** What is read and not yet taken. */
  get bytes(): Uint8Array {
    return this.#bytes;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Reads one more piece; false at the end. */
  async more(): Promise<boolean> {
    if (this.#ended) return false;
    const { done, value } = await this.#source.next();
    if (done === true) {
      this.#ended = true;
      return false;
    }
    this.#bytes = this.#bytes.length === 0 ? value : Buffer.concat([this.#bytes, value]);
    return true;
  }

  /** Reads until there are `length` bytes or the end. */
  async fill(length: number): Promise<void> {
    // Collected first and joined once: joining piece by piece would copy a chunk many times over.
    const pieces: Uint8Array[] = [];
    let total = this.#bytes.length;
    try {
      while (total < length && !this.#ended) {
        const { done, value } = await this.#source.next();
        if (done === true) {
          this.#ended = true;
        } else {
          pieces.push(value);
          total += value.length;
        }
      }
    } finally {
      if (pieces.length > 0) this.#bytes = Buffer.concat([this.#bytes, ...pieces]);
    }
  }

  drop(length: number): void {
    this.#bytes = this.#bytes.subarray(length);
  }

  take(length: number): Uint8Array {
    const taken = this.#bytes.subarray(0, length);
    this.drop(length);
    return taken;
  }

  /** Drops everything through the first `byte`; returns how much, or -1 if none came within `most` bytes. */
  async dropThrough(byte: number, most: number): Promise<number> {
    let dropped = 0;
    while (dropped <= most) {
      const at = this.#bytes.indexOf(byte);
      if (at >= 0) {
        this.drop(at + 1);
        return dropped + at + 1;
      }
      dropped += this.#bytes.length;
      this.#bytes = new Uint8Array(0);
      if (!(await this.more())) return -1;
    }
    return -1;
  }

  async close(): Promise<void> {
    await this.#source.return?.();
  }
}

function unreadable(error: unknown): string {
  if (error instanceof CompressedInputError) return `file-${error.fault}`;
  const { code } = error as { code?: string };
  if (code === 'ENOENT') return 'file-not-found';
  if (code === 'EACCES' || code === 'EPERM') return 'file-not-permitted';
  if (code === 'EISDIR') return 'file-is-a-folder';
  throw error;
}
