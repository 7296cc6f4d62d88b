import { parseAddress } from '../../pipeline/address.js';
import { bomLength, lineEnd, withoutReturn } from './delimited.js';
import { type Decoder, type Format, type RecordSink, wholeLines } from './format.js';
import { JsonScanner } from './json-scanner.js';
import { SensorNames } from './sensor-names.js';
import { parseFlags } from './text-flags.js';
import { parseCount, parsePort } from './text-numbers.js';
import { parseProtocol } from './text-protocols.js';
import { parseTime } from './text-times.js';

const BRACE = 123;

const START = 0;
const END = 1;
const RECEIVED = 2;
const SRC = 3;
const DST = 4;
const SRC_PORT = 5;
const DST_PORT = 6;
const PROTOCOL = 7;
const PACKETS = 8;
const BYTES = 9;
const FLAGS = 10;
const RATE = 11;
const SENSOR = 12;
const SLOTS = 13;

/** Keys of goflow2 v2, then of goflow and goflow2 v1 (seconds or milliseconds). */
const KEYS = {
  time_flow_start_ns: START,
  time_flow_end_ns: END,
  time_received_ns: RECEIVED,
  src_addr: SRC,
  dst_addr: DST,
  src_port: SRC_PORT,
  dst_port: DST_PORT,
  proto: PROTOCOL,
  packets: PACKETS,
  bytes: BYTES,
  tcp_flags: FLAGS,
  sampling_rate: RATE,
  sampler_address: SENSOR,
  time_flow_start: START,
  time_flow_end: END,
  time_received: RECEIVED,
  TimeFlowStart: START,
  TimeFlowEnd: END,
  TimeReceived: RECEIVED,
  SrcAddr: SRC,
  DstAddr: DST,
  SrcPort: SRC_PORT,
  DstPort: DST_PORT,
  Proto: PROTOCOL,
  Packets: PACKETS,
  Bytes: BYTES,
  TCPFlags: FLAGS,
  SamplingRate: RATE,
  SamplerAddress: SENSOR,
} as const;

/**
 * JSON lines of goflow2: one flow record an object, counters as sampled, times in nanoseconds
 * (beyond 2^53, so read digit by digit and rounded to milliseconds) or as dates. Without a start
 * (0 in records of some exporters) the time of reception stands for both ends.
 */
export const goflow2: Format = {
  id: 'goflow2',
  splittable: true,
  wholeRecords: wholeLines,

  detect(head) {
    const scanner = new JsonScanner(KEYS, SLOTS);
    const start = bomLength(head);
    if (!scanner.scan(head, start, withoutReturn(head, start, lineEnd(head, start)))) return false;
    const timed = scanner.has(START) || scanner.has(END) || scanner.has(RECEIVED);
    return timed && scanner.has(SRC) && scanner.has(DST);
  },

  preambleLength: bomLength,

  decoder() {
    return new Goflow2Decoder();
  },
};

class Goflow2Decoder implements Decoder {
  readonly #scanner = new JsonScanner(KEYS, SLOTS);
  readonly #sensors = new SensorNames();

  decode(chunk: Uint8Array, sink: RecordSink): void {
    let start = 0;
    while (start < chunk.length) {
      const feed = lineEnd(chunk, start);
      const end = withoutReturn(chunk, start, feed);
      if (end > start) {
        const reason = this.#scanner.scan(chunk, start, end)
          ? this.#row(chunk, sink, start, end)
          : feed === chunk.length && chunk[start] === BRACE
            ? 'truncated'
            : 'bad-json';
        if (reason !== '') {
          sink.row.reset();
          sink.reject(reason, start, end);
        }
      }
      start = feed + 1;
    }
  }

  #row(text: Uint8Array, sink: RecordSink, start: number, end: number): string {
    const scanner = this.#scanner;
    const { starts, ends } = scanner;
    const { row } = sink;
    if (!scanner.has(SRC) || !scanner.has(DST)) return 'missing-column';

    let startMs = this.#time(text, START);
    let endMs = this.#time(text, END);
    if (startMs === 0 && endMs === 0) {
      startMs = this.#time(text, RECEIVED);
      if (startMs === 0) return 'missing-column';
    }
    if (startMs === 0) startMs = endMs;
    if (endMs === 0) endMs = startMs;
    if (Number.isNaN(endMs - startMs)) return 'bad-time';
    row.startMs = startMs;
    row.endMs = endMs;

    if (!parseAddress(text, starts[SRC], ends[SRC], row.src)) return 'bad-address';
    if (!parseAddress(text, starts[DST], ends[DST], row.dst)) return 'bad-address';
    row.srcPort = scanner.has(SRC_PORT) ? parsePort(text, starts[SRC_PORT], ends[SRC_PORT]) : 0;
    row.dstPort = scanner.has(DST_PORT) ? parsePort(text, starts[DST_PORT], ends[DST_PORT]) : 0;
    if (row.srcPort < 0 || row.dstPort < 0) return 'bad-port';
    row.protocol = scanner.has(PROTOCOL)
      ? parseProtocol(text, starts[PROTOCOL], ends[PROTOCOL])
      : 0;
    if (row.protocol < 0) return 'bad-protocol';
    row.packets = this.#count(text, PACKETS);
    row.bytes = this.#count(text, BYTES);
    row.samplingRate = this.#count(text, RATE);
    if (Number.isNaN(row.packets + row.bytes + row.samplingRate)) return 'bad-number';
    if (scanner.has(FLAGS)) {
      row.tcpFlags = parseFlags(text, starts[FLAGS], ends[FLAGS]);
      if (row.tcpFlags < 0) return 'bad-flags';
    }
    if (scanner.has(SENSOR)) row.sensor = this.#sensors.of(text, starts[SENSOR], ends[SENSOR]);
    sink.push(start, end);
    return '';
  }

  /** Milliseconds; 0 if there is none, NaN if it is no time. */
  #time(text: Uint8Array, slot: number): number {
    const { starts, ends } = this.#scanner;
    return this.#scanner.has(slot) ? parseTime(text, starts[slot], ends[slot]) : 0;
  }

  #count(text: Uint8Array, slot: number): number {
    const { starts, ends } = this.#scanner;
    return this.#scanner.has(slot) ? parseCount(text, starts[slot], ends[slot]) : 0;
  }
}
