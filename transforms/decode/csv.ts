import { addressWords, parseAddress, scanAddress4 } from '../../pipeline/address.js';
import {
  bomLength,
  COMMA,
  isWord,
  lineEnd,
  MAX_COLUMNS,
  parseHeader,
  SEMICOLON,
  slotsOf,
  TAB,
  withoutReturn,
} from './delimited.js';
import { type Decoder, type Format, type RecordSink, wholeLines } from './format.js';
import { SensorNames } from './sensor-names.js';
import { parseFlags } from './text-flags.js';
import { parseCount, parseDurationMs, parsePort } from './text-numbers.js';
import { parseProtocol } from './text-protocols.js';
import { parseTime } from './text-times.js';

// Slots of the columns that are read. Those up to LAST_NUMERIC are mostly plain digits.
const START = 1;
const END = 2;
const RECEIVED = 3;
const SRC_PORT = 4;
const DST_PORT = 5;
const PROTOCOL = 6;
const PACKETS = 7;
const BYTES = 8;
const REVERSE_PACKETS = 9;
const REVERSE_BYTES = 10;
const RATE = 11;
const FLAGS = 12;
const FIRST_COUNT = PACKETS;
const LAST_COUNT = RATE;
const LAST_NUMERIC = FLAGS;
const SRC = 13;
const DST = 14;
const DURATION = 15;
const SENSOR = 16;
const SLOTS = 17;

const CANONICAL = [
  'start_ms',
  'end_ms',
  'src_ip',
  'dst_ip',
  'src_port',
  'dst_port',
  'protocol',
  'packets',
  'bytes',
  'tcp_flags',
  'sampling_rate',
  'sensor',
] as const;

/** Column names, lower case: canonical, nfdump, goflow2, Akvorado (ClickHouse). */
const COLUMNS: ReadonlyMap<string, number> = new Map([
  ...names(START, 'start_ms', 'ts', 'time_flow_start_ns', 'time_flow_start', 'timeflowstart'),
  ...names(END, 'end_ms', 'te', 'time_flow_end_ns', 'time_flow_end', 'timeflowend'),
  ...names(RECEIVED, 'time_received_ns', 'time_received', 'timereceived'),
  ...names(DURATION, 'td', 'duration'),
  ...names(SRC, 'src_ip', 'sa', 'src_addr', 'srcaddr'),
  ...names(DST, 'dst_ip', 'da', 'dst_addr', 'dstaddr'),
  ...names(SRC_PORT, 'src_port', 'sp', 'srcport'),
  ...names(DST_PORT, 'dst_port', 'dp', 'dstport'),
  ...names(PROTOCOL, 'protocol', 'pr', 'proto'),
  ...names(PACKETS, 'packets', 'ipkt'),
  ...names(BYTES, 'bytes', 'ibyt'),
  ...names(REVERSE_PACKETS, 'opkt'),
  ...names(REVERSE_BYTES, 'obyt'),
  ...names(FLAGS, 'tcp_flags', 'flg', 'tcpflags'),
  ...names(RATE, 'sampling_rate', 'samplingrate'),
  ...names(SENSOR, 'sensor', 'ra', 'sampler_address', 'exporteraddress'),
]);

function names(slot: number, ...aliases: readonly string[]): (readonly [string, number])[] {
  return aliases.map((alias) => [alias, slot] as const);
}

/** nfdump closes its CSV with this line, a header and one line of six numbers. */
const SUMMARY = Buffer.from('Summary');
const SUMMARY_HEADER = Buffer.from('flows,bytes,packets,');
const SUMMARY_COLUMNS = 6;

const LF = 10;
const CR = 13;
const SPACE = 32;
const QUOTE = 34;

/**
 * Flow records as comma-separated text (RFC 4180, without line feeds in quotes): the canonical
 * columns `start_ms,end_ms,src_ip,dst_ip,src_port,dst_port,protocol,packets,bytes,tcp_flags,
 * sampling_rate,sensor` in any order, or those that nfdump, goflow2 and Akvorado write. Columns of
 * other names are passed over. `;` and tab separate as well.
 *
 * Needed: both addresses and a time. The end is the end column, else start + duration, else the
 * start. `protocol` may be a number or a name; a missing one is 0. Without a header the twelve
 * canonical columns in their order are understood.
 */
