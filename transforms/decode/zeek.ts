import { type AddressWords, parseAddress } from '../../pipeline/address.js';
import { DESTINATION, NO_SIDE, SOURCE, TCP } from '../../pipeline/codes.js';
import {
  bomLength,
  Fields,
  isWord,
  lineEnd,
  parseHeader,
  PIPE,
  slotsOf,
  TAB,
  withoutReturn,
} from './delimited.js';
import { type Decoder, type Format, type RecordSink, wholeLines } from './format.js';
import { JsonScanner } from './json-scanner.js';
import { parseCount, parseDurationMs, parsePort } from './text-numbers.js';
import { parseProtocol } from './text-protocols.js';
import { parseTime } from './text-times.js';
import { historyBits, sawStart, tcpEvidence } from './zeek-evidence.js';

// Slot 0 is for columns of no interest.
const TS = 1;
const ORIG = 2;
const ORIG_PORT = 3;
const RESP = 4;
const RESP_PORT = 5;
const PROTO = 6;
const DURATION = 7;
const ORIG_BYTES = 8;
const RESP_BYTES = 9;
const ORIG_PACKETS = 10;
const RESP_PACKETS = 11;
const ORIG_IP_BYTES = 12;
const RESP_IP_BYTES = 13;
const STATE = 14;
const HISTORY = 15;
const IP_PROTO = 16;
const PATH = 17;
const SLOTS = 18;

const KEYS = {
  ts: TS,
  'id.orig_h': ORIG,
  'id.orig_p': ORIG_PORT,
  'id.resp_h': RESP,
  'id.resp_p': RESP_PORT,
  proto: PROTO,
  duration: DURATION,
  orig_bytes: ORIG_BYTES,
  resp_bytes: RESP_BYTES,
  orig_pkts: ORIG_PACKETS,
  resp_pkts: RESP_PACKETS,
  orig_ip_bytes: ORIG_IP_BYTES,
  resp_ip_bytes: RESP_IP_BYTES,
  conn_state: STATE,
  history: HISTORY,
  ip_proto: IP_PROTO,
  _path: PATH,
} as const;

const SLOT_OF_NAME: ReadonlyMap<string, number> = new Map(Object.entries(KEYS));

const HASH = 35;
const BRACE = 123;
const ICMP = 1;
const ICMP6 = 58;

/**
 * Zeek's conn and open_conn logs: tab-separated with `#` headers, JSON lines, or the same columns
 * with one header line and `|` between them, as the IoT-23 data set publishes them. Other logs of
 * Zeek are not of this format.
 *
 * A connection gives a row for each direction that had packets, with the bytes of IP where Zeek
 * counted them. There are no TCP flags; `conn_state` and `history` give `evidence`. Ports of ICMP
 * are type and code: they are left out.
 *
 * Not splittable, because logs that were put together bring their own headers in the middle.
 */
export const zeek: Format = {
  id: 'zeek',
  splittable: false,
  wholeRecords: wholeLines,

  detect(head) {
    const length = zeek.preambleLength(head);
    const layout = new Layout();
    for (let start = bomLength(head); start < length;) {
      const end = lineEnd(head, start);
      layout.read(head, start, withoutReturn(head, start, end));
      start = end + 1;
    }
    if (layout.isConn) return true;
    if (layout.fields.size > 0) return false;
    const scanner = new JsonScanner(KEYS, SLOTS);
    const start = bomLength(head);
    if (!scanner.scan(head, start, withoutReturn(head, start, lineEnd(head, start)))) return false;
    return scanner.has(TS) && scanner.has(ORIG) && scanner.has(RESP) && isConnObject(head, scanner);
  },

  preambleLength(head) {
    let start = bomLength(head);
    if (isPipeHeader(head, start)) return Math.min(lineEnd(head, start) + 1, head.length);
    while (start < head.length && isComment(head, start, head.length)) {
      start = Math.min(lineEnd(head, start) + 1, head.length);
    }
    return start;
  },

  decoder(preamble) {
    return new ZeekDecoder(preamble);
  },
};

/** Whether the line at `start` begins with `#`; one published log has a tab before it. */
function isComment(text: Uint8Array, start: number, end: number): boolean {
  let i = start;
  while (i < end && (text[i] === 9 || text[i] === 32)) i++;
  return text[i] === HASH && i < end;
}

const PIPE_HEADER = Buffer.from('ts|uid|id.orig_h|');

function isPipeHeader(text: Uint8Array, start: number): boolean {
  for (let i = 0; i < PIPE_HEADER.length; i++) {
    if (text[start + i] !== PIPE_HEADER[i]) return false;
  }
  return true;
}

