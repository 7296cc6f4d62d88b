import type { FlowRow } from './flow-row.js';

/**
 * A flow format. Adding one is: this object in a file of its own, a line in formats.ts, a test.
 *
 * `read` cuts a file into chunks of whole records, each of which is decoded without the others; so
 * the same decoder serves a file range, a gzip stream and a Pub/Sub message.
 */
export interface Format {
  /** As in configuration: `csv`, `nfcapd`, ... */
  readonly id: string;

  /** Whether `head`, the first bytes (at most 64 KiB) of an input, is of this format. */
  detect(head: Uint8Array): boolean;

  /**
   * Length of the leading bytes of `head` that every chunk needs again (a CSV header line, Zeek's
   * `#` lines, a binary file header); 0 if none. The first chunk of an input begins after them.
   */
  preambleLength(head: Uint8Array): number;

  /**
   * Length of the leading part of `bytes` that is whole records: 0 if not even one is whole.
   * `bytes` starts at a record. Formats of lines use `wholeLines`.
   */
  wholeRecords(bytes: Uint8Array): number;

  /**
   * Whether a reader may start in the middle of an input: the record after the next line feed is
   * then a first record. False for binary formats.
   */
  readonly splittable: boolean;

  /** A decoder of chunks that share `preamble`. */
  decoder(preamble: Uint8Array): Decoder;
}

export interface Decoder {
  /**
   * Decodes a chunk. Every record ends in exactly one of `sink.push` (further rows of the same
   * record: `sink.pushAlso`), `sink.reject`, or `sink.skip`. Never throws for what is in the bytes.
   */
  decode(chunk: Uint8Array, sink: RecordSink): void;
}

/** Where a decoder puts what it reads. `start` and `end` are the record's place in the chunk. */
export interface RecordSink {
  /** The row under construction. The decoder resets it before each record; `push` leaves it as it is. */
  readonly row: FlowRow;
  /** One record is read; its row is kept, or rejected if its times or addresses cannot be. Returns whether it was kept. */
  push(start: number, end: number): boolean;
  /** A further row of the record pushed last (the other direction of a two-way record). */
  pushAlso(): void;
  /** One record is read and cannot be used. `reason` is kebab-case and one of few. */
  reject(reason: string, start: number, end: number): void;
  /** One record is read that is sound and not a flow (Argus `man`, nfdump's summary, AWS NODATA). */
  skip(reason: string): void;
}

/** `wholeRecords` for formats of lines. */
export function wholeLines(bytes: Uint8Array): number {
  return bytes.lastIndexOf(10) + 1;
}
