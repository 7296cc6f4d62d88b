import { crc32, createInflateRaw, type InflateRaw } from 'node:zlib';

import { Bzip2Decoder, MAX_BLOCK_BYTES } from '../decode/bzip2.js';
import { MAX_WINDOW_BYTES, ZstdDecoder } from '../decode/zstd.js';

/** How an input is compressed, by its first bytes. `xz` is recognised to be refused by name. */
export type Compression = 'gzip' | 'zstd' | 'bzip2' | 'xz';

/** Why compressed input could not be read to its end. What came before was yielded. */
export type CompressionFault = 'truncated' | 'damaged' | 'trailing-garbage' | 'unsupported';

/** Thrown by `decompress`, after everything that could be expanded before the fault. */
export class CompressedInputError extends Error {
  override readonly name: string = 'CompressedInputError';
  readonly fault: CompressionFault;
  /** Bytes of compressed input before the piece with the fault. */
  readonly offset: number;

  constructor(fault: CompressionFault, offset: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.fault = fault;
    this.offset = offset;
  }
}

/** The input ended in the middle: a transfer that was cut, or a file still being written. */
export class TruncatedError extends CompressedInputError {
  override readonly name = 'TruncatedError';

  constructor(kind: Compression, offset: number) {
    super('truncated', offset, `${kind}: input ends early, at byte ${offset}`);
  }
}

const OUTPUT_CHUNK = 1024 * 1024;
/** Small, because damage takes with it what the same piece gave before. */
const INPUT_PIECE = 256 * 1024;

const GZIP_ID1 = 0x1f;
const GZIP_ID2 = 0x8b;
const SKIPPABLE_FIRST_BYTES = 0x50;

/** The compression that `head`, the first bytes of an input, shows; 6 bytes are enough. */
export function decompressor(head: Uint8Array): Compression | undefined {
  if (startsWith(head, [GZIP_ID1, GZIP_ID2, 8])) return 'gzip';
  if (startsWith(head, [0x28, 0xb5, 0x2f, 0xfd])) return 'zstd';
  // pzstd and seekable files may begin with a skippable frame.
  if (
    (head[0] & 0xf0) === SKIPPABLE_FIRST_BYTES &&
    startsWith(head.subarray(1), [0x2a, 0x4d, 0x18])
  ) {
    return 'zstd';
  }
  if (startsWith(head, [0x42, 0x5a, 0x68]) && head[3] >= 0x31 && head[3] <= 0x39) return 'bzip2';
  if (startsWith(head, [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00])) return 'xz';
  return undefined;
}

/**
 * Expands a stream of `kind`: concatenated gzip members, zstd frames and bzip2 streams are one
 * input. Holds a few MiB however much comes out (zstd: and its window, at most 128 MiB), and reads
 * on only when what it yielded was taken.
 *
 * Throws TruncatedError where the input ends in the middle, and CompressedInputError where it is
 * not what it should be (`damaged`), goes on after its end (`trailing-garbage`; zeros after gzip are
 * padding), or cannot be read here (`unsupported`). Errors of `source` pass through.
 */
export function decompress(
  source: AsyncIterable<Uint8Array>,
  kind: Compression,
): AsyncIterable<Uint8Array> {
  switch (kind) {
    case 'gzip':
      return gunzip(source);
    case 'zstd':
      return unzstd(source);
    case 'bzip2':
      return bunzip2(source);
    case 'xz':
      return refuse('xz input is not supported: expand it with xz -dc first');
  }
}

// eslint-disable-next-line @typescript-eslint/require-await
async function* refuse(message: string): AsyncGenerator<Uint8Array, void, undefined> {
  yield* [];
  throw new CompressedInputError('unsupported', 0, message);
}

/** What is read and not yet used of a source, in pieces of at most 256 KiB. */
class Input {
  private readonly iterator: AsyncIterator<Uint8Array>;
  private rest: Uint8Array = new Uint8Array(0);
  /** Bytes taken so far. */
  offset = 0;

  constructor(source: AsyncIterable<Uint8Array>) {
    this.iterator = source[Symbol.asyncIterator]();
  }

