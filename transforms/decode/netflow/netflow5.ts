import type { RecordSink } from '../format.js';
import { fromUptime } from './flow-times.js';

const HEADER = 24;
const RECORD = 48;
const ICMP = 1;

/** Rows of a NetFlow v5 packet, in `view` from `at` to `end`. Source: Cisco, "NetFlow Services Solutions Guide", table B-3 and B-4. */
export function decodeNetflow5(
  view: DataView,
  at: number,
  end: number,
  sensorOf: (domain: number) => string,
  sink: RecordSink,
): void {
  if (end - at < HEADER) {
    sink.reject('truncated', at, end);
    return;
  }
  const { row } = sink;
  const count = view.getUint16(at + 2);
  const uptimeMs = view.getUint32(at + 4);
  const messageMs = view.getUint32(at + 8) * 1000 + Math.floor(view.getUint32(at + 12) / 1_000_000);
  const sensor = sensorOf(netflow5Engine(view, at));
  // The two highest bits are the method.
  const samplingRate = view.getUint16(at + 22) & 0x3fff;
  at += HEADER;
  if (count === 0) sink.skip('empty');
  for (let i = 0; i < count; i++) {
    if (end - at < RECORD) {
      sink.reject('truncated', at, end);
      return;
    }
    row.reset();
    row.src.family = 4;
    row.dst.family = 4;
    row.src.words[0] = view.getUint32(at);
    row.dst.words[0] = view.getUint32(at + 4);
    row.packets = view.getUint32(at + 16);
    row.bytes = view.getUint32(at + 20);
    row.startMs = fromUptime(view.getUint32(at + 24), uptimeMs, messageMs);
    row.endMs = fromUptime(view.getUint32(at + 28), uptimeMs, messageMs);
    const protocol = view.getUint8(at + 38);
    const ported = protocol !== ICMP;
    row.srcPort = ported ? view.getUint16(at + 32) : 0;
    row.dstPort = ported ? view.getUint16(at + 34) : 0;
    row.tcpFlags = view.getUint8(at + 37);
    row.protocol = protocol;
    row.samplingRate = samplingRate;
    row.sensor = sensor;
    sink.push(at, at + RECORD);
    at += RECORD;
  }
  if (at < end) sink.reject('trailing-bytes', at, end);
}

/** Engine type and id: which part of the exporter numbers its packets by itself. */
export function netflow5Engine(view: DataView, at: number): number {
  return view.getUint16(at + 20);
}

/** Whether `datagram` has a whole header. */
export function hasNetflow5Header(datagram: Uint8Array): boolean {
  return datagram.length >= HEADER;
}
