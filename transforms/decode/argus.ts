import { parseAddress } from '../../pipeline/address.js';
import { DESTINATION, FLAGS_UNKNOWN, GRADE, NO_SIDE, SOURCE, TCP } from '../../pipeline/codes.js';
import {
  bomLength,
  COMMA,
  Fields,
  isWord,
  lineEnd,
  parseHeader,
  PIPE,
  SEMICOLON,
  slotsOf,
  TAB,
  withoutReturn,
} from './delimited.js';
import { type Decoder, type Format, type RecordSink, wholeLines } from './format.js';
import { parseFlagLetters } from './text-flags.js';
import { parseCount, parseDurationMs, parsePort } from './text-numbers.js';
import { parseProtocol } from './text-protocols.js';
import { parseTime } from './text-times.js';

// Slot 0 is for columns of no interest.
const START = 1;
const DURATION = 2;
const PROTO = 3;
const SRC = 4;
const SRC_PORT = 5;
const DIR = 6;
const DST = 7;
const DST_PORT = 8;
const STATE = 9;
const TOTAL_PACKETS = 10;
const TOTAL_BYTES = 11;
const SRC_PACKETS = 12;
const SRC_BYTES = 13;
const SLOTS = 14;

const COLUMNS: ReadonlyMap<string, number> = new Map([
  ['starttime', START],
  ['dur', DURATION],
  ['proto', PROTO],
  ['srcaddr', SRC],
  ['sport', SRC_PORT],
  ['dir', DIR],
  ['dstaddr', DST],
  ['dport', DST_PORT],
  ['state', STATE],
  ['totpkts', TOTAL_PACKETS],
  ['totbytes', TOTAL_BYTES],
  ['srcpkts', SRC_PACKETS],
  ['srcbytes', SRC_BYTES],
]);

const SEPARATORS = [COMMA, TAB, SEMICOLON, PIPE];

const ICMP = 1;
const ICMP6 = 58;
const UNDERSCORE = 95;

/** What Argus reports beside IP: its own management records, and link-layer protocols. */
const MANAGEMENT = Buffer.from('man');
const NOT_IP: readonly Uint8Array[] = [
  'arp',
  'rarp',
  'llc',
  'lldp',
  'stp',
  'eth',
  'ether',
  'ipx',
  'ipx/spx',
  'snap',
  'loop',
  'decnet',
  'aarp',
  'atalk',
].map((name) => Buffer.from(name, 'latin1'));

/**
 * What a word in `State` proves of a TCP connection (ra(1)): requested, accepted, connected or
 * established, closing. A reset without flags may have refused the request; a time-out says nothing.
 */
const STATE_GRADES: readonly { readonly name: Uint8Array; readonly grade: number }[] = [
  ...grades(GRADE.attempt, 'S0', 'REQ', 'INT', 'RST'),
  ...grades(GRADE.answered, 'ACC'),
  ...grades(GRADE.medium, 'CON', 'EST', 'FIN', 'CLO'),
];

function grades(grade: number, ...names: readonly string[]): { name: Uint8Array; grade: number }[] {
  return names.map((name) => ({ name: Buffer.from(name, 'latin1'), grade }));
}

/**
 * Argus text as `ra -c ,` writes it (`.binetflow`): columns by their names in the header, in any
 * order. Times are taken for UTC.
 *
 * A record counts both directions: it gives a row for each that had packets. Without `SrcPkts`
 * (CTU-13) nobody knows whose the packets were: both rows then have 0 packets and their own bytes.
 * A `State` like `FSPA_SPA` is the flags of either side; other states of TCP give `evidence`. Only
 * `->` and `<-` name the initiator: `?>`, `<?>`, `<->` do not. Ports of ICMP are left out.
 */
export const argus: Format = {
  id: 'argus',
  splittable: true,
  wholeRecords: wholeLines,

  detect(head) {
    return layoutOf(head) !== undefined;
  },

  preambleLength(head) {
    if (layoutOf(head) === undefined) return 0;
    return Math.min(lineEnd(head, 0) + 1, head.length);
  },

  decoder(preamble) {
    return new ArgusDecoder(preamble);
  },
};

interface Layout {
  readonly separator: number;
  readonly byColumn: Uint8Array;
  readonly last: number;
  readonly header: Uint8Array;
}

function layoutOf(text: Uint8Array): Layout | undefined {
  const start = bomLength(text);
  const end = withoutReturn(text, start, lineEnd(text, start));
  const { separator, names } = parseHeader(text, start, end, SEPARATORS);
  const { byColumn, found, last } = slotsOf(names, COLUMNS);
  for (const slot of [START, PROTO, SRC, DST]) if (!found.has(slot)) return undefined;
  if (!found.has(TOTAL_BYTES) && !found.has(TOTAL_PACKETS) && !found.has(DIR)) return undefined;
  return { separator, byColumn, last, header: text.slice(start, end) };
}

class ArgusDecoder implements Decoder {
  readonly #layout: Layout | undefined;
  readonly #fields = new Fields(SLOTS);

  constructor(preamble: Uint8Array) {
    this.#layout = layoutOf(preamble);
  }

  decode(chunk: Uint8Array, sink: RecordSink): void {
    let start = 0;
    while (start < chunk.length) {
      const feed = lineEnd(chunk, start);
      const end = withoutReturn(chunk, start, feed);
      if (end > start) {
        const reason = this.#line(chunk, sink, start, end);
        if (reason !== '') {
          sink.row.reset();
          const cut = feed === chunk.length && reason === 'missing-column';
          sink.reject(cut ? 'truncated' : reason, start, end);
        }
      }
      start = feed + 1;
    }
  }

