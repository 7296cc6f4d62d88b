import {
  formatAddress4,
  formatAddress6,
  unmap,
  type AddressWords,
} from '../../pipeline/address.js';
import { DESTINATION, FLAGS_UNKNOWN, NO_SIDE, SOURCE } from '../../pipeline/codes.js';
import { expandBzip2 } from './bzip2.js';
import type { Decoder, Format, RecordSink } from './format.js';
import { expandLz4Block } from './lz4-block.js';
import { expandLzo1x } from './lzo1x.js';
import { expandZstd } from './zstd.js';

/*
 * A file is a header of 40 bytes, then blocks: a header of 12 bytes (number of records, size, type,
 * flags) and records, compressed block by block. The appendix (ident, totals) is a block like the
 * others. A record is type, size and content. Everything is in the byte order of the writer; only
 * little-endian files are read.
 */
const FILE_HEADER = 40;
const MAGIC_0 = 0x0c;
const MAGIC_1 = 0xa5;
const BLOCK_HEADER = 12;
const RECORD_HEADER = 4;
const ELEMENT_HEADER = 4;

/** Of a block, as stored and expanded. nfdump's own buffer has 5 MiB. */
const MAX_BLOCK = 8 * 1024 * 1024;
/** Hostile files could have any number; an exporter has a sampler a line card or so. */
const MAX_SAMPLERS_OF_EXPORTER = 64;
const MAX_SENSOR_TEXTS = 4096;

const RECORD_BLOCK = 3;
const ARRAY_BLOCK = 4;
const FLAG_BLOCK_PLAIN = 1;

const EXPORTER_RECORD = 7;
const EXPORTER_STATS_RECORD = 8;
const OLD_SAMPLER_RECORD = 9;
const FLOW_RECORD = 11;
const NBAR_RECORD = 12;
const INTERFACE_RECORD = 13;
const VRF_RECORD = 14;
const SAMPLER_RECORD = 15;
const IDENT_RECORD = 0x8001;
const TOTALS_RECORD = 0x8002;

/** Length of a flow record before its elements, and the flag of one whose counts were multiplied. */
const FLOW_HEADER = 12;
const FLAG_SAMPLED = 2;

const GENERIC_FLOW = 1;
const IPV4_FLOW = 2;
const IPV6_FLOW = 3;
const FLOW_MISC = 4;
const OUT_COUNTERS = 5;
const RECEIVED_V4 = 12;
const RECEIVED_V6 = 13;
const SAMPLER_INFO = 18;
const FIREWALL_EVENT = 19;
const NAT_EVENT = 25;
/** Least length with header of the elements that are read, by their id. */
const ELEMENT_LENGTHS: Readonly<Record<number, number>> = {
  [GENERIC_FLOW]: 52,
  [IPV4_FLOW]: 12,
  [IPV6_FLOW]: 36,
  [FLOW_MISC]: 20,
  [OUT_COUNTERS]: 28,
  [RECEIVED_V4]: 8,
  [RECEIVED_V6]: 20,
  [SAMPLER_INFO]: 14,
  [FIREWALL_EVENT]: 20,
};
const LEAST_LENGTH = Uint16Array.from({ length: 64 }, (_, id) => ELEMENT_LENGTHS[id] ?? 4);

const ICMP = 1;
const ICMP6 = 58;
const AF_INET = 2;
const FIREWALL_DENIED = 3;

/** Ids of samplers that are not a device's own (nfcapd's `-s`, and samplers without id), strongest first. */
const SAMPLER_OVERWRITE = -3;
const SAMPLER_GENERIC = -1;
const SAMPLER_DEFAULT = -2;

interface Sampler {
  readonly id: number;
  /** Of `total` packets `taken` are counted. */
  readonly taken: number;
  readonly total: number;
}

/**
 * Binary files of nfdump 1.7 (nfcapd, sfcapd, nfpcapd, `nfdump -w`), compressed or not.
 *
 * In: blocks. Out: a row a flow, and a second one for the other direction where the record counts
 * it. The second one has no flags: those of the record are of the first direction alone (nfdump's
 * `-b` drops the others).
 * nfcapd multiplies counts by the sampling rate it knows and marks the record: here they are
 * divided again, and the rate given beside them. A marked record whose sampler is not in the file
 * gets rate 1, as its counts are scaled already.
 * Exporters and samplers are records of the same file: a row takes its exporter from the record if
 * that has one, else from the exporter records seen so far by this decoder.
 * Files of nfdump 1.6, of nfdump 1.8 and later (other layouts), of big-endian writers, and
 * encrypted files are one reject each.
 * Source: nfdump 1.7, nffileV2.h, nfxV3.h, exporter.h.
 */