export const csv: Format = {
  id: 'csv',
  splittable: true,
  wholeRecords: wholeLines,

  detect(head) {
    const start = bomLength(head);
    return layoutOf(head, start) !== undefined || isCanonicalRow(head, start);
  },

  preambleLength(head) {
    const start = bomLength(head);
    if (layoutOf(head, start) === undefined) return start;
    return Math.min(lineEnd(head, start) + 1, head.length);
  },

  decoder(preamble) {
    return new CsvDecoder(preamble);
  },
};

/** How the columns of an input lie. */
interface Layout {
  readonly separator: number;
  readonly byColumn: Uint8Array;
  /** Number of the last column that is read: a line with fewer is not whole. */
  readonly last: number;
  readonly header: Uint8Array;
  readonly nfdump: boolean;
}

/** The layout by the header at `start`; undefined if there is none. */
function layoutOf(text: Uint8Array, start: number): Layout | undefined {
  const end = withoutReturn(text, start, lineEnd(text, start));
  const header = parseHeader(text, start, end, [COMMA, SEMICOLON, TAB]);
  const { byColumn, found, last } = slotsOf(header.names, COLUMNS);
  if (!found.has(SRC) || !found.has(DST)) return undefined;
  if (!found.has(START) && !found.has(END) && !found.has(RECEIVED)) return undefined;
  return {
    separator: header.separator,
    byColumn,
    last,
    header: text.slice(start, end),
    nfdump: header.names.includes('te') && header.names.includes('sa'),
  };
}

function canonicalLayout(): Layout {
  const { byColumn, last } = slotsOf(CANONICAL, COLUMNS);
  return { separator: COMMA, byColumn, last, header: new Uint8Array(0), nfdump: false };
}

/** Whether the line at `start` is twelve fields, times and addresses in the canonical places. */
function isCanonicalRow(text: Uint8Array, start: number): boolean {
  const end = withoutReturn(text, start, lineEnd(text, start));
  const fields = Buffer.from(text.subarray(start, end)).toString('latin1').split(',', 13);
  if (fields.length !== CANONICAL.length) return false;
  const [startMs, endMs, src, dst] = fields.map((field) => Buffer.from(field, 'latin1'));
  const address = addressWords();
  return (
    !Number.isNaN(parseTime(startMs, 0, startMs.length)) &&
    (endMs.length === 0 || !Number.isNaN(parseTime(endMs, 0, endMs.length))) &&
    parseAddress(src, 0, src.length, address) &&
    parseAddress(dst, 0, dst.length, address)
  );
}

/** Stands in `values` for flags that a record does not give; other fields count as 0. */
const NO_FLAGS = -1;

class CsvDecoder implements Decoder {
  readonly #layout: Layout;
  readonly #sensors = new SensorNames();
  /** By slot: where the field lies; `starts` is -1 for an address that is in the row already. */
  readonly #starts = new Int32Array(SLOTS);
  readonly #ends = new Int32Array(SLOTS);
  /** By slot: the field's value if it is nothing but digits or empty, else NaN. */
  readonly #values = new Float64Array(SLOTS);

  constructor(preamble: Uint8Array) {
    this.#layout = layoutOf(preamble, bomLength(preamble)) ?? canonicalLayout();
    this.#values[FLAGS] = NO_FLAGS;
  }