  /** The next bytes without taking them: at least one, or none at the end. */
  async peek(): Promise<Uint8Array> {
    while (this.rest.length === 0) {
      const next = await this.iterator.next();
      if (next.done === true) return this.rest;
      this.rest = next.value;
    }
    return this.rest.subarray(0, INPUT_PIECE);
  }

  take(count: number): void {
    this.rest = this.rest.subarray(count);
    this.offset += count;
  }

  /** The next byte, or -1 at the end. */
  async byte(): Promise<number> {
    const piece = this.rest.length > 0 ? this.rest : await this.peek();
    if (piece.length === 0) return -1;
    this.take(1);
    return piece[0];
  }

  /** Tells the source that nobody reads on. */
  async close(): Promise<void> {
    await this.iterator.return?.();
  }
}

/**
 * gzip members (RFC 1952), each inflated by zlib without its frame: node's own gunzip drops the
 * output before a fault, and drops in silence whatever follows zeros after a member.
 */
async function* gunzip(
  source: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  const input = new Input(source);
  try {
    for (let member = 0; ; member++) {
      const start = input.offset;
      if (!(await gzipHeader(input, member))) return;
      let crc = 0;
      let length = 0;
      for await (const data of inflate(input)) {
        crc = crc32(data, crc);
        length = (length + data.length) % 2 ** 32;
        yield data;
      }
      const wantedCrc = await gzipWord(input);
      const wantedLength = await gzipWord(input);
      if (crc !== wantedCrc || length !== wantedLength) {
        throw new CompressedInputError(
          'damaged',
          start,
          `gzip: checksum ${crc} and length ${length} of a member, expected ${wantedCrc} and ${wantedLength}`,
        );
      }
    }
  } finally {
    await input.close();
  }
}

/** Reads a member's header; false at the end of the input. */
async function gzipHeader(input: Input, member: number): Promise<boolean> {
  const start = input.offset;
  let first = await input.byte();
  if (first === 0 && member > 0) {
    // Padding of tapes and block devices; anything else after it is not.
    while (first === 0) first = await input.byte();
    if (first >= 0) throw trailing();
  }
  if (first < 0) return false;
  const second = await input.byte();
  if (first !== GZIP_ID1 || (second >= 0 && second !== GZIP_ID2)) {
    if (member > 0) throw trailing();
    throw new CompressedInputError('damaged', start, 'gzip: no member header');
  }
  const method = await gzipByte(input, second);
  if (method !== 8) {
    throw new CompressedInputError('damaged', start, `gzip: method ${method}, expected 8`);
  }
  const flags = await gzipByte(input);
  for (let i = 0; i < 6; i++) await gzipByte(input);
  if ((flags & 4) !== 0) {
    let extra = await gzipByte(input);
    extra += (await gzipByte(input)) * 256;
    for (let i = 0; i < extra; i++) await gzipByte(input);
  }
  // Name, then comment, each up to a zero byte; then a checksum of the header.
  for (const flag of [8, 16]) if ((flags & flag) !== 0) while ((await gzipByte(input)) !== 0);
  if ((flags & 2) !== 0) for (let i = 0; i < 2; i++) await gzipByte(input);
  return true;

  function trailing(): CompressedInputError {
    return new CompressedInputError(
      'trailing-garbage',
      start,
      `gzip: what follows member ${member} is not a member`,
    );
  }
}

async function gzipByte(input: Input, before = 0): Promise<number> {
  const byte = before < 0 ? -1 : await input.byte();
  if (byte < 0) throw new TruncatedError('gzip', input.offset);
  return byte;
}

async function gzipWord(input: Input): Promise<number> {
  let word = 0;
  for (let i = 0; i < 4; i++) word += (await gzipByte(input)) * 2 ** (8 * i);
  return word;
}

