import type { Chunk, InputSpec } from '../../pipeline/chunk.js';
import { sampleOf } from '../../pipeline/reject.js';
import { wholeLines, type Format } from '../decode/format.js';
import type { Gatherer } from './gatherer.js';

/** Bytes a chunk has at least, but for the last of a file. */
const CHUNK_BYTES = 1 << 20;

/** A record may have no more: a line (without its line feed) or a block beyond it is a reject. */
const MAX_RECORD_BYTES = 16 << 20;
const MAX_LINE_BYTES = 1 << 20;

/** What every chunk of an input has. */
export interface CutInput {
  readonly input: InputSpec;
  readonly uri: string;
  readonly format: Format;
  readonly preamble: Uint8Array;
  /** When it came in, where it came live and at once. */
  readonly arrivedMs?: number;
}

export interface CutOptions {
  /** Ends with the record that begins before it; only for formats of lines. */
  readonly limit?: number;
  /** Gives whole records as they come, instead of gathering a large chunk. */
  readonly eager?: boolean;
  /** Leaves what no end of record follows; it may still grow. */
  readonly leaveRest?: boolean;
}

/** Tells of a record that cannot be given out. */
export type CutProblem = (reason: string, offset: number, sample: string) => void;

/** Cuts what a gatherer reads into chunks of whole records, in order. */
export class ChunkCutter {
  readonly #reader: Gatherer;
  readonly #from: CutInput;
  readonly #problem: CutProblem;
  #offset: number;
  #midLine = false;

  /** `offset`: where the gatherer's bytes begin in the decompressed input. */
  constructor(reader: Gatherer, from: CutInput, offset: number, problem: CutProblem) {
    this.#reader = reader;
    this.#from = from;
    this.#offset = offset;
    this.#problem = problem;
  }

  /** Where the next record begins; up to the chunk that is given out at the moment. */
  get offset(): number {
    return this.#offset;
  }

  /** Whether the input ended within a line that is too long, and its rest is to be skipped. */
  get midLine(): boolean {
    return this.#midLine;
  }

  /** Skips the rest of a line; false if its end did not come. */
  async skipLine(): Promise<boolean> {
    const { dropped, found } = await this.#reader.dropThrough(10, Infinity);
    this.#offset += dropped;
    this.#midLine = !found;
    return found;
  }

  async *chunks(options: CutOptions = {}): AsyncGenerator<Chunk, void, undefined> {
    const reader = this.#reader;
    const { format } = this.#from;
    const { limit = Infinity, eager = false, leaveRest = false } = options;
    while (this.#offset < limit) {
      if (!eager) await reader.fill(CHUNK_BYTES);
      while (reader.bytes.length === 0) if (!(await reader.more())) return;
      const cut = await this.#nextCut(limit, leaveRest);
      if (cut === undefined) return;
      if (cut > 0) {
        yield this.#chunk(cut);
        this.#offset += cut;
        continue;
      }
      const { bytes } = reader;
      this.#problem('record-too-long', this.#offset, sampleOf(bytes, 0, bytes.length));
      if (format.wholeRecords !== wholeLines || !(await this.skipLine())) return;
    }
  }

  /** What is whole of what was read before a fault; undefined where nothing is. */
  wholeRest(limit: number): Chunk | undefined {
    const { bytes } = this.#reader;
    const whole = Math.min(this.#from.format.wholeRecords(bytes), limit);
    if (whole <= 0) return undefined;
    const chunk = this.#chunk(whole);
    this.#offset += whole;
    return chunk;
  }

  #chunk(length: number): Chunk {
    const { format, ...from } = this.#from;
    const bytes = this.#reader.take(length);
    return { ...from, format: format.id, offset: this.#offset, bytes };
  }

  /**
   * Bytes of whole records at the front of the reader, up to the record that begins before `limit`;
   * 0 = the record is too long; undefined = it is not whole and is left.
   */
  async #nextCut(limit: number, leaveRest: boolean): Promise<number | undefined> {
    const reader = this.#reader;
    const { format } = this.#from;
    const lines = format.wholeRecords === wholeLines;
    for (;;) {
      const { bytes, ended } = reader;
      const atEnd = ended && !leaveRest;
      // The last record that begins before the limit ends at the first line feed from limit - 1 on.
      const last = limit - 1 - this.#offset;
      let whole = atEnd ? bytes.length : 0;
      if (last < bytes.length) {
        const end = bytes.indexOf(10, last) + 1;
        if (end > 0) whole = end;
      } else if (!atEnd) {
        whole = format.wholeRecords(bytes);
      }
      if (lines) {
        // Where a line is too long must not depend on how the file was cut: the decoder gets none.
        const fits = startOfLongLine(bytes, whole > 0 ? whole : bytes.length);
        if (fits < (whole > 0 ? whole : bytes.length)) return fits;
      }
      if (whole > 0) return whole;
      // A line that is too long was found above: here the rest of one is only not read yet.
      if (!lines && bytes.length > MAX_RECORD_BYTES) return 0;
      if (ended) return leaveRest ? undefined : 0;
      await reader.more();
    }
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