export const nfcapd: Format = {
  id: 'nfcapd',
  splittable: false,

  detect(head) {
    if (head.length < 4) return false;
    const little = head[0] === MAGIC_0 && head[1] === MAGIC_1 && head[3] === 0;
    const big = head[0] === MAGIC_1 && head[1] === MAGIC_0 && head[2] === 0;
    return little || big;
  },

  preambleLength(head) {
    return head.length < FILE_HEADER ? 0 : FILE_HEADER;
  },

  wholeRecords(bytes) {
    const view = viewOf(bytes);
    let at = 0;
    while (bytes.length - at >= BLOCK_HEADER) {
      // No block: nothing says where the next one would be. What stands before it is whole.
      if (!isBlock(view, at)) return at === 0 ? bytes.length : at;
      const end = at + BLOCK_HEADER + view.getUint32(at + 4, true);
      if (end > bytes.length) break;
      at = end;
    }
    return at;
  },

  decoder(preamble) {
    return new NfcapdDecoder(preamble);
  },
};

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

function isBlock(view: DataView, at: number): boolean {
  const type = view.getUint16(at + 8, true);
  const size = view.getUint32(at + 4, true);
  return (type === RECORD_BLOCK || type === ARRAY_BLOCK) && size <= MAX_BLOCK;
}

/** Why no record of a file with this header can be read; undefined if they can. */
function refusalOf(header: Uint8Array): string | undefined {
  if (header.length < FILE_HEADER) return 'truncated';
  if (header[0] === MAGIC_1 && header[1] === MAGIC_0) return 'unsupported-byte-order';
  const view = viewOf(header);
  if (view.getUint16(2, true) !== 2) return 'unsupported-version';
  if (header[17] !== 0) return 'encrypted';
  if (header[16] >= EXPANDERS.length) return 'unsupported-compression';
  return undefined;
}

/** By the file header's number. */
const EXPANDERS: readonly (((input: Uint8Array, out: Uint8Array) => number) | undefined)[] = [
  undefined,
  expandLzo1x,
  expandBzip2,
  expandLz4Block,
  expandZstd,
];

/** Where blocks are expanded: one at a time in this thread, so all decoders share it. */
let expanded: Uint8Array | undefined;
let expandedView: DataView | undefined;

class NfcapdDecoder implements Decoder {
  private readonly refusal: string | undefined;
  private refused = false;
  private readonly expand: ((input: Uint8Array, out: Uint8Array) => number) | undefined;

  /** Sensor texts by exporter id, and samplers by exporter id. */
  private readonly exporters = new Map<number, string>();
  private readonly samplers = new Map<number, Sampler[]>();
  /** Place of the expanded block that is being read; undefined where records stand in the chunk itself. */
  private block: { readonly start: number; readonly end: number } | undefined;

  private readonly texts = new Map<number, string>();
  private readonly received6 = new Uint32Array(4);
  private received6Text = '';

  constructor(header: Uint8Array) {
    this.refusal = refusalOf(header);
    this.expand = this.refusal === undefined ? EXPANDERS[header[16]] : undefined;
  }

  decode(chunk: Uint8Array, sink: RecordSink): void {
    if (this.refusal !== undefined) {
      if (!this.refused) sink.reject(this.refusal, 0, chunk.length);
      this.refused = true;
      return;
    }
    const view = viewOf(chunk);
    let at = 0;
    while (at < chunk.length) {
      if (chunk.length - at < BLOCK_HEADER) {
        sink.reject('truncated', at, chunk.length);
        return;
      }
      if (!isBlock(view, at)) {
        sink.reject('bad-block', at, chunk.length);
        return;
      }
      const size = view.getUint32(at + 4, true);
      const body = at + BLOCK_HEADER;
      const end = Math.min(body + size, chunk.length);
      this.readBlock(chunk, view, at, end, body + size > chunk.length, sink);
      at = end;
    }
  }

