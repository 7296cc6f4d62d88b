import { DESTINATION, FLAGS_UNKNOWN, NO_SIDE, SOURCE } from '../../../pipeline/codes.js';
import type { FlowRow } from '../flow-row.js';
import type { RecordSink } from '../format.js';
import { samplerOf, samplingRateOf } from './exporter-facts.js';
import type { DomainState } from './exporter-state.js';
import { FIELD, REVERSE } from './field.js';
import { FlowTimes } from './flow-times.js';
import type { MessageHeader } from './message.js';
import { unmapBoth, type RecordValues } from './record-values.js';
import type { Template } from './template.js';

const ICMP = 1;
const ICMP6 = 58;
/** IANA firewallEvent. */
const FIREWALL_DENIED = 3;

const times = new FlowTimes();

/**
 * Puts the record that `values` holds, at `start` to `end`, into the sink: a row, and a second one
 * where it counts the other direction; or skips it, if it is no flow.
 */
export function pushFlow(
  values: RecordValues,
  { has }: Template,
  message: MessageHeader,
  domain: DomainState,
  sensor: string,
  sink: RecordSink,
  start: number,
  end: number,
): void {
  const { row } = sink;
  const { numbers } = values;
  if (has[FIELD.natEvent] === 1) {
    sink.skip('nat-event');
    return;
  }
  const firewall = has[FIELD.firewallEvent] === 1;
  if (firewall && numbers[FIELD.firewallEvent] === FIREWALL_DENIED) {
    sink.skip('firewall-denied');
    return;
  }
  row.reset();
  if (!readAddresses(values, has, row)) {
    sink.skip('no-address');
    return;
  }
  const packets = packetsOf(numbers, has);
  const bytes = bytesOf(numbers, has);
  const reversePackets = reversePacketsOf(numbers, has);
  const reverseBytes = reverseBytesOf(numbers, has);
  if (packets < 0 && bytes < 0) {
    sink.skip(firewall ? 'firewall-event' : 'no-counts');
    return;
  }
  if (firewall && packets <= 0 && bytes <= 0 && reversePackets <= 0 && reverseBytes <= 0) {
    sink.skip('firewall-event');
    return;
  }

  const protocol = has[FIELD.protocol] === 1 ? numbers[FIELD.protocol] : 0;
  // Type and code of ICMP are in the destination port.
  const ported = protocol !== ICMP && protocol !== ICMP6;
  row.protocol = protocol;
  row.srcPort = ported && has[FIELD.sourcePort] === 1 ? numbers[FIELD.sourcePort] : 0;
  row.dstPort = ported && has[FIELD.destinationPort] === 1 ? numbers[FIELD.destinationPort] : 0;
  times.read(values, has, message, domain);
  row.startMs = times.startMs;
  row.endMs = times.endMs;
  row.packets = Math.max(packets, 0);
  row.bytes = Math.max(bytes, 0);
  row.tcpFlags = flagsOf(numbers, has, FIELD.tcpFlags);
  const samplingRate = rateOf(values, has, domain);
  row.samplingRate = samplingRate;
  row.sensor = sensor;
  const initiator =
    has[FIELD.biflowDirection] === 1 ? initiatorOf(numbers[FIELD.biflowDirection]) : NO_SIDE;
  row.initiator = initiator;
  if (!sink.push(start, end) || (reversePackets <= 0 && reverseBytes <= 0)) return;

  // The sink may have exchanged start and end.
  times.startMs = row.startMs;
  times.endMs = row.endMs;
  times.readReverse(values, has, message, domain);
  row.initiator = initiator;
  row.reverse();
  row.startMs = times.startMs;
  row.endMs = times.endMs;
  row.packets = Math.max(reversePackets, 0);
  row.bytes = Math.max(reverseBytes, 0);
  row.tcpFlags = flagsOf(numbers, has, FIELD.tcpFlags + REVERSE);
  row.samplingRate = samplingRate;
  row.sensor = sensor;
  sink.pushAlso();
}