/** What the header lines say, as far as they have been read. */
class Layout {
  separator = TAB;
  byColumn: Uint8Array = new Uint8Array(0);
  fields: ReadonlySet<number> = new Set();
  /** Number of the last column that is read. */
  last = -1;
  #path = 'conn';

  get isConn(): boolean {
    return (
      (this.#path === 'conn' || this.#path === 'open_conn') &&
      this.fields.has(TS) &&
      this.fields.has(ORIG) &&
      this.fields.has(RESP) &&
      (this.fields.has(STATE) || this.fields.has(ORIG_PACKETS) || this.fields.has(ORIG_BYTES))
    );
  }

  /** Reads one header line, `#...` or the names between `|`. */
  read(text: Uint8Array, start: number, end: number): void {
    const line = Buffer.from(text.subarray(start, end)).toString('utf8').trim();
    if (!line.startsWith('#')) {
      this.#columns(parseHeader(text, start, end, [PIPE]).names);
      this.separator = PIPE;
    } else if (line.startsWith('#separator')) {
      this.separator = separatorOf(line.slice('#separator'.length).trimStart());
      // A new log begins.
      this.#path = 'conn';
    } else {
      const [name, ...values] = line.split(String.fromCharCode(this.separator));
      if (name === '#path') this.#path = values[0] ?? '';
      if (name === '#fields') this.#columns(values);
    }
  }

  #columns(names: readonly string[]): void {
    const { byColumn, found, last } = slotsOf(names, SLOT_OF_NAME);
    this.byColumn = byColumn;
    this.fields = found;
    this.last = last;
  }
}

/** `\x09`, or the character itself; anything else is taken for a tab. */
function separatorOf(text: string): number {
  const hex = /^\\x([0-9a-f]{2})$/i.exec(text);
  if (hex) return Number.parseInt(hex[1], 16);
  return text.length === 1 ? text.charCodeAt(0) : TAB;
}

const CONN = Buffer.from('conn');
const OPEN_CONN = Buffer.from('open_conn');

function isConnObject(text: Uint8Array, scanner: JsonScanner): boolean {
  if (scanner.has(PATH)) {
    const start = scanner.starts[PATH];
    const end = scanner.ends[PATH];
    return isWord(text, start, end, CONN) || isWord(text, start, end, OPEN_CONN);
  }
  return scanner.has(STATE) || scanner.has(ORIG_PACKETS) || scanner.has(ORIG_BYTES);
}

class ZeekDecoder implements Decoder {
  readonly #layout = new Layout();
  readonly #fields = new Fields(SLOTS);
  readonly #scanner = new JsonScanner(KEYS, SLOTS);
  /** Where the fields of the line at hand lie: of `#fields` or of `#scanner`. */
  #starts: Int32Array = this.#fields.starts;
  #ends: Int32Array = this.#fields.ends;

  constructor(preamble: Uint8Array) {
    for (let start = bomLength(preamble); start < preamble.length;) {
      const end = lineEnd(preamble, start);
      this.#layout.read(preamble, start, withoutReturn(preamble, start, end));
      start = end + 1;
    }
  }

  decode(chunk: Uint8Array, sink: RecordSink): void {
    let start = 0;
    while (start < chunk.length) {
      const feed = lineEnd(chunk, start);
      const end = withoutReturn(chunk, start, feed);
      if (end > start) {
        if (isComment(chunk, start, end) || isPipeHeader(chunk, start)) {
          this.#layout.read(chunk, start, end);
          this.#fields.clear();
          sink.skip('header');
        } else {
          const reason =
            chunk[start] === BRACE
              ? this.#object(chunk, sink, start, end)
              : this.#line(chunk, sink, start, end);
          if (reason !== '') {
            sink.row.reset();
            const cut =
              feed === chunk.length && (reason === 'bad-json' || reason === 'missing-column');
            sink.reject(cut ? 'truncated' : reason, start, end);
          }
        }
      }
      start = feed + 1;
    }
  }