  private readBlock(
    chunk: Uint8Array,
    view: DataView,
    start: number,
    end: number,
    truncated: boolean,
    sink: RecordSink,
  ): void {
    const body = start + BLOCK_HEADER;
    const count = view.getUint32(start, true);
    const array = view.getUint16(start + 8, true) === ARRAY_BLOCK;
    const plain = (view.getUint16(start + 10, true) & FLAG_BLOCK_PLAIN) !== 0;
    const expand = plain ? undefined : this.expand;
    if (truncated && (array || expand !== undefined)) {
      sink.reject('truncated', start, end);
      return;
    }
    if (array) {
      sink.skip('array-block');
      return;
    }

    let read: number;
    if (expand === undefined) {
      this.block = undefined;
      read = this.records(view, body, end, truncated, sink);
    } else {
      expanded ??= new Uint8Array(MAX_BLOCK);
      expandedView ??= viewOf(expanded);
      let length: number;
      try {
        length = expand(chunk.subarray(body, end), expanded);
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
        sink.reject('bad-block', start, end);
        return;
      }
      this.block = { start, end };
      read = this.records(expandedView, 0, length, false, sink);
    }
    // A record that cannot be told from the next has been rejected already.
    if (!truncated && read >= 0 && read !== count) sink.reject('bad-block', start, end);
  }

  /** The records in `view` from `at` to `end`; returns their number, -1 if one has no sound size. */
  private records(
    view: DataView,
    at: number,
    end: number,
    truncated: boolean,
    sink: RecordSink,
  ): number {
    const { block } = this;
    let read = 0;
    while (at < end) {
      const room = end - at;
      const size = room < RECORD_HEADER ? 0 : view.getUint16(at + 2, true);
      const start = block === undefined ? at : block.start;
      if (size > room || size < RECORD_HEADER) {
        const cut = truncated && (size > room || room < RECORD_HEADER);
        sink.reject(cut ? 'truncated' : 'bad-record', start, block === undefined ? end : block.end);
        return -1;
      }
      const next = at + size;
      const stop = block === undefined ? next : block.end;
      const type = view.getUint16(at, true);
      if (type === FLOW_RECORD) this.flow(view, at, next, start, stop, sink);
      else this.other(view, type, at, size, start, stop, sink);
      read++;
      at = next;
    }
    // The input ends between two records.
    if (truncated) sink.reject('truncated', end, end);
    return read;
  }

  private other(
    view: DataView,
    type: number,
    at: number,
    size: number,
    start: number,
    stop: number,
    sink: RecordSink,
  ): void {
    switch (type) {
      case EXPORTER_RECORD:
        if (size < 32) sink.reject('bad-record', start, stop);
        else {
          this.exporters.set(view.getUint16(at + 26, true), exporterText(view, at));
          sink.skip('exporter');
        }
        break;
      case SAMPLER_RECORD:
        if (size < 24) sink.reject('bad-record', start, stop);
        else {
          const taken = view.getUint32(at + 16, true);
          const total = taken + view.getUint32(at + 20, true);
          // The id has 64 bits; a negative one, as here, has its sign in the upper half.
          const id = view.getUint32(at + 8, true) + view.getInt32(at + 12, true) * 2 ** 32;
          this.addSampler(view.getUint16(at + 4, true), { id, taken, total }, start, stop, sink);
        }
        break;
      case OLD_SAMPLER_RECORD:
        if (size < 16) sink.reject('bad-record', start, stop);
        else {
          const total = view.getUint32(at + 8, true);
          const id = view.getInt32(at + 4, true);
          const exporter = view.getUint16(at + 14, true);
          this.addSampler(exporter, { id, taken: 1, total }, start, stop, sink);
        }
        break;
      case EXPORTER_STATS_RECORD:
        sink.skip('exporter-stats');
        break;
      case NBAR_RECORD:
      case INTERFACE_RECORD:
      case VRF_RECORD:
        sink.skip('names');
        break;
      case IDENT_RECORD:
      case TOTALS_RECORD:
        sink.skip('appendix');
        break;
      default:
        sink.reject('unsupported-record', start, stop);
    }
  }

  private addSampler(
    exporter: number,
    sampler: Sampler,
    start: number,
    stop: number,
    sink: RecordSink,
  ): void {
    const known = this.samplers.get(exporter) ?? [];
    const place = known.findIndex((other) => other.id === sampler.id);
    if (sampler.taken === 0 || sampler.total < sampler.taken) {
      sink.reject('bad-record', start, stop);
      return;
    }
    if (place >= 0) known[place] = sampler;
    else if (known.length < MAX_SAMPLERS_OF_EXPORTER) known.push(sampler);
    else {
      sink.reject('too-many-samplers', start, stop);
      return;
    }
    this.samplers.set(exporter, known);
    sink.skip('sampler');
  }