  decode(chunk: Uint8Array, sink: RecordSink): void {
    const { separator, byColumn, last } = this.#layout;
    const starts = this.#starts;
    const ends = this.#ends;
    const values = this.#values;
    const { src, dst } = sink.row;
    const { length } = chunk;
    let lineStart = 0;
    while (lineStart < length) {
      let i = lineStart;
      let column = 0;
      let badQuote = false;
      for (;;) {
        const slot = column < MAX_COLUMNS ? byColumn[column] : 0;
        const from = i;
        if (slot === 0) {
          if (i < length && chunk[i] === QUOTE) {
            i = quotedEnd(chunk, i, length, separator);
            if (i < 0) {
              badQuote = true;
              i = from;
            }
          }
          let c = 0;
          while (i < length && (c = chunk[i]) !== separator && c !== LF) i++;
        } else if (slot <= LAST_NUMERIC) {
          let small = 0;
          let digit = 0;
          // Up to nine digits are a small integer, up to fifteen an exact double.
          let stop = from + 9 < length ? from + 9 : length;
          while (i < stop && (digit = chunk[i] - 48) >= 0 && digit <= 9) {
            small = small * 10 + digit;
            i++;
          }
          if (i < stop || i === length) {
            values[slot] = small;
          } else {
            let rest = 0;
            let scale = 1;
            stop = from + 15 < length ? from + 15 : length;
            while (i < stop && (digit = chunk[i] - 48) >= 0 && digit <= 9) {
              rest = rest * 10 + digit;
              scale *= 10;
              i++;
            }
            values[slot] = small * scale + rest;
          }
          if (i === from && slot === FLAGS) values[slot] = NO_FLAGS;
          starts[slot] = from;
          ends[slot] = i;
        } else {
          if (slot === SRC || slot === DST) {
            i = scanAddress4(chunk, from, length, slot === SRC ? src : dst);
            if (i < 0) i = from;
          }
          // Other text is read below, and an address that is not IPv4.
          starts[slot] = i > from ? -1 : from;
          ends[slot] = i;
        }
        let c = i < length ? chunk[i] : LF;
        if (c !== separator && c !== LF) {
          // Anything but plain digits or an IPv4 address: the field is found whole and read later.
          let start = from;
          if (chunk[from] === QUOTE) {
            i = quotedEnd(chunk, from, length, separator);
            if (i < 0) {
              badQuote = true;
              i = from;
            }
          }
          while (i < length && (c = chunk[i]) !== separator && c !== LF) i++;
          if (i >= length) c = LF;
          if (slot !== 0) {
            let end = i;
            if (c === LF && end > start && chunk[end - 1] === CR) end--;
            while (start < end && chunk[start] === SPACE) start++;
            while (end > start && chunk[end - 1] === SPACE) end--;
            if (chunk[start] === QUOTE && end - start >= 2 && chunk[end - 1] === QUOTE) {
              start++;
              end--;
            }
            starts[slot] = start;
            ends[slot] = end;
            values[slot] = end > start ? NaN : slot === FLAGS ? NO_FLAGS : 0;
          }
        }
        if (c === LF) break;
        i++;
        column++;
      }
      const end = withoutReturn(chunk, lineStart, i);
      if (end > lineStart) {
        let reason: string;
        if (badQuote) reason = 'bad-quote';
        else if (column >= last) reason = this.#row(chunk, sink, lineStart, end);
        else reason = i >= length ? 'truncated' : 'missing-column';
        if (reason !== '') this.#refuse(chunk, sink, reason, lineStart, end, column + 1);
      }
      lineStart = i + 1;
    }
  }

  /** Fills and pushes the row from the fields found. Returns why it cannot, '' if it could. */
  #row(chunk: Uint8Array, sink: RecordSink, lineStart: number, lineEnd: number): string {
    const starts = this.#starts;
    const ends = this.#ends;
    const values = this.#values;
    const { row } = sink;

    if (!isMillis(values[START])) this.#readTime(chunk, START);
    if (!isMillis(values[END])) this.#readTime(chunk, END);
    if (values[START] === 0 && values[END] === 0) {
      this.#readTime(chunk, RECEIVED);
      values[START] = values[RECEIVED];
      if (values[START] === 0) return 'bad-time';
    }
    if (values[START] === 0) {
      values[START] = values[END];
    } else if (values[END] === 0) {
      values[END] = values[START];
      if (ends[DURATION] > starts[DURATION]) {
        values[END] += parseDurationMs(chunk, starts[DURATION], ends[DURATION]);
      }
    }
    // A NaN of either shows in the difference.
    if (Number.isNaN(values[END] - values[START])) return 'bad-time';
    row.startMs = values[START];
    row.endMs = values[END];

    if (starts[SRC] >= 0 && !parseAddress(chunk, starts[SRC], ends[SRC], row.src)) {
      return 'bad-address';
    }
    if (starts[DST] >= 0 && !parseAddress(chunk, starts[DST], ends[DST], row.dst)) {
      return 'bad-address';
    }

    if (!(values[SRC_PORT] <= 0xffff)) {
      values[SRC_PORT] = parsePort(chunk, starts[SRC_PORT], ends[SRC_PORT]);
    }
    if (!(values[DST_PORT] <= 0xffff)) {
      values[DST_PORT] = parsePort(chunk, starts[DST_PORT], ends[DST_PORT]);
    }
    if (values[SRC_PORT] < 0 || values[DST_PORT] < 0) return 'bad-port';
    row.srcPort = values[SRC_PORT];
    row.dstPort = values[DST_PORT];