  #object(text: Uint8Array, sink: RecordSink, start: number, end: number): string {
    const scanner = this.#scanner;
    if (!scanner.scan(text, start, end)) return 'bad-json';
    for (let slot = 0; slot < SLOTS; slot++) {
      if (!scanner.has(slot)) scanner.ends[slot] = scanner.starts[slot] = 0;
    }
    if (!isConnObject(text, scanner)) {
      if (!scanner.has(PATH)) return 'missing-column';
      sink.skip('other-log');
      return '';
    }
    this.#starts = scanner.starts;
    this.#ends = scanner.ends;
    return this.#row(text, sink, start, end);
  }

  #line(text: Uint8Array, sink: RecordSink, start: number, end: number): string {
    const layout = this.#layout;
    if (!layout.isConn) {
      if (layout.fields.size === 0) return 'missing-column';
      sink.skip('other-log');
      return '';
    }
    const fields = this.#fields;
    fields.split(text, start, end, layout.separator, layout.byColumn);
    if (fields.columns <= layout.last) return 'missing-column';
    this.#starts = fields.starts;
    this.#ends = fields.ends;
    for (let slot = 1; slot < SLOTS; slot++) {
      if (isUnset(text, fields.starts[slot], fields.ends[slot])) {
        fields.ends[slot] = fields.starts[slot];
      }
    }
    return this.#row(text, sink, start, end);
  }

  #row(text: Uint8Array, sink: RecordSink, start: number, end: number): string {
    const starts = this.#starts;
    const ends = this.#ends;
    const { row } = sink;
    if (ends[TS] === starts[TS] || ends[ORIG] === starts[ORIG] || ends[RESP] === starts[RESP]) {
      return 'missing-column';
    }
    row.startMs = parseTime(text, starts[TS], ends[TS]);
    const duration = this.#has(DURATION)
      ? parseDurationMs(text, starts[DURATION], ends[DURATION])
      : 0;
    row.endMs = row.startMs + duration;
    if (Number.isNaN(row.endMs)) return 'bad-time';
    if (!this.#address(text, ORIG, row.src) || !this.#address(text, RESP, row.dst)) {
      return 'bad-address';
    }

    let protocol = this.#has(PROTO) ? parseProtocol(text, starts[PROTO], ends[PROTO]) : -1;
    // `unknown_transport`: newer Zeek says the number in a column of its own.
    if (protocol < 0 && this.#has(IP_PROTO)) {
      protocol = parseProtocol(text, starts[IP_PROTO], ends[IP_PROTO]);
    }
    if (protocol < 0) return 'bad-protocol';
    if (protocol === ICMP && row.src.family === 6) protocol = ICMP6;
    const ports = protocol !== ICMP && protocol !== ICMP6;
    row.protocol = protocol;
    row.srcPort =
      ports && this.#has(ORIG_PORT) ? parsePort(text, starts[ORIG_PORT], ends[ORIG_PORT]) : 0;
    row.dstPort =
      ports && this.#has(RESP_PORT) ? parsePort(text, starts[RESP_PORT], ends[RESP_PORT]) : 0;
    if (row.srcPort < 0 || row.dstPort < 0) return 'bad-port';

    const origPackets = this.#count(text, ORIG_PACKETS);
    const respPackets = this.#count(text, RESP_PACKETS);
    const origPayload = this.#count(text, ORIG_BYTES);
    const respPayload = this.#count(text, RESP_BYTES);
    const origBytes = this.#has(ORIG_IP_BYTES) ? this.#count(text, ORIG_IP_BYTES) : origPayload;
    const respBytes = this.#has(RESP_IP_BYTES) ? this.#count(text, RESP_IP_BYTES) : respPayload;
    const payload = origPayload + respPayload;
    if (Number.isNaN(origPackets + respPackets + payload + origBytes + respBytes)) {
      return 'bad-number';
    }

    const history = historyBits(text, starts[HISTORY], ends[HISTORY]);
    const evidence =
      protocol === TCP ? tcpEvidence(text, starts[STATE], ends[STATE], history, payload) : 0;
    const began = sawStart(history);
    const answered = this.#has(RESP_PACKETS) ? respPackets > 0 : respBytes > 0;
    const asked = this.#has(ORIG_PACKETS) ? origPackets > 0 : origBytes > 0;
    // Where only the responder was seen, the flow that did happen is its own.
    const reversed = answered && !asked;
    if (reversed) row.reverse();
    row.packets = reversed ? respPackets : origPackets;
    row.bytes = reversed ? respBytes : origBytes;
    row.evidence = evidence;
    row.initiator = began ? (reversed ? DESTINATION : SOURCE) : NO_SIDE;
    if (sink.push(start, end) && answered && asked) {
      row.reverse();
      row.packets = respPackets;
      row.bytes = respBytes;
      row.evidence = evidence;
      row.initiator = began ? DESTINATION : NO_SIDE;
      sink.pushAlso();
    }
    return '';
  }

  #has(slot: number): boolean {
    return this.#ends[slot] > this.#starts[slot];
  }

  #address(text: Uint8Array, slot: number, into: AddressWords): boolean {
    return parseAddress(text, this.#starts[slot], this.#ends[slot], into);
  }

  #count(text: Uint8Array, slot: number): number {
    return this.#has(slot) ? parseCount(text, this.#starts[slot], this.#ends[slot]) : 0;
  }
}

const EMPTY = Buffer.from('(empty)');

/** Whether a field of a tab-separated log says that it has no value: `-` or `(empty)`. */
function isUnset(text: Uint8Array, start: number, end: number): boolean {
  if (end - start === 1) return text[start] === 45;
  return isWord(text, start, end, EMPTY);
}
