import { type AddressWords, formatAddress4, formatAddress6 } from '../../pipeline/address.js';
import { FlowRow } from '../../transforms/decode/flow-row.js';
import type { Format, RecordSink } from '../../transforms/decode/format.js';

/** One row as a test reads it. */
export interface PlainRow {
  readonly src: string;
  readonly dst: string;
  readonly srcPort: number;
  readonly dstPort: number;
  readonly protocol: number;
  readonly startMs: number;
  readonly endMs: number;
  readonly packets: number;
  readonly bytes: number;
  readonly tcpFlags: number;
  readonly samplingRate: number;
  readonly sensor: string;
  readonly evidence: number;
  readonly initiator: number;
}

export interface Collected {
  /** Records kept: pushes, without further rows of the same record. */
  pushed: number;
  readonly rows: PlainRow[];
  readonly rejects: { readonly reason: string; readonly text: string }[];
  readonly skips: string[];
}

/** Decodes a whole input as a reader does, in chunks of about `chunkBytes`. */
export function collect(
  format: Format,
  input: Uint8Array | string,
  chunkBytes = Infinity,
): Collected {
  const bytes = typeof input === 'string' ? Buffer.from(input, 'utf8') : input;
  const head = bytes.subarray(0, 65_536);
  const preambleLength = format.preambleLength(head);
  const decoder = format.decoder(bytes.subarray(0, preambleLength));
  const result: Collected = { pushed: 0, rows: [], rejects: [], skips: [] };
  let at = preambleLength;
  while (at < bytes.length) {
    const piece = bytes.subarray(at, Math.min(bytes.length, at + chunkBytes));
    const whole =
      at + piece.length >= bytes.length ? piece.length : format.wholeRecords(piece) || piece.length;
    const chunk = bytes.subarray(at, at + whole);
    decoder.decode(chunk, sinkInto(result, chunk));
    at += whole;
  }
  return result;
}

function sinkInto(result: Collected, chunk: Uint8Array): RecordSink {
  const row = new FlowRow();
  return {
    row,
    push() {
      result.pushed++;
      result.rows.push(plain(row));
      row.reset();
      return true;
    },
    pushAlso() {
      result.rows.push(plain(row));
      row.reset();
    },
    reject(reason, start, end) {
      result.rejects.push({ reason, text: Buffer.from(chunk.subarray(start, end)).toString() });
    },
    skip(reason) {
      result.skips.push(reason);
    },
  };
}

function plain(row: FlowRow): PlainRow {
  const { src, dst, ...rest } = row;
  return { src: addressText(src), dst: addressText(dst), ...rest };
}

function addressText({ family, words }: AddressWords): string {
  return family === 4
    ? formatAddress4(words[0])
    : formatAddress6(words[0], words[1], words[2], words[3]);
}

/** How often each word occurs. */
export function tally(words: readonly string[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const word of words) counts[word] = (counts[word] ?? 0) + 1;
  return counts;
}
