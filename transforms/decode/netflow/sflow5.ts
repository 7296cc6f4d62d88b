import { formatAddress4, formatAddress6 } from '../../../pipeline/address.js';
import { FLAGS_UNKNOWN, TCP } from '../../../pipeline/codes.js';
import type { RecordSink } from '../format.js';
import { readAddress6, unmapBoth } from './record-values.js';
import { readFrame, readIpv4, readIpv6 } from './sampled-packet.js';

export const SFLOW5 = 5;

const FLOW_SAMPLE = 1;
const COUNTER_SAMPLE = 2;
const EXPANDED_FLOW_SAMPLE = 3;
const EXPANDED_COUNTER_SAMPLE = 4;

const RAW_HEADER = 1;
const IPV4_DATA = 3;
const IPV6_DATA = 4;

/** Header protocols of a raw header. */
const ETHERNET = 1;
const IPV4 = 11;
const IPV6 = 12;

const ICMP = 1;
const ICMP6 = 58;

/** Header of an sFlow v5 datagram; one object for all. */
export class SflowHeader {
  /** Address of the agent, `-` if it has none. */
  agent = '';
  subAgent = 0;
  sequence = 0;
  samples = 0;
  /** Where the samples begin. */
  at = 0;

  /** Returns whether there is a whole header from `at` to `end`. */
  read(view: DataView, at: number, end: number): boolean {
    if (end - at < 8) return false;
    const addressLength = ADDRESS_LENGTH[view.getUint32(at + 4)];
    if (addressLength === undefined) return false;
    const rest = at + 8 + addressLength;
    if (end - rest < 16) return false;
    this.agent = agentText(view, at + 8, addressLength);
    this.subAgent = view.getUint32(rest);
    this.sequence = view.getUint32(rest + 4);
    this.samples = view.getUint32(rest + 12);
    this.at = rest + 16;
    return true;
  }
}

/** By address type: unknown, IPv4, IPv6. */
const ADDRESS_LENGTH: readonly (number | undefined)[] = [0, 4, 16];
const agentWords = new Uint32Array(4);

function agentText(view: DataView, at: number, length: number): string {
  if (length === 0) return '-';
  if (length === 4) return formatAddress4(view.getUint32(at));
  readAddress6(view, at, agentWords);
  const [w0, w1, w2, w3] = agentWords;
  return formatAddress6(w0, w1, w2, w3);
}

const header = new SflowHeader();

/**
 * Rows of an sFlow v5 datagram, in `view` from `at` to `end`: a sampled packet is a row of one packet
 * at the time of the datagram's arrival, with the bytes of its frame. Counters are skipped.
 * `sensorOf` is told the agent and the sub-agent. Source: sflow.org, "sFlow Version 5", July 2004.
 */
export function decodeSflow5(
  view: DataView,
  at: number,
  end: number,
  arrivedMs: number,
  sensorOf: (agent: string, subAgent: number) => string,
  sink: RecordSink,
): void {
  if (!header.read(view, at, end)) {
    sink.reject('truncated', at, end);
    return;
  }
  const sensor = sensorOf(header.agent, header.subAgent);
  at = header.at;
  if (header.samples === 0) sink.skip('empty');
  for (let i = 0; i < header.samples; i++) {
    const length = end - at < 8 ? Infinity : view.getUint32(at + 4);
    if (length > end - at - 8) {
      sink.reject('truncated', at, end);
      return;
    }
    const type = view.getUint32(at);
    const next = at + 8 + length;
    if (type === FLOW_SAMPLE || type === EXPANDED_FLOW_SAMPLE) {
      flowSample(view, at, next, type === EXPANDED_FLOW_SAMPLE, arrivedMs, sensor, sink);
    } else {
      const counters = type === COUNTER_SAMPLE || type === EXPANDED_COUNTER_SAMPLE;
      sink.skip(counters ? 'counter-sample' : 'other-sample');
    }
    at = next;
  }
  if (at < end) sink.reject('trailing-bytes', at, end);
}

function flowSample(
  view: DataView,
  start: number,
  end: number,
  expanded: boolean,
  arrivedMs: number,
  sensor: string,
  sink: RecordSink,
): void {
  // Without the type and length of the sample.
  const rate = start + 8 + (expanded ? 12 : 8);
  let at = rate + (expanded ? 28 : 20);
  if (at + 4 > end) {
    sink.reject('truncated', start, end);
    return;
  }
  const samplingRate = view.getUint32(rate);
  const records = view.getUint32(at);
  at += 4;
  const { row } = sink;
  row.reset();
  let found = false;
  for (let i = 0; i < records; i++) {
    const length = end - at < 8 ? Infinity : view.getUint32(at + 4);
    if (length > end - at - 8) {
      sink.reject('truncated', start, end);
      return;
    }
    const type = view.getUint32(at);
    const next = at + 8 + length;
    // The packet itself says more than what was read from it.
    if (!found || type === RAW_HEADER) found = readPacket(view, type, at + 8, next, sink) || found;
    at = next;
  }
  if (!found) {
    sink.skip('no-address');
    return;
  }
  if (row.protocol === ICMP || row.protocol === ICMP6) {
    row.srcPort = 0;
    row.dstPort = 0;
  }
  row.startMs = arrivedMs;
  row.endMs = arrivedMs;
  row.packets = 1;
  row.samplingRate = samplingRate;
  row.sensor = sensor;
  sink.push(start, end);
}

function readPacket(
  view: DataView,
  type: number,
  at: number,
  end: number,
  { row }: RecordSink,
): boolean {
  if (type === RAW_HEADER && end - at >= 16) {
    const protocol = view.getUint32(at);
    const stop = Math.min(end, at + 16 + view.getUint32(at + 12));
    const read = READERS.get(protocol);
    if (read?.(view, at + 16, stop, row) !== true) return false;
    row.bytes = view.getUint32(at + 4);
    return true;
  }
  const words = type === IPV4_DATA ? 1 : 4;
  if ((type !== IPV4_DATA && type !== IPV6_DATA) || end - at < 24 + words * 8) return false;
  row.bytes = view.getUint32(at);
  row.protocol = view.getUint32(at + 4) & 0xff;
  row.src.family = words === 1 ? 4 : 6;
  row.dst.family = row.src.family;
  const second = at + 8 + words * 4;
  if (words === 1) {
    row.src.words[0] = view.getUint32(at + 8);
    row.dst.words[0] = view.getUint32(second);
  } else {
    readAddress6(view, at + 8, row.src.words);
    readAddress6(view, second, row.dst.words);
    unmapBoth(row.src, row.dst);
  }
  const ports = second + words * 4;
  row.srcPort = view.getUint32(ports) & 0xffff;
  row.dstPort = view.getUint32(ports + 4) & 0xffff;
  row.tcpFlags = row.protocol === TCP ? view.getUint32(ports + 8) & 0xff : FLAGS_UNKNOWN;
  return true;
}

const READERS: ReadonlyMap<number, typeof readFrame> = new Map([
  [ETHERNET, readFrame],
  [IPV4, readIpv4],
  [IPV6, readIpv6],
]);