/** One deflate stream; takes exactly its bytes from `input`. */
async function* inflate(input: Input): AsyncGenerator<Uint8Array, void, undefined> {
  const stream = createInflateRaw({ chunkSize: OUTPUT_CHUNK });
  const events = new InflateEvents(stream);
  try {
    for (;;) {
      const piece = await input.peek();
      if (piece.length === 0) throw new TruncatedError('gzip', input.offset);
      const before = stream.bytesWritten;
      events.write(piece);
      for (;;) {
        const data = stream.read() as Buffer | null;
        if (data !== null) {
          yield data;
          continue;
        }
        if (events.failure !== undefined) {
          const message = `gzip: ${events.failure.message}`;
          throw new CompressedInputError('damaged', input.offset, message, {
            cause: events.failure,
          });
        }
        if (events.ended || events.written) break;
        await events.next();
      }
      // zlib leaves what follows the end of the stream; without any, the end shows at the next piece.
      input.take(stream.bytesWritten - before);
      if (events.ended) return;
    }
  } finally {
    stream.destroy();
  }
}

/** What an inflating stream has told so far. */
class InflateEvents {
  ended = false;
  /** Whether all of the last piece was taken, and what it gave can be read. */
  written = false;
  failure: Error | undefined;
  private readonly stream: InflateRaw;
  private wake: () => void = () => undefined;

  constructor(stream: InflateRaw) {
    this.stream = stream;
    stream.on('readable', () => {
      this.wake();
    });
    stream.on('end', () => {
      this.ended = true;
      this.wake();
    });
    stream.on('error', (error: Error) => {
      this.failure = error;
      this.wake();
    });
  }

  write(piece: Uint8Array): void {
    this.written = false;
    this.stream.write(piece, () => {
      this.written = true;
      this.wake();
    });
  }

  /** Settles at the next event. */
  async next(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.wake = resolve;
    });
  }
}

async function* unzstd(
  source: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  const input = new Input(source);
  const decoder = new ZstdDecoder(MAX_WINDOW_BYTES);
  try {
    for (;;) {
      const piece = await input.peek();
      if (piece.length === 0) break;
      try {
        yield* decoder.push(piece);
      } catch (error) {
        throw fault(error, input.offset, decoder.frames > 0 && decoder.atFrame);
      }
      input.take(piece.length);
    }
    if (!decoder.betweenFrames) throw new TruncatedError('zstd', input.offset);
  } finally {
    await input.close();
  }
}

async function* bunzip2(
  source: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  const input = new Input(source);
  const decoder = new Bzip2Decoder();
  let held = Buffer.alloc(0);
  let bit = 0;
  // A block is read from its start again when it was not whole, so wait for a good part of it.
  let wanted = 0;
  try {
    for (;;) {
      const piece = await input.peek();
      const last = piece.length === 0;
      if (!last) {
        held = Buffer.concat([held.subarray(bit >>> 3), piece]);
        bit &= 7;
        input.take(piece.length);
        if (held.length < wanted) continue;
      }
      for (;;) {
        if (decoder.betweenStreams && held.length * 8 === bit) {
          if (last) return;
          break;
        }
        let next: number;
        try {
          next = decoder.next(held, bit);
        } catch (error) {
          const at = input.offset - held.length + (bit >>> 3);
          throw fault(error, at, decoder.betweenStreams && decoder.streams > 0);
        }
        if (next < 0) {
          if (last) throw new TruncatedError('bzip2', input.offset);
          wanted = Math.min(
            Math.max(2 * (held.length - (bit >>> 3)), INPUT_PIECE),
            MAX_BLOCK_BYTES,
          );
          break;
        }
        bit = next;
        wanted = 0;
        while (decoder.pending) {
          const out = new Uint8Array(OUTPUT_CHUNK);
          let end: number;
          try {
            end = decoder.drain(out, 0);
          } catch (error) {
            throw fault(error, input.offset - held.length + (bit >>> 3), false);
          }
          yield out.subarray(0, end);
        }
      }
    }
  } finally {
    await input.close();
  }
}

/** The error of a decoder as this module's: `after` = where the input could have ended as well. */
function fault(error: unknown, offset: number, after: boolean): unknown {
  if (!(error instanceof RangeError)) return error;
  const what = after ? 'trailing-garbage' : 'damaged';
  return new CompressedInputError(what, offset, error.message, { cause: error });
}

function startsWith(bytes: Uint8Array, magic: readonly number[]): boolean {
  return bytes.length >= magic.length && magic.every((byte, i) => bytes[i] === byte);
}
