/** Packets as exporters make them, byte by byte. */

/** A field of a packet: its value, and its length in bytes. */
type Packed = readonly [value: number | bigint, length: number];

export function pack(...fields: readonly Packed[]): Buffer {
  return Buffer.concat(
    fields.map(([value, length]) => {
      const hex = BigInt.asUintN(length * 8, BigInt(value)).toString(16);
      return Buffer.from(hex.padStart(length * 2, '0'), 'hex');
    }),
  );
}

/** An address as bytes; IPv4 in dots, IPv6 with all eight groups. */
export function addressBytes(text: string): Buffer {
  if (text.includes('.')) return Buffer.from(text.split('.').map(Number));
  return pack(...text.split(':').map((group): Packed => [parseInt(group, 16), 2]));
}

interface V5Flow {
  readonly src?: string;
  readonly dst?: string;
  readonly packets?: number;
  readonly bytes?: number;
  readonly first?: number;
  readonly last?: number;
  readonly srcPort?: number;
  readonly dstPort?: number;
  readonly flags?: number;
  readonly protocol?: number;
}

interface V5Header {
  readonly uptimeMs?: number;
  readonly seconds?: number;
  readonly nanoseconds?: number;
  readonly sequence?: number;
  readonly engine?: number;
  readonly sampling?: number;
  readonly count?: number;
}

export function netflow5(header: V5Header, flows: readonly V5Flow[]): Buffer {
  const { uptimeMs = 100_000, seconds = 1_700_000_000, nanoseconds = 0, sequence = 0 } = header;
  const { engine = 0, sampling = 0, count = flows.length } = header;
  return Buffer.concat([
    pack([5, 2], [count, 2], [uptimeMs, 4], [seconds, 4], [nanoseconds, 4], [sequence, 4]),
    pack([engine, 2], [sampling, 2]),
    ...flows.map((flow) =>
      Buffer.concat([
        addressBytes(flow.src ?? '192.0.2.1'),
        addressBytes(flow.dst ?? '198.51.100.2'),
        pack([0, 4], [1, 2], [2, 2], [flow.packets ?? 3, 4], [flow.bytes ?? 300, 4]),
        pack([flow.first ?? 90_000, 4], [flow.last ?? 95_000, 4]),
        pack([flow.srcPort ?? 50_000, 2], [flow.dstPort ?? 443, 2], [0, 1]),
        pack([flow.flags ?? 0x1b, 1], [flow.protocol ?? 6, 1], [0, 1], [0, 8]),
      ]),
    ),
  ]);
}

interface MessageFields {
  readonly uptimeMs?: number;
  readonly seconds?: number;
  readonly sequence?: number;
  readonly domain?: number;
}

export function netflow9(header: MessageFields, sets: readonly Uint8Array[]): Buffer {
  const { uptimeMs = 100_000, seconds = 1_700_000_000, sequence = 0, domain = 0 } = header;
  return Buffer.concat([
    pack([9, 2], [sets.length, 2], [uptimeMs, 4], [seconds, 4], [sequence, 4], [domain, 4]),
    ...sets,
  ]);
}

export function ipfix(header: MessageFields, sets: readonly Uint8Array[]): Buffer {
  const { seconds = 1_700_000_000, sequence = 0, domain = 0 } = header;
  const length = 16 + sets.reduce((sum, set) => sum + set.length, 0);
  return Buffer.concat([
    pack([10, 2], [length, 2], [seconds, 4], [sequence, 4], [domain, 4]),
    ...sets,
  ]);
}

/** A set; its length is right. */
export function set(id: number, ...parts: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([pack([id, 2], [body.length + 4, 2]), body]);
}

export type Field = readonly [element: number, length: number, enterprise?: number];

function fieldBytes([element, length, enterprise]: Field): Buffer {
  if (enterprise === undefined) return pack([element, 2], [length, 2]);
  return pack([element | 0x8000, 2], [length, 2], [enterprise, 4]);
}

/** A template record, of NetFlow v9 and IPFIX alike. */
export function template(id: number, fields: readonly Field[]): Buffer {
  return Buffer.concat([pack([id, 2], [fields.length, 2]), ...fields.map(fieldBytes)]);
}

export function optionsTemplate9(
  id: number,
  scopes: readonly Field[],
  fields: readonly Field[],
): Buffer {
  return Buffer.concat([
    pack([id, 2], [scopes.length * 4, 2], [fields.length * 4, 2]),
    ...[...scopes, ...fields].map(fieldBytes),
  ]);
}