function readAddresses(values: RecordValues, has: Uint8Array, row: FlowRow): boolean {
  const four = has[FIELD.sourceAddress4] === 1 && has[FIELD.destinationAddress4] === 1;
  const six = has[FIELD.sourceAddress6] === 1 && has[FIELD.destinationAddress6] === 1;
  if (!four && !six) return false;
  const { src, dst } = row;
  // A template for both leaves those of one zero.
  if (four && !(six && isSix(values, has))) {
    src.family = 4;
    dst.family = 4;
    src.words[0] = values.source4[0];
    dst.words[0] = values.destination4[0];
    return true;
  }
  src.family = 6;
  dst.family = 6;
  for (let w = 0; w < 4; w++) {
    src.words[w] = values.source6[w];
    dst.words[w] = values.destination6[w];
  }
  unmapBoth(src, dst);
  return true;
}

function isSix({ numbers, source4, destination4 }: RecordValues, has: Uint8Array): boolean {
  if (has[FIELD.ipVersion] === 1 && numbers[FIELD.ipVersion] !== 0) {
    return numbers[FIELD.ipVersion] === 6;
  }
  return source4[0] === 0 && destination4[0] === 0;
}

/** -1 = not counted. The counts behind the device (23, 24) are those of the flow only where no others are. */
function packetsOf(numbers: Float64Array, has: Uint8Array): number {
  if (has[FIELD.packets] === 1) return numbers[FIELD.packets];
  if (has[FIELD.packetsTotal] === 1) return numbers[FIELD.packetsTotal];
  if (has[FIELD.initiatorPackets] === 1) return numbers[FIELD.initiatorPackets];
  return has[FIELD.packetsOut] === 1 ? numbers[FIELD.packetsOut] : -1;
}

function bytesOf(numbers: Float64Array, has: Uint8Array): number {
  if (has[FIELD.bytes] === 1) return numbers[FIELD.bytes];
  if (has[FIELD.bytesTotal] === 1) return numbers[FIELD.bytesTotal];
  if (has[FIELD.initiatorBytes] === 1) return numbers[FIELD.initiatorBytes];
  return has[FIELD.bytesOut] === 1 ? numbers[FIELD.bytesOut] : -1;
}

function reversePacketsOf(numbers: Float64Array, has: Uint8Array): number {
  if (has[FIELD.packets + REVERSE] === 1) return numbers[FIELD.packets + REVERSE];
  if (has[FIELD.packetsTotal + REVERSE] === 1) return numbers[FIELD.packetsTotal + REVERSE];
  return has[FIELD.responderPackets] === 1 ? numbers[FIELD.responderPackets] : -1;
}

function reverseBytesOf(numbers: Float64Array, has: Uint8Array): number {
  if (has[FIELD.bytes + REVERSE] === 1) return numbers[FIELD.bytes + REVERSE];
  if (has[FIELD.bytesTotal + REVERSE] === 1) return numbers[FIELD.bytesTotal + REVERSE];
  return has[FIELD.responderBytes] === 1 ? numbers[FIELD.responderBytes] : -1;
}

/** Of IPFIX's 16 bits (RFC 9565) those that all formats have. */
function flagsOf(numbers: Float64Array, has: Uint8Array, field: number): number {
  return has[field] === 1 ? numbers[field] & 0xff : FLAGS_UNKNOWN;
}

/** By the record, by the sampler that it names, by its domain. */
function rateOf(values: RecordValues, has: Uint8Array, domain: DomainState): number {
  const own = samplingRateOf(values, has);
  if (own > 0) return own;
  return domain.samplers.get(samplerOf(values, has)) ?? domain.samplingRate;
}

/** RFC 5103 section 6.3, biflowDirection; 3 is the perimeter and says nothing. */
function initiatorOf(biflowDirection: number): number {
  if (biflowDirection === 1) return SOURCE;
  return biflowDirection === 2 ? DESTINATION : NO_SIDE;
}