  #line(text: Uint8Array, sink: RecordSink, start: number, end: number): string {
    const layout = this.#layout;
    if (layout === undefined) return 'missing-column';
    const fields = this.#fields;
    fields.split(text, start, end, layout.separator, layout.byColumn);
    if (end - start === layout.header.length && isWord(text, start, end, layout.header)) {
      sink.skip('header');
      return '';
    }
    if (fields.columns <= layout.last) return 'missing-column';

    const { starts, ends } = fields;
    const { row } = sink;
    if (isWord(text, starts[PROTO], ends[PROTO], MANAGEMENT)) {
      sink.skip('management');
      return '';
    }
    let protocol = parseProtocol(text, starts[PROTO], ends[PROTO]);
    if (protocol < 0) {
      if (!isNotIp(text, starts[PROTO], ends[PROTO])) return 'bad-protocol';
      sink.skip('not-ip');
      return '';
    }

    row.startMs = parseTime(text, starts[START], ends[START]);
    row.endMs =
      row.startMs +
      (this.#has(DURATION) ? parseDurationMs(text, starts[DURATION], ends[DURATION]) : 0);
    if (Number.isNaN(row.endMs)) return 'bad-time';
    if (!parseAddress(text, starts[SRC], ends[SRC], row.src)) return 'bad-address';
    if (!parseAddress(text, starts[DST], ends[DST], row.dst)) return 'bad-address';
    if (protocol === ICMP && row.src.family === 6) protocol = ICMP6;
    row.protocol = protocol;
    const ports = protocol !== ICMP && protocol !== ICMP6;
    row.srcPort =
      ports && this.#has(SRC_PORT) ? parsePort(text, starts[SRC_PORT], ends[SRC_PORT]) : 0;
    row.dstPort =
      ports && this.#has(DST_PORT) ? parsePort(text, starts[DST_PORT], ends[DST_PORT]) : 0;
    if (row.srcPort < 0 || row.dstPort < 0) return 'bad-port';

    const totalBytes = this.#count(text, TOTAL_BYTES);
    const srcBytes = this.#has(SRC_BYTES) ? this.#count(text, SRC_BYTES) : totalBytes;
    const split = this.#has(SRC_PACKETS) && this.#has(TOTAL_PACKETS);
    const totalPackets = split ? this.#count(text, TOTAL_PACKETS) : 0;
    const srcPackets = split ? this.#count(text, SRC_PACKETS) : 0;
    const dstBytes = totalBytes - srcBytes;
    const dstPackets = totalPackets - srcPackets;
    if (!(dstBytes >= 0 && dstPackets >= 0)) return 'bad-number';

    let srcFlags = FLAGS_UNKNOWN;
    let dstFlags = FLAGS_UNKNOWN;
    let evidence = 0;
    if (protocol === TCP) {
      let at = starts[STATE];
      while (at < ends[STATE] && text[at] !== UNDERSCORE) at++;
      if (at < ends[STATE]) {
        const left = parseFlagLetters(text, starts[STATE], at);
        const right = parseFlagLetters(text, at + 1, ends[STATE]);
        if (left < 0 || right < 0) return 'bad-flags';
        srcFlags = left;
        dstFlags = right;
      } else {
        evidence = stateGrade(text, starts[STATE], ends[STATE]);
      }
    }
    const initiator = initiatorOf(text, starts[DIR], ends[DIR]);
    const answered = split ? dstPackets > 0 : dstBytes > 0;
    const asked = split ? srcPackets > 0 : srcBytes > 0;
    // Where only the destination sent, the flow that did happen is its own.
    const reversed = answered && !asked;
    if (reversed) row.reverse();
    row.packets = reversed ? dstPackets : srcPackets;
    row.bytes = reversed ? dstBytes : srcBytes;
    row.tcpFlags = reversed ? dstFlags : srcFlags;
    row.evidence = evidence;
    row.initiator = reversed ? opposite(initiator) : initiator;
    if (sink.push(start, end) && answered && asked) {
      row.reverse();
      row.packets = dstPackets;
      row.bytes = dstBytes;
      row.tcpFlags = dstFlags;
      row.evidence = evidence;
      row.initiator = opposite(initiator);
      sink.pushAlso();
    }
    return '';
  }

  #has(slot: number): boolean {
    return this.#fields.ends[slot] > this.#fields.starts[slot];
  }

  #count(text: Uint8Array, slot: number): number {
    const { starts, ends } = this.#fields;
    return this.#has(slot) ? parseCount(text, starts[slot], ends[slot]) : 0;
  }
}

/** SOURCE for `->`, DESTINATION for `<-`, else neither: Argus writes `?` where it did not see the start. */
function initiatorOf(text: Uint8Array, start: number, end: number): number {
  if (end - start !== 2) return NO_SIDE;
  if (text[start] === 45 && text[start + 1] === 62) return SOURCE;
  return text[start] === 60 && text[start + 1] === 45 ? DESTINATION : NO_SIDE;
}

function opposite(side: number): number {
  return side === NO_SIDE ? NO_SIDE : SOURCE + DESTINATION - side;
}

function stateGrade(text: Uint8Array, start: number, end: number): number {
  for (const { name, grade } of STATE_GRADES) {
    if (isWord(text, start, end, name)) return grade;
  }
  return GRADE.unknown;
}

function isNotIp(text: Uint8Array, start: number, end: number): boolean {
  for (const name of NOT_IP) if (isWord(text, start, end, name)) return true;
  return false;
}