  private flow(
    view: DataView,
    at: number,
    end: number,
    start: number,
    stop: number,
    sink: RecordSink,
  ): void {
    if (end - at < FLOW_HEADER) {
      sink.reject('bad-record', start, stop);
      return;
    }
    const { row } = sink;
    const elements = view.getUint16(at + 4, true);
    let generic = 0;
    let addresses = 0;
    let misc = 0;
    let out = 0;
    let samplerInfo = 0;
    let firewall = 0;
    let nat = 0;
    let received4 = 0;
    let received6 = 0;
    let e = at + FLOW_HEADER;
    for (let i = 0; i < elements; i++) {
      const length = end - e < ELEMENT_HEADER ? 0 : view.getUint16(e + 2, true);
      const id = length === 0 ? 0 : view.getUint16(e, true);
      if (length > end - e || length < (id < LEAST_LENGTH.length ? LEAST_LENGTH[id] : 4)) {
        row.reset();
        sink.reject('bad-record', start, stop);
        return;
      }
      const content = e + ELEMENT_HEADER;
      switch (id) {
        case GENERIC_FLOW:
          generic = content;
          break;
        case IPV4_FLOW:
          addresses = content;
          row.src.family = 4;
          row.dst.family = 4;
          row.src.words[0] = view.getUint32(content, true);
          row.dst.words[0] = view.getUint32(content + 4, true);
          break;
        case IPV6_FLOW:
          addresses = content;
          row.src.family = 6;
          row.dst.family = 6;
          readAddress6(view, content, row.src.words);
          readAddress6(view, content + 16, row.dst.words);
          break;
        case FLOW_MISC:
          misc = content;
          break;
        case OUT_COUNTERS:
          out = content;
          break;
        case RECEIVED_V4:
          received4 = content;
          break;
        case RECEIVED_V6:
          received6 = content;
          break;
        case SAMPLER_INFO:
          samplerInfo = content;
          break;
        case FIREWALL_EVENT:
          firewall = content;
          break;
        case NAT_EVENT:
          nat = content;
          break;
        default:
      }
      e += length;
    }
    if (generic === 0) {
      if (nat > 0) sink.skip('nat-event');
      else sink.reject('incomplete-record', start, stop);
      return;
    }
    if (nat > 0 || addresses === 0) {
      // A translation was made or ended, or the frame carried no IP.
      sink.skip(nat > 0 ? 'nat-event' : 'no-address');
      return;
    }
    if (firewall > 0 && view.getUint8(firewall + 14) === FIREWALL_DENIED) {
      sink.skip('firewall-denied');
      return;
    }
    // One of the two may be IPv4-mapped (NAT64): a row has one family.
    if (row.src.family === 6) unmapBoth(row.src, row.dst);

    let startMs = unsigned64(view, generic);
    let endMs = unsigned64(view, generic + 8);
    if (firewall > 0 && startMs === 0 && endMs === 0) startMs = endMs = unsigned64(view, firewall);
    const protocol = view.getUint8(generic + 44);
    const ported = protocol !== ICMP && protocol !== ICMP6;
    row.startMs = startMs;
    row.endMs = endMs;
    row.protocol = protocol;
    // nfdump keeps type and code of ICMP in the port.
    row.srcPort = ported ? view.getUint16(generic + 40, true) : 0;
    row.dstPort = ported ? view.getUint16(generic + 42, true) : 0;

    const exporter = view.getUint16(at + 8, true);
    let samplingRate = 0;
    let taken = 1;
    let total = 1;
    if ((view.getUint8(at + 10) & FLAG_SAMPLED) !== 0) {
      const sampler = this.samplerOf(exporter, samplerInfo > 0 ? unsigned64(view, samplerInfo) : 0);
      if (sampler !== undefined) {
        taken = sampler.taken;
        total = sampler.total;
      }
      samplingRate = Math.max(1, Math.round(total / taken));
    }
    const sensor = this.sensorOf(view, exporter, received4, received6);
    const event = firewall > 0 && view.getUint8(generic + 45) === 0;
    const tcpFlags = event ? FLAGS_UNKNOWN : view.getUint8(generic + 45);
    const initiator = misc > 0 ? initiatorOf(view.getUint8(misc + 12)) : NO_SIDE;

    row.packets = Math.round((unsigned64(view, generic + 24) * taken) / total);
    row.bytes = Math.round((unsigned64(view, generic + 32) * taken) / total);
    row.samplingRate = samplingRate;
    row.sensor = sensor;
    row.tcpFlags = tcpFlags;
    row.initiator = initiator;
    if (!sink.push(start, stop) || out === 0) return;

    const outPackets = unsigned64(view, out + 8);
    const outBytes = unsigned64(view, out + 16);
    if (outPackets === 0 && outBytes === 0) return;
    row.initiator = initiator;
    row.reverse();
    row.packets = Math.round((outPackets * taken) / total);
    row.bytes = Math.round((outBytes * taken) / total);
    row.samplingRate = samplingRate;
    row.sensor = sensor;
    row.tcpFlags = FLAGS_UNKNOWN;
    sink.pushAlso();
  }

