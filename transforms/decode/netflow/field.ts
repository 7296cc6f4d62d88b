/**
 * What a field of a record is to this job. Several information elements mean the same; all others
 * are `ignored`, and only their length counts. The reverse direction of a two-way record (RFC 5103)
 * has the same fields, `REVERSE` higher.
 */
export const FIELD = {
  ignored: 0,
  sourceAddress4: 1,
  destinationAddress4: 2,
  sourceAddress6: 3,
  destinationAddress6: 4,
  sourcePort: 5,
  destinationPort: 6,
  protocol: 7,
  tcpFlags: 8,
  packets: 9,
  bytes: 10,
  packetsTotal: 11,
  bytesTotal: 12,
  packetsOut: 13,
  bytesOut: 14,
  initiatorPackets: 15,
  initiatorBytes: 16,
  responderPackets: 17,
  responderBytes: 18,
  startUptime: 19,
  endUptime: 20,
  startSeconds: 21,
  endSeconds: 22,
  startMilliseconds: 23,
  endMilliseconds: 24,
  startNtp: 25,
  endNtp: 26,
  startBeforeExport: 27,
  endBeforeExport: 28,
  durationMilliseconds: 29,
  durationMicroseconds: 30,
  systemInitMilliseconds: 31,
  observedSeconds: 32,
  observedMilliseconds: 33,
  observedNtp: 34,
  samplerId: 35,
  selectorId: 36,
  samplingInterval: 37,
  samplerInterval: 38,
  packetInterval: 39,
  packetSpace: 40,
  samplingSize: 41,
  samplingPopulation: 42,
  samplingProbability: 43,
  ipVersion: 44,
  biflowDirection: 45,
  firewallEvent: 46,
  natEvent: 47,
} as const;

export const REVERSE = 64;
export const FIELDS = 2 * REVERSE;

/** RFC 5103 section 6.1: information elements of this enterprise are those of IANA, reversed. */
const REVERSE_ENTERPRISE = 29305;

/** Of IANA's IPFIX registry; NetFlow v9 numbers its fields alike (RFC 3954 section 8). */
const BY_ELEMENT: ReadonlyMap<number, number> = new Map([
  [1, FIELD.bytes],
  [2, FIELD.packets],
  [4, FIELD.protocol],
  [6, FIELD.tcpFlags],
  [7, FIELD.sourcePort],
  [8, FIELD.sourceAddress4],
  [11, FIELD.destinationPort],
  [12, FIELD.destinationAddress4],
  [21, FIELD.endUptime],
  [22, FIELD.startUptime],
  [23, FIELD.bytesOut],
  [24, FIELD.packetsOut],
  [27, FIELD.sourceAddress6],
  [28, FIELD.destinationAddress6],
  [34, FIELD.samplingInterval],
  [48, FIELD.samplerId],
  [50, FIELD.samplerInterval],
  [60, FIELD.ipVersion],
  [85, FIELD.bytesTotal],
  [86, FIELD.packetsTotal],
  [150, FIELD.startSeconds],
  [151, FIELD.endSeconds],
  [152, FIELD.startMilliseconds],
  [153, FIELD.endMilliseconds],
  // Microseconds and nanoseconds are both NTP timestamps (RFC 7011 sections 6.1.9 and 6.1.10).
  [154, FIELD.startNtp],
  [155, FIELD.endNtp],
  [156, FIELD.startNtp],
  [157, FIELD.endNtp],
  [158, FIELD.startBeforeExport],
  [159, FIELD.endBeforeExport],
  [160, FIELD.systemInitMilliseconds],
  [161, FIELD.durationMilliseconds],
  [162, FIELD.durationMicroseconds],
  [180, FIELD.sourcePort],
  [181, FIELD.destinationPort],
  [182, FIELD.sourcePort],
  [183, FIELD.destinationPort],
  [230, FIELD.natEvent],
  [231, FIELD.initiatorBytes],
  [232, FIELD.responderBytes],
  [233, FIELD.firewallEvent],
  [239, FIELD.biflowDirection],
  [298, FIELD.initiatorPackets],
  [299, FIELD.responderPackets],
  [302, FIELD.selectorId],
  [305, FIELD.packetInterval],
  [306, FIELD.packetSpace],
  [309, FIELD.samplingSize],
  [310, FIELD.samplingPopulation],
  [311, FIELD.samplingProbability],
  [322, FIELD.observedSeconds],
  [323, FIELD.observedMilliseconds],
  [324, FIELD.observedNtp],
  [325, FIELD.observedNtp],
]);

const ADDRESS_LENGTHS: ReadonlyMap<number, number> = new Map([
  [FIELD.sourceAddress4, 4],
  [FIELD.destinationAddress4, 4],
  [FIELD.sourceAddress6, 16],
  [FIELD.destinationAddress6, 16],
]);

const NTP_FIELDS: ReadonlySet<number> = new Set([FIELD.startNtp, FIELD.endNtp, FIELD.observedNtp]);

/**
 * The FIELD of an information element of `length` bytes; `ignored` where its length is none that it
 * can have. Integers may be shorter than their type (RFC 7011 section 6.2).
 */
export function fieldOf(enterprise: number, element: number, length: number): number {
  if (enterprise !== 0 && enterprise !== REVERSE_ENTERPRISE) return FIELD.ignored;
  const field = BY_ELEMENT.get(element) ?? FIELD.ignored;
  if (field === FIELD.ignored || !fits(field, length)) return FIELD.ignored;
  return enterprise === 0 ? field : field + REVERSE;
}

function fits(field: number, length: number): boolean {
  const address = ADDRESS_LENGTHS.get(field);
  if (address !== undefined) return length === address;
  if (NTP_FIELDS.has(field)) return length === 8;
  if (field === FIELD.samplingProbability) return length === 4 || length === 8;
  return length >= 1 && length <= 8;
}
