import type { BigIntStats } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import type { Chunk, InputSpec } from '../../../../pipeline/chunk.js';
import { sampleOf, type Reject } from '../../../../pipeline/reject.js';
import { ChunkCutter } from '../../chunk-cutter.js';
import {
  CompressedInputError,
  decompress,
  decompressor,
  TruncatedError,
} from '../../decompress.js';
import { Gatherer } from '../../gatherer.js';
import { HEAD_BYTES, isOfLines, recognize, type Recognized } from '../../recognize.js';
import { unreadable } from '../../unreadable.js';
import { fingerprintOf, matches } from './fingerprint.js';
import { shapeOf, type Waits } from './followed-file.js';
import { unread, type Progress } from './progress.js';

const PIECE_BYTES = 1 << 20;

export interface OpenFile {
  readonly handle: FileHandle;
  readonly path: string;
  readonly stats: BigIntStats;
  /** Nobody seems to write it now. */
  readonly settled: boolean;
  /** Nobody has for so long that what has no end will get none. */
  readonly quiet: boolean;
}

/** Whole records, and how far the file is read once they are. */
export interface Step {
  readonly chunk: Chunk;
  readonly progress: Progress;
}

export interface ReadOn {
  readonly progress: Progress;
  readonly waits: Waits;
}

/**
 * Reads a file on from where `before` left it, through what was there when it was opened. Lines are
 * read as they come; a binary or compressed file once it is settled.
 *
 * What is not whole is left until the file is quiet. A file that became shorter, or another one
 * under the same inode, is read from its start. A compressed one is expanded again from its start,
 * and what was read is skipped. What cannot be read is given to `reject`; what a retry may cure is
 * thrown.
 */
export async function* readOn(
  file: OpenFile,
  before: Progress,
  input: InputSpec,
  reject: (reject: Reject) => void,
): AsyncGenerator<Step, ReadOn, undefined> {
  const { handle, path, stats, settled, quiet } = file;
  const size = Number(stats.size);
  const head = await readAt(handle, 0, Math.min(HEAD_BYTES, size));
  const compression = decompressor(head);
  const shorter = compression === undefined && before.offset > size;
  const same = matches(head, before.fingerprint) && !shorter;
  const progress = {
    ...(same ? before : unread(path)),
    path,
    fingerprint: fingerprintOf(head),
  };
  if (head.length === 0) return { progress, waits: 'nothing' };
  if (compression !== undefined && !settled) return { progress, waits: 'settled' };
  if (compression !== undefined) {
    const reader = new Gatherer(decompress(piecesOf(handle, 0, size), compression));
    try {
      return yield* new Reading(file, reader, progress, input, reject).expanded();
    } finally {
      await reader.close();
    }
  }
  const known = recognizePlain(head, progress.format || input.format, settled, quiet);
  if (typeof known === 'string') return { progress, waits: known };
  const start = Math.max(progress.offset, known?.preamble.length ?? 0);
  const reader = new Gatherer(piecesOf(handle, start, size));
  const reading = new Reading(file, reader, progress, input, reject);
  if (known === undefined) return reading.refuse(head);
  if (!isOfLines(known.format) && !settled) return { progress, waits: 'settled' };
  return yield* reading.from(known, start);
}

/** As `recognize`; where that must wait for something, what it is. */
function recognizePlain(
  head: Uint8Array,
  id: string,
  settled: boolean,
  quiet: boolean,
): Recognized | Waits | undefined {
  const growing = recognize(head, id, quiet);
  if (growing !== undefined) return growing;
  if (!settled) return 'recognized';
  const complete = recognize(head, id, true);
  if (complete !== undefined && !isOfLines(complete.format)) return complete;
  // A header without a line, or the begin of one, says nothing yet; a whole line does.
  const sayable =
    quiet || head.length >= HEAD_BYTES || (complete === undefined && head.includes(10));
  return sayable ? complete : 'quiet';
}

/** One turn of reading one file. */
class Reading {
  readonly #file: OpenFile;
  readonly #reader: Gatherer;
  readonly #progress: Progress;
  readonly #input: InputSpec;
  readonly #reject: (reject: Reject) => void;

  constructor(
    file: OpenFile,
    reader: Gatherer,
    progress: Progress,
    input: InputSpec,
    reject: (reject: Reject) => void,
  ) {
    this.#file = file;
    this.#reader = reader;
    this.#progress = progress;
    this.#input = input;
    this.#reject = reject;
  }

  /** The file is of no format: it is told once. */
  refuse(head: Uint8Array): ReadOn {
    const progress = this.#progress;
    if (!progress.refused) {
      this.#problem('unknown', 'file-of-unknown-format', 0, sampleOf(head, 0, head.length));
    }
    const { stats } = this.#file;
    return {
      progress: { ...progress, refused: true, readWhole: shapeOf(stats) },
      waits: 'nothing',
    };
  }

