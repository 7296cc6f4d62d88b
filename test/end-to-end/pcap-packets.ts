import { readFileSync } from 'node:fs';

/** One TCP packet of a capture. */
export interface Packet {
  readonly timeMs: number;
  /** `address:port`. */
  readonly from: string;
  readonly to: string;
  readonly flags: number;
  /** Bytes above TCP. */
  readonly payload: number;
  /** Bytes from the IP header on. */
  readonly length: number;
}

const ETHERNET = 1;
const IPV4 = 0x0800;
const VLAN = 0x8100;
const TCP = 6;

/** The TCP packets over IPv4 of a classic little-endian pcap file on Ethernet: all that the captures beside the project hold. */
export function* readPackets(path: string): Generator<Packet> {
  const file = readFileSync(path);
  if (file.readUInt32LE(0) !== 0xa1b2c3d4) throw new Error(`${path}: not a classic pcap file`);
  if (file.readUInt32LE(20) !== ETHERNET) throw new Error(`${path}: not Ethernet`);
  for (let at = 24; at + 16 <= file.length;) {
    const timeMs = file.readUInt32LE(at) * 1000 + file.readUInt32LE(at + 4) / 1000;
    const captured = file.readUInt32LE(at + 8);
    const frame = file.subarray(at + 16, at + 16 + captured);
    at += 16 + captured;
    let ip = 14;
    let type = frame.readUInt16BE(12);
    for (; type === VLAN; ip += 4) type = frame.readUInt16BE(ip + 2);
    if (type !== IPV4 || frame[ip + 9] !== TCP) continue;
    // A later fragment has no TCP header.
    if ((frame.readUInt16BE(ip + 6) & 0x1fff) !== 0) continue;
    const length = frame.readUInt16BE(ip + 2);
    const tcp = ip + (frame[ip] & 15) * 4;
    const payload = length - (frame[ip] & 15) * 4 - (frame[tcp + 12] >> 4) * 4;
    yield {
      timeMs,
      from: `${[...frame.subarray(ip + 12, ip + 16)].join('.')}:${frame.readUInt16BE(tcp)}`,
      to: `${[...frame.subarray(ip + 16, ip + 20)].join('.')}:${frame.readUInt16BE(tcp + 2)}`,
      flags: frame[tcp + 13] & 0x3f,
      payload,
      length,
    };
  }
}