    if (!(values[PROTOCOL] <= 255)) {
      values[PROTOCOL] = parseProtocol(chunk, starts[PROTOCOL], ends[PROTOCOL]);
      if (values[PROTOCOL] < 0) return 'bad-protocol';
    }
    row.protocol = values[PROTOCOL];

    for (let slot = FIRST_COUNT; slot <= LAST_COUNT; slot++) {
      if (!(values[slot] >= 0)) {
        values[slot] = parseCount(chunk, starts[slot], ends[slot]);
        if (Number.isNaN(values[slot])) return 'bad-number';
      }
    }
    if (values[FLAGS] !== NO_FLAGS) {
      const flags = parseFlags(chunk, starts[FLAGS], ends[FLAGS]);
      if (flags < 0) return 'bad-flags';
      row.tcpFlags = flags;
    }
    row.packets = values[PACKETS];
    row.bytes = values[BYTES];
    row.samplingRate = values[RATE];
    const sensor = this.#sensors.of(chunk, starts[SENSOR], ends[SENSOR]);
    row.sensor = sensor;
    if (
      sink.push(lineStart, lineEnd) &&
      (values[REVERSE_PACKETS] > 0 || values[REVERSE_BYTES] > 0)
    ) {
      row.reverse();
      row.packets = values[REVERSE_PACKETS];
      row.bytes = values[REVERSE_BYTES];
      row.samplingRate = values[RATE];
      row.sensor = sensor;
      sink.pushAlso();
    }
    return '';
  }

  /** Turns a time into milliseconds: 0 if there is none, NaN if it is no time. */
  #readTime(chunk: Uint8Array, slot: number): void {
    const start = this.#starts[slot];
    const end = this.#ends[slot];
    this.#values[slot] = end > start ? parseTime(chunk, start, end) : 0;
  }

  /** Rejects a line, unless it is a header or nfdump's summary. */
  #refuse(
    chunk: Uint8Array,
    sink: RecordSink,
    reason: string,
    start: number,
    end: number,
    columns: number,
  ): void {
    const { header, nfdump } = this.#layout;
    if (header.length > 0 && isWord(chunk, start, end, header)) {
      sink.skip('header');
    } else if (nfdump && isSummary(chunk, start, end, columns)) {
      sink.skip('summary');
    } else {
      // Flags are set before the last checks can fail.
      sink.row.reset();
      sink.reject(reason, start, end);
    }
  }
}

/** Whether an epoch number is in milliseconds, by its twelve to fourteen digits. */
function isMillis(value: number): boolean {
  return value >= 1e11 && value < 1e14;
}

/**
 * Place behind the closing quote of the quoted field at `start`; -1 if nothing closes it in its
 * line, or if more than a carriage return follows before the separator.
 */
function quotedEnd(text: Uint8Array, start: number, length: number, separator: number): number {
  let i = start + 1;
  for (; i < length && text[i] !== LF; i++) {
    if (text[i] !== QUOTE) continue;
    if (i + 1 < length && text[i + 1] === QUOTE) {
      i++;
      continue;
    }
    let next = i + 1;
    if (next < length && text[next] === CR) next++;
    return next >= length || text[next] === separator || text[next] === LF ? i + 1 : -1;
  }
  return -1;
}

function beginsWith(text: Uint8Array, start: number, end: number, prefix: Uint8Array): boolean {
  if (end - start < prefix.length) return false;
  for (let i = 0; i < prefix.length; i++) {
    if (text[start + i] !== prefix[i]) return false;
  }
  return true;
}

/** Line by line, because a chunk may begin within the summary. */
function isSummary(text: Uint8Array, start: number, end: number, columns: number): boolean {
  if (isWord(text, start, end, SUMMARY)) return true;
  if (columns !== SUMMARY_COLUMNS) return false;
  if (beginsWith(text, start, end, SUMMARY_HEADER)) return true;
  for (let i = start; i < end; i++) {
    const c = text[i];
    if (c !== COMMA && (c < 48 || c > 57)) return false;
  }
  return true;
}