  /** Reads a compressed file; the reader gives what it expands to. */
  async *expanded(): AsyncGenerator<Step, ReadOn, undefined> {
    const reader = this.#reader;
    const { format, offset } = this.#progress;
    // Damage in the head must not keep what is whole before it from being read.
    const fault = await reader.fill(HEAD_BYTES).then(
      () => undefined,
      (error: unknown) => error as Error,
    );
    const head = reader.bytes.subarray(0, HEAD_BYTES);
    const known = recognize(head, format || this.#input.format, true);
    if (known === undefined) {
      if (fault === undefined && head.length > 0) return this.refuse(head);
      return this.#fault('unknown', fault, 0);
    }
    const start = Math.max(offset, known.preamble.length);
    try {
      if ((await reader.skip(start)) < start) return this.#fault(known.format.id, fault, start);
    } catch (error) {
      return this.#fault(known.format.id, error as Error, start);
    }
    return yield* this.from(known, start, fault);
  }

  /** Reads on; the reader begins at `start`, behind the preamble. `headFault`: what came after the head. */
  async *from(
    known: Recognized,
    start: number,
    headFault?: Error,
  ): AsyncGenerator<Step, ReadOn, undefined> {
    const { path, quiet, stats } = this.#file;
    const { format } = known;
    const { id } = format;
    const block = { tooLong: false };
    const cutter = new ChunkCutter(
      this.#reader,
      { input: this.#input, uri: path, ...known },
      start,
      (...what) => {
        // Nothing says where the next block begins.
        block.tooLong = !isOfLines(format);
        this.#problem(id, ...what);
      },
    );
    const at = (offset: number): Progress => {
      return { ...this.#progress, format: id, offset, midLine: false, refused: false };
    };
    // The last chunk waits for its end: only then its checkpoint can say that all was read.
    let held: Chunk | undefined;
    let fault: CompressedInputError | undefined;
    try {
      if (headFault !== undefined) throw headFault;
      const go = !this.#progress.midLine || (await cutter.skipLine());
      if (go) {
        for await (const chunk of cutter.chunks({ leaveRest: !quiet })) {
          if (held !== undefined) yield { chunk: held, progress: at(endOf(held)) };
          held = chunk;
        }
      }
    } catch (error) {
      if (!(error instanceof CompressedInputError)) throw error;
      fault = error;
      const whole = cutter.wholeRest(Infinity);
      if (whole !== undefined) {
        if (held !== undefined) yield { chunk: held, progress: at(endOf(held)) };
        held = whole;
      }
    } finally {
      await this.#reader.close();
    }
    const rest = this.#reader.bytes.length > 0 && !block.tooLong && !quiet;
    const left = fault === undefined ? rest : this.#mayGrow(fault);
    const progress = {
      ...at(cutter.offset),
      midLine: cutter.midLine,
      readWhole: left ? '' : shapeOf(stats),
    };
    if (held !== undefined) yield { chunk: held, progress };
    if (fault !== undefined && !left) this.#tell(id, fault, cutter.offset);
    return { progress, waits: left ? 'quiet' : 'nothing' };
  }

  /** The file ended before anything could be read on. */
  #fault(format: string, fault: Error | undefined, offset: number): ReadOn {
    const progress = this.#progress;
    if (fault === undefined || this.#mayGrow(fault)) {
      return { progress, waits: this.#file.quiet ? 'nothing' : 'quiet' };
    }
    this.#tell(format, fault, offset);
    return {
      progress: { ...progress, readWhole: shapeOf(this.#file.stats) },
      waits: 'nothing',
    };
  }

  /** Whether a file that was cut may still be written, slowly. */
  #mayGrow(fault: unknown): boolean {
    return fault instanceof TruncatedError && !this.#file.quiet;
  }

  #tell(format: string, fault: unknown, offset: number): void {
    const sample = (fault as Error).message.slice(0, 200);
    this.#problem(format, unreadable('file', fault), offset, sample);
  }

  #problem(format: string, reason: string, offset: number, sample: string): void {
    this.#reject({ format, reason, file: this.#file.path, offset, sample });
  }
}

function endOf({ offset, bytes }: Chunk): number {
  return offset + bytes.length;
}

async function readAt(handle: FileHandle, start: number, length: number): Promise<Uint8Array> {
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, start);
  return buffer.subarray(0, bytesRead);
}

/** The bytes [start, end) of a file, or as many as there are. */
async function* piecesOf(
  handle: FileHandle,
  start: number,
  end: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  for (let at = start; at < end;) {
    // Not from the pool: a chunk keeps its buffer while it waits.
    const piece = Buffer.allocUnsafeSlow(Math.min(PIECE_BYTES, end - at));
    const { bytesRead } = await handle.read(piece, 0, piece.length, at);
    if (bytesRead === 0) return;
    at += bytesRead;
    yield piece.subarray(0, bytesRead);
  }
}