  /** The sampler whose rate nfcapd applied to a flow that names `id`. */
  private samplerOf(exporter: number, id: number): Sampler | undefined {
    const known = this.samplers.get(exporter);
    if (known === undefined) return undefined;
    let best: Sampler | undefined;
    let bestRank = 0;
    for (const sampler of known) {
      const rank = samplerRank(sampler.id, id);
      if (rank > bestRank) {
        best = sampler;
        bestRank = rank;
      }
    }
    return best;
  }

  private sensorOf(view: DataView, exporter: number, received4: number, received6: number): string {
    if (received4 > 0) {
      const word = view.getUint32(received4, true);
      if (word !== 0) return this.text4(word);
    } else if (received6 > 0) {
      return this.text6(view, received6);
    }
    return this.exporters.get(exporter) ?? '';
  }

  private text4(word: number): string {
    let text = this.texts.get(word);
    if (text === undefined) {
      text = formatAddress4(word);
      if (this.texts.size >= MAX_SENSOR_TEXTS) this.texts.clear();
      this.texts.set(word, text);
    }
    return text;
  }

  private text6(view: DataView, at: number): string {
    const { received6 } = this;
    if (
      this.received6Text === '' ||
      received6[0] !== view.getUint32(at + 4, true) ||
      received6[1] !== view.getUint32(at, true) ||
      received6[2] !== view.getUint32(at + 12, true) ||
      received6[3] !== view.getUint32(at + 8, true)
    ) {
      readAddress6(view, at, received6);
      this.received6Text = formatAddress6(received6[0], received6[1], received6[2], received6[3]);
    }
    return this.received6Text;
  }
}

/** Which sampler goes before which; 0 = does not apply. */
function samplerRank(sampler: number, wanted: number): number {
  if (sampler === SAMPLER_OVERWRITE) return 4;
  if (sampler === wanted) return 3;
  if (sampler === SAMPLER_GENERIC) return 2;
  if (sampler === SAMPLER_DEFAULT) return 1;
  return 0;
}

/** RFC 5103 section 6.3, biflowDirection; 3 is the perimeter and says nothing. */
function initiatorOf(biflowDirection: number): number {
  if (biflowDirection === 1) return SOURCE;
  return biflowDirection === 2 ? DESTINATION : NO_SIDE;
}

function exporterText(view: DataView, at: number): string {
  if (view.getUint16(at + 24, true) === AF_INET)
    return formatAddress4(view.getUint32(at + 16, true));
  readAddress6(view, at + 8, exporterWords);
  const [w0, w1, w2, w3] = exporterWords;
  return formatAddress6(w0, w1, w2, w3);
}
const exporterWords = new Uint32Array(4);

/** Two 64-bit halves, the upper one first, each in the file's byte order. */
function readAddress6(view: DataView, at: number, into: Uint32Array): void {
  into[0] = view.getUint32(at + 4, true);
  into[1] = view.getUint32(at, true);
  into[2] = view.getUint32(at + 12, true);
  into[3] = view.getUint32(at + 8, true);
}

/** Exact up to 2^53. */
function unsigned64(view: DataView, at: number): number {
  return view.getUint32(at + 4, true) * 4294967296 + view.getUint32(at, true);
}

/** Makes both addresses IPv4 if both are IPv4-mapped. */
function unmapBoth(a: AddressWords, b: AddressWords): void {
  if (!isMapped(a) || !isMapped(b)) return;
  unmap(a);
  unmap(b);
}

function isMapped({ words }: AddressWords): boolean {
  return words[0] === 0 && words[1] === 0 && words[2] === 0xffff;
}