export function optionsTemplate10(
  id: number,
  scopes: readonly Field[],
  fields: readonly Field[],
): Buffer {
  return Buffer.concat([
    pack([id, 2], [scopes.length + fields.length, 2], [scopes.length, 2]),
    ...[...scopes, ...fields].map(fieldBytes),
  ]);
}

/** The fields that most templates begin with, and a record of them. */
export const TUPLE: readonly Field[] = [
  [8, 4],
  [12, 4],
  [7, 2],
  [11, 2],
  [4, 1],
];

export function tuple(protocol = 6): Buffer {
  return Buffer.concat([
    addressBytes('192.0.2.1'),
    addressBytes('198.51.100.2'),
    pack([50_000, 2], [443, 2], [protocol, 1]),
  ]);
}

/** Packets, bytes, first and last in uptime, TCP flags: the rest of a plain NetFlow v9 template. */
export const COUNTS9: readonly Field[] = [
  [2, 4],
  [1, 4],
  [22, 4],
  [21, 4],
  [6, 1],
];

export function counts9(packets = 3, bytes = 300, first = 90_000, last = 95_000): Buffer {
  return pack([packets, 4], [bytes, 4], [first, 4], [last, 4], [0x1b, 1]);
}

interface SflowSample {
  /** Format of the sample, and what follows its length. */
  readonly format: number;
  readonly body: Uint8Array;
}

export function sflow5(
  agent: string,
  subAgent: number,
  sequence: number,
  samples: readonly SflowSample[],
): Buffer {
  const address = addressBytes(agent);
  return Buffer.concat([
    pack([5, 4], [address.length === 4 ? 1 : 2, 4]),
    address,
    pack([subAgent, 4], [sequence, 4], [1000, 4], [samples.length, 4]),
    ...samples.flatMap(({ format, body }) => [pack([format, 4], [body.length, 4]), body]),
  ]);
}

/** A flow sample, compact or expanded, with one record. */
export function flowSample(
  expanded: boolean,
  rate: number,
  record: number,
  content: Uint8Array,
): SflowSample {
  const head: Packed[] = expanded
    ? [
        [1, 4],
        [0, 4],
        [7, 4],
        [rate, 4],
        [0, 4],
        [0, 4],
        [0, 4],
        [1, 4],
        [0, 4],
        [2, 4],
      ]
    : [
        [1, 4],
        [7, 4],
        [rate, 4],
        [0, 4],
        [0, 4],
        [1, 4],
        [2, 4],
      ];
  const body = Buffer.concat([pack(...head, [1, 4], [record, 4], [content.length, 4]), content]);
  return { format: expanded ? 3 : 1, body };
}

/** A raw packet header of Ethernet. */
export function rawHeader(frameLength: number, frame: Uint8Array, protocol = 1): Buffer {
  const padding = Buffer.alloc((4 - (frame.length % 4)) % 4);
  return Buffer.concat([
    pack([protocol, 4], [frameLength, 4], [4, 4], [frame.length, 4]),
    frame,
    padding,
  ]);
}

/** The first bytes of an Ethernet frame with these tags, and what it carries. */
export function ethernet(type: number, tags: readonly number[], payload: Uint8Array): Buffer {
  const vlans = tags.map((tag) => pack([tag, 2], [100, 2]));
  return Buffer.concat([Buffer.alloc(12, 2), ...vlans, pack([type, 2]), payload]);
}

export function ipv4(protocol: number, payload: Uint8Array, fragmentOffset = 0): Buffer {
  return Buffer.concat([
    pack([0x45, 1], [0, 1], [1400, 2], [0, 2], [fragmentOffset, 2], [64, 1], [protocol, 1], [0, 2]),
    addressBytes('192.0.2.1'),
    addressBytes('198.51.100.2'),
    payload,
  ]);
}

export function ipv6(nextHeader: number, payload: Uint8Array): Buffer {
  return Buffer.concat([
    pack([0x60000000, 4], [1000, 2], [nextHeader, 1], [64, 1]),
    addressBytes('2001:db8:0:0:0:0:0:1'),
    addressBytes('2001:db8:0:0:0:0:0:2'),
    payload,
  ]);
}

export function tcp(flags: number): Buffer {
  return pack([50_000, 2], [443, 2], [1, 4], [2, 4], [0x50, 1], [flags, 1], [1024, 2], [0, 4]);
}
