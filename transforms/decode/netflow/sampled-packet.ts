import { FLAGS_UNKNOWN, TCP } from '../../../pipeline/codes.js';
import type { FlowRow } from '../flow-row.js';
import { readAddress6, unmapBoth } from './record-values.js';

const ETHERNET_HEADER = 14;
const IPV4 = 0x0800;
const IPV6 = 0x86dd;
const VLAN_TYPES: ReadonlySet<number> = new Set([0x8100, 0x88a8, 0x9100]);
/** Provider and customer tag; more is no real frame. */
const MAX_TAGS = 4;

const UDP = 17;
const SCTP = 132;
const UDP_LITE = 136;
const DCCP = 33;
const PORTED: ReadonlySet<number> = new Set([TCP, UDP, SCTP, UDP_LITE, DCCP]);

const HOP_BY_HOP = 0;
const ROUTING = 43;
const FRAGMENT = 44;
const AUTHENTICATION = 51;
const DESTINATION_OPTIONS = 60;
const MAX_EXTENSIONS = 8;

/** Sets addresses, ports, protocol and TCP flags of `row` by the first bytes of an Ethernet frame; returns whether it is whole IP. */
export function readFrame(view: DataView, at: number, end: number, row: FlowRow): boolean {
  if (end - at < ETHERNET_HEADER) return false;
  let type = view.getUint16(at + 12);
  at += ETHERNET_HEADER;
  for (let tags = 0; VLAN_TYPES.has(type); tags++) {
    if (tags === MAX_TAGS || end - at < 4) return false;
    type = view.getUint16(at + 2);
    at += 4;
  }
  if (type === IPV4) return readIpv4(view, at, end, row);
  return type === IPV6 && readIpv6(view, at, end, row);
}

/** As `readFrame`, from the IPv4 header on (RFC 791). */
export function readIpv4(view: DataView, at: number, end: number, row: FlowRow): boolean {
  if (end - at < 20 || view.getUint8(at) >>> 4 !== 4) return false;
  const length = (view.getUint8(at) & 15) * 4;
  if (length < 20) return false;
  row.src.family = 4;
  row.dst.family = 4;
  row.src.words[0] = view.getUint32(at + 12);
  row.dst.words[0] = view.getUint32(at + 16);
  row.protocol = view.getUint8(at + 9);
  // Only the first fragment has ports.
  const first = (view.getUint16(at + 6) & 0x1fff) === 0;
  readPorts(view, first ? at + length : end, end, row);
  return true;
}

/** As `readFrame`, from the IPv6 header on (RFC 8200). */
export function readIpv6(view: DataView, at: number, end: number, row: FlowRow): boolean {
  if (end - at < 40 || view.getUint8(at) >>> 4 !== 6) return false;
  row.src.family = 6;
  row.dst.family = 6;
  readAddress6(view, at + 8, row.src.words);
  readAddress6(view, at + 24, row.dst.words);
  unmapBoth(row.src, row.dst);
  let next = view.getUint8(at + 6);
  at += 40;
  for (let i = 0; i < MAX_EXTENSIONS && isExtension(next) && end - at >= 8; i++) {
    const units = view.getUint8(at + 1);
    const length = extensionLength(next, units);
    const later = next === FRAGMENT && (view.getUint16(at + 2) & 0xfff8) !== 0;
    next = view.getUint8(at);
    at = later ? end : at + length;
  }
  row.protocol = next;
  readPorts(view, at, end, row);
  return true;
}

function isExtension(next: number): boolean {
  return (
    next === HOP_BY_HOP ||
    next === ROUTING ||
    next === FRAGMENT ||
    next === AUTHENTICATION ||
    next === DESTINATION_OPTIONS
  );
}

function extensionLength(next: number, units: number): number {
  if (next === FRAGMENT) return 8;
  return next === AUTHENTICATION ? (units + 2) * 4 : (units + 1) * 8;
}

function readPorts(view: DataView, at: number, end: number, row: FlowRow): void {
  row.srcPort = 0;
  row.dstPort = 0;
  row.tcpFlags = FLAGS_UNKNOWN;
  if (!PORTED.has(row.protocol) || end - at < 4) return;
  row.srcPort = view.getUint16(at);
  row.dstPort = view.getUint16(at + 2);
  if (row.protocol === TCP && end - at >= 14) row.tcpFlags = view.getUint8(at + 13);
}
