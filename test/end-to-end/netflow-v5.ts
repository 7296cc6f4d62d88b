import { addressOf } from '../../pipeline/address.js';
import type { Row } from '../../launch/generate/row.js';

const HEADER_BYTES = 24;
const RECORD_BYTES = 48;
const RECORDS_A_DATAGRAM = 30;

/** An exporter that was started this long before its first flow, ms. */
const UP_MS = 60_000;

/** IPv4 rows as NetFlow v5 datagrams of one exporter (Cisco's layout: big-endian, 24 + 48 bytes a record). */
export function netflowV5(rows: readonly Row[]): readonly Buffer[] {
  const bootMs = Math.min(...rows.map(({ startMs }) => startMs)) - UP_MS;
  const datagrams: Buffer[] = [];
  for (let at = 0; at < rows.length; at += RECORDS_A_DATAGRAM) {
    const own = rows.slice(at, at + RECORDS_A_DATAGRAM);
    const nowMs = Math.max(...own.map(({ endMs }) => endMs));
    const datagram = Buffer.alloc(HEADER_BYTES + own.length * RECORD_BYTES);
    datagram.writeUInt16BE(5, 0);
    datagram.writeUInt16BE(own.length, 2);
    datagram.writeUInt32BE(nowMs - bootMs, 4);
    datagram.writeUInt32BE(Math.floor(nowMs / 1000), 8);
    datagram.writeUInt32BE((nowMs % 1000) * 1_000_000, 12);
    datagram.writeUInt32BE(at, 16);
    own.forEach((row, i) => {
      const start = HEADER_BYTES + i * RECORD_BYTES;
      datagram.writeUInt32BE(addressOf(row.srcIp)?.words[0] ?? 0, start);
      datagram.writeUInt32BE(addressOf(row.dstIp)?.words[0] ?? 0, start + 4);
      datagram.writeUInt32BE(row.packets, start + 16);
      datagram.writeUInt32BE(row.bytes, start + 20);
      datagram.writeUInt32BE(row.startMs - bootMs, start + 24);
      datagram.writeUInt32BE(row.endMs - bootMs, start + 28);
      datagram.writeUInt16BE(row.srcPort, start + 32);
      datagram.writeUInt16BE(row.dstPort, start + 34);
      datagram.writeUInt8(row.tcpFlags, start + 37);
      datagram.writeUInt8(row.protocol, start + 38);
    });
    datagrams.push(datagram);
  }
  return datagrams;
}
