/**
 * Special-purpose address space: what is not an ordinary host on the Internet.
 *
 * Source: IANA IPv4 and IPv6 Special-Purpose Address Registries (RFC 6890 and its updates up to
 * RFC 9602, 9637 and 9780), multicast (RFC 5771, RFC 4291), and IPv6 space outside 2000::/3, which
 * IANA has not given out. A block that the registry calls globally reachable (PCP and TURN anycast,
 * AS112, AMT, ORCHIDv2, NAT64 64:ff9b::/96) is ordinary.
 */

/** Names by code; 0 is an ordinary global unicast address. */
export const SPECIAL_NAMES = [
  'ordinary',
  'this-network',
  'private',
  'carrier-nat',
  'loopback',
  'link-local',
  'ietf-protocol',
  'multicast',
  'reserved',
  'broadcast',
  'unique-local',
  'discard',
  'site-local',
  'mapped',
  'segment-routing',
  'documentation',
  'benchmarking',
  'transition',
] as const;

export type SpecialName = (typeof SPECIAL_NAMES)[number];

const THIS_NETWORK = 1;
const PRIVATE = 2;
const CARRIER_NAT = 3;
const LOOPBACK = 4;
const LINK_LOCAL = 5;
const IETF = 6;
const MULTICAST = 7;
const RESERVED = 8;
const BROADCAST = 9;
const UNIQUE_LOCAL = 10;
const DISCARD = 11;
const SITE_LOCAL = 12;
const MAPPED = 13;
const SEGMENT_ROUTING = 14;
const DOCUMENTATION = 15;
const BENCHMARKING = 16;
const TRANSITION = 17;

/** An octet of which only a part is special. */
const MIXED = 255;

const firstOctet = new Uint8Array(256);
firstOctet[0] = THIS_NETWORK;
firstOctet[10] = PRIVATE;
firstOctet[127] = LOOPBACK;
firstOctet.fill(MULTICAST, 224, 240);
firstOctet.fill(RESERVED, 240, 256);
for (const octet of [100, 169, 172, 192, 198, 203, 255]) firstOctet[octet] = MIXED;

/** Code of an IPv4 address; 0 = ordinary. */
export function special4(word: number): number {
  const code = firstOctet[word >>> 24];
  return code === MIXED ? mixed4(word >>> 0) : code;
}

function mixed4(word: number): number {
  const top16 = word >>> 16;
  const top24 = word >>> 8;
  switch (word >>> 24) {
    case 100:
      return (top16 & 0xffc0) === 0x6440 ? CARRIER_NAT : 0;
    case 169:
      return top16 === 0xa9fe ? LINK_LOCAL : 0;
    case 172:
      return (top16 & 0xfff0) === 0xac10 ? PRIVATE : 0;
    case 192:
      if (top16 === 0xc0a8) return PRIVATE;
      if (top24 === 0xc00002) return DOCUMENTATION;
      // 192.0.0.9 and 192.0.0.10 are the PCP and TURN anycast addresses, globally reachable.
      if (top24 === 0xc00000) return word === 0xc0000009 || word === 0xc000000a ? 0 : IETF;
      return top24 === 0xc05863 ? TRANSITION : 0;
    case 198:
      if ((top16 & 0xfffe) === 0xc612) return BENCHMARKING;
      return top24 === 0xc63364 ? DOCUMENTATION : 0;
    case 203:
      return top24 === 0xcb0071 ? DOCUMENTATION : 0;
    default:
      return word === 0xffffffff ? BROADCAST : RESERVED;
  }
}

/** Code of an IPv6 address; 0 = ordinary. */
export function special6(w0: number, w1: number, w2: number, w3: number): number {
  const top16 = w0 >>> 16;
  if (top16 >>> 13 === 1) {
    if (top16 === 0x2001) return ietf6(w0 >>> 0, w1 >>> 0, w2, w3);
    if (top16 === 0x2002) return TRANSITION;
    return w0 >>> 12 === 0x3fff0 ? DOCUMENTATION : 0;
  }
  if (top16 === 0) return low6(w0, w1, w2, w3);
  if (top16 === 0x64 && (w0 & 0xffff) === 0xff9b) {
    if (w1 === 0 && w2 === 0) return 0;
    return w1 >>> 16 === 1 ? PRIVATE : RESERVED;
  }
  // 100::/64 is discarded, 100:0:0:1::/64 stands for no address at all.
  if (top16 === 0x100) return w0 === 0x1000000 && w1 >>> 0 <= 1 ? DISCARD : RESERVED;
  if (top16 === 0x5f00) return SEGMENT_ROUTING;
  if (top16 >>> 9 === 0x7e) return UNIQUE_LOCAL;
  if (top16 >>> 6 === 0x3fa) return LINK_LOCAL;
  if (top16 >>> 6 === 0x3fb) return SITE_LOCAL;
  return top16 >>> 8 === 0xff ? MULTICAST : RESERVED;
}

function low6(w0: number, w1: number, w2: number, w3: number): number {
  if (w0 !== 0 || w1 !== 0) return RESERVED;
  if (w2 === 0 && w3 === 1) return LOOPBACK;
  if (w2 === 0 && w3 === 0) return THIS_NETWORK;
  return w2 === 0xffff ? MAPPED : RESERVED;
}

/** 2001::/16, where 2001::/23 is the IETF's and the rest ordinary but for documentation. */
function ietf6(w0: number, w1: number, w2: number, w3: number): number {
  const second = w0 & 0xffff;
  if (second === 0xdb8) return DOCUMENTATION;
  if (second >= 0x200) return 0;
  if (second === 0) return TRANSITION;
  if (second === 1) return w1 === 0 && w2 === 0 && w3 >= 1 && w3 <= 3 ? 0 : IETF;
  if (second === 2) return w1 >>> 16 === 0 ? BENCHMARKING : IETF;
  if (second === 3) return 0;
  if (second === 4) return w1 >>> 16 === 0x112 ? 0 : IETF;
  // 2001:20::/28 ORCHIDv2 and 2001:30::/28 drone identifiers are globally reachable.
  return second >= 0x20 && second <= 0x3f ? 0 : IETF;
}

/**
 * Whether an address of this code cannot be the remote end of a real conversation. Documentation,
 * benchmarking and transition space can: tests and demos use the first two, and real traffic never
 * has them, so nothing is lost.
 */
export function neverRemote(code: number): boolean {
  return code !== 0 && code < DOCUMENTATION;
}
