import { wholeLines, type Format } from '../decode/format.js';
import { detectFormat, formatById } from '../decode/formats.js';

/** Bytes that formats are recognised by. */
export const HEAD_BYTES = 64 * 1024;

/** A binary format's file header is shorter. */
const BINARY_HEAD_BYTES = 4096;

export interface Recognized {
  readonly format: Format;
  /** What every chunk needs; a copy. */
  readonly preamble: Uint8Array;
}

/** Whether an input of that format can be read up to the last line while it is still written. */
export function isOfLines(format: Format): boolean {
  return format.wholeRecords === wholeLines;
}

/**
 * The format and preamble of an input of which `head` (at most HEAD_BYTES) is there so far. Not
 * `complete`: more may come, so a line counts only with its end, and a preamble only with what
 * follows it. undefined: not known, or not yet. `id`: a format, or `auto`.
 */
export function recognize(head: Uint8Array, id: string, complete: boolean): Recognized | undefined {
  if (complete || head.length >= HEAD_BYTES) return recognizeIn(head, id);
  const lines = recognizeIn(head.subarray(0, wholeLines(head)), id);
  if (lines !== undefined && isOfLines(lines.format)) {
    return lines.preamble.length < wholeLines(head) ? lines : undefined;
  }
  const binary = head.length >= BINARY_HEAD_BYTES ? recognizeIn(head, id) : undefined;
  return binary === undefined || isOfLines(binary.format) ? undefined : binary;
}

function recognizeIn(head: Uint8Array, id: string): Recognized | undefined {
  const format = id === 'auto' ? detectFormat(head) : formatById(id);
  return format && { format, preamble: head.slice(0, format.preambleLength(head)) };
}
