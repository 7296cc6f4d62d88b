import { parseCount } from './text-numbers.js';

/**
 * Names by which flow tools print IP protocols, lower case, to IANA numbers. Keywords of the IANA
 * registry, what nfdump, goflow2, Argus and Zeek print instead, and the UDP applications that Argus
 * names in the place of the protocol (rtp, rtcp, udt).
 */
const NAMES: Readonly<Record<string, number>> = {
  hopopt: 0,
  icmp: 1,
  igmp: 2,
  ggp: 3,
  ipv4: 4,
  'ip-in-ip': 4,
  ipip: 4,
  ipnip: 4,
  st: 5,
  st2: 5,
  tcp: 6,
  cbt: 7,
  egp: 8,
  igp: 9,
  igrp: 9,
  'nvp-ii': 11,
  pup: 12,
  emcon: 14,
  chaos: 16,
  udp: 17,
  rtp: 17,
  rtcp: 17,
  udt: 17,
  mux: 18,
  hmp: 20,
  'xns-idp': 22,
  rdp: 27,
  irtp: 28,
  'iso-tp4': 29,
  dccp: 33,
  idpr: 35,
  xtp: 36,
  ddp: 37,
  ipv6: 41,
  sdrp: 42,
  'ipv6-route': 43,
  'ipv6-frag': 44,
  idrp: 45,
  rsvp: 46,
  gre: 47,
  esp: 50,
  ah: 51,
  narp: 54,
  mobile: 55,
  skip: 57,
  'ipv6-icmp': 58,
  icmp6: 58,
  icmpv6: 58,
  'ipv6-nonxt': 59,
  'ipv6-no': 59,
  'ipv6-opts': 60,
  vines: 83,
  eigrp: 88,
  ospf: 89,
  ospfigp: 89,
  mtp: 92,
  'ax.25': 93,
  etherip: 97,
  encap: 98,
  pim: 103,
  ipcomp: 108,
  vrrp: 112,
  carp: 112,
  pgm: 113,
  l2tp: 115,
  isis: 124,
  sctp: 132,
  fc: 133,
  udplite: 136,
  'mpls-in-ip': 137,
  manet: 138,
  hip: 139,
  shim6: 140,
  wesp: 141,
  rohc: 142,
  ethernet: 143,
};

interface Name {
  readonly bytes: Uint8Array;
  readonly number: number;
}

/** Names by length: one record's name is compared with a handful. */
const byLength: readonly (readonly Name[])[] = Array.from({ length: 12 }, (_, length) =>
  Object.entries(NAMES)
    .filter(([name]) => name.length === length)
    .map(([name, number]) => ({ bytes: Buffer.from(name, 'latin1'), number })),
);

/** Protocol number 0..255 or name in any case; -1 if it is none. */
export function parseProtocol(text: Uint8Array, start: number, end: number): number {
  const length = end - start;
  const first = text[start];
  if (first >= 48 && first <= 57) {
    const number = parseCount(text, start, end);
    return number <= 255 ? number : -1;
  }
  if (length === 3 && (text[start + 2] | 32) === 112) {
    const second = text[start + 1] | 32;
    if ((first | 32) === 116 && second === 99) return 6;
    if ((first | 32) === 117 && second === 100) return 17;
  }
  if (length <= 0 || length >= byLength.length) return -1;
  for (const name of byLength[length]) {
    if (equalsLower(text, start, name.bytes)) return name.number;
  }
  return -1;
}

function equalsLower(text: Uint8Array, start: number, name: Uint8Array): boolean {
  for (let i = 0; i < name.length; i++) {
    const c = text[start + i];
    if ((c >= 65 && c <= 90 ? c | 32 : c) !== name[i]) return false;
  }
  return true;
}
