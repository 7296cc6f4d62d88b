import { readFileSync } from 'node:fs';
import { formatAddressAt } from '../../pipeline/address.js';
import { FlowRow } from '../../transforms/decode/flow-row.js';
import type { Decoder, RecordSink } from '../../transforms/decode/format.js';
import { netflow } from '../../transforms/decode/netflow.js';
import { frameDatagrams } from '../../transforms/decode/netflow/datagram-frame.js';
import { ExporterState } from '../../transforms/decode/netflow/exporter-state.js';
import { encodePreamble } from '../../transforms/decode/netflow/preamble.js';
import type { PlainRow } from './collect.js';

/** When the datagrams of tests arrive, unless they say so. */
export const ARRIVED_MS = Date.UTC(2025, 0, 2, 3, 4, 5) + 678;

export const EXPORTER = '192.0.2.9';

/** Rows and counts of what was decoded. */
export class Decoded implements RecordSink {
  readonly row = new FlowRow();
  readonly rows: PlainRow[] = [];
  readonly rejects: Record<string, number> = {};
  readonly skips: Record<string, number> = {};
  /** Records pushed. */
  records = 0;
  /** Calls with a place outside the chunk. */
  badPlaces = 0;
  /** Bytes of the chunk that some record or reject covers. */
  chunkLength = 0;

  push(start: number, end: number): boolean {
    this.#place(start, end);
    const { row } = this;
    if (row.src.family !== row.dst.family) this.badPlaces++;
    this.records++;
    this.rows.push(plainRow(row));
    return true;
  }

  pushAlso(): void {
    this.rows.push(plainRow(this.row));
  }

  reject(reason: string, start: number, end: number): void {
    this.#place(start, end);
    this.row.reset();
    this.rejects[reason] = (this.rejects[reason] ?? 0) + 1;
  }

  skip(reason: string): void {
    this.row.reset();
    this.skips[reason] = (this.skips[reason] ?? 0) + 1;
  }

  #place(start: number, end: number): void {
    if (!(start >= 0 && end >= start && end <= this.chunkLength)) this.badPlaces++;
  }
}

function plainRow({ src, dst, ...rest }: FlowRow): PlainRow {
  return {
    src: formatAddressAt(src.family, src.words, 0),
    dst: formatAddressAt(dst.family, dst.words, 0),
    ...rest,
  };
}

/** Decodes one chunk after the others into `into`. */
export function decodeChunk(decoder: Decoder, chunk: Uint8Array, into = new Decoded()): Decoded {
  into.chunkLength = chunk.length;
  decoder.decode(chunk, into);
  return into;
}

/** Decodes the datagrams as one chunk of an exporter of which nothing is known. */
export function decodeDatagrams(
  datagrams: readonly Uint8Array[],
  state = new ExporterState(EXPORTER),
): Decoded {
  return decodeChunk(netflow.decoder(encodePreamble(state)), frameDatagrams(datagrams, ARRIVED_MS));
}

const ETHERNET = 1;
const UDP = 17;

/** What UDP over IPv4 carries in a classic little-endian pcap file on Ethernet. */
export function udpPayloads(path: string): Buffer[] {
  const file = readFileSync(path);
  if (file.readUInt32LE(0) !== 0xa1b2c3d4) throw new Error(`${path}: not a classic pcap file`);
  if (file.readUInt32LE(20) !== ETHERNET) throw new Error(`${path}: not Ethernet`);
  const payloads: Buffer[] = [];
  for (let at = 24; at + 16 <= file.length;) {
    const frame = file.subarray(at + 16, at + 16 + file.readUInt32LE(at + 8));
    at += 16 + frame.length;
    const ip = frame.readUInt16BE(12) === 0x8100 ? 18 : 14;
    if (frame.readUInt16BE(ip - 2) !== 0x0800 || frame[ip + 9] !== UDP) continue;
    const udp = ip + (frame[ip] & 15) * 4;
    payloads.push(frame.subarray(udp + 8, udp + frame.readUInt16BE(udp + 4)));
  }
  return payloads;
}
