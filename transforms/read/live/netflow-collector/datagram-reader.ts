import type { ExporterIntake } from './exporter-intake.js';
import { learnOptions, learnTemplates } from '../../../decode/netflow/learn.js';
import {
  FIRST_DATA_SET,
  isOptionsTemplateSet,
  isPadding,
  isTemplateSet,
  MessageHeader,
  SET_HEADER,
  setProblem,
} from '../../../decode/netflow/message.js';
import { hasNetflow5Header, netflow5Engine } from '../../../decode/netflow/netflow5.js';
import { RecordValues } from '../../../decode/netflow/record-values.js';
import { SFLOW5, SflowHeader } from '../../../decode/netflow/sflow5.js';
import type { Template, TemplateVersion } from '../../../decode/netflow/template.js';

/** Set whose template is not known, and the key that it waits for. */
interface UnknownSet {
  readonly key: string;
  readonly message: Uint8Array;
}

const NETFLOW5 = 5;
const NETFLOW9 = 9;
const IPFIX = 10;
const NONE: readonly never[] = [];

/**
 * Reads of a datagram what a collector must know of it: templates, options and sequence number.
 * What cannot be read is left to the decoder, which says so.
 */
export class DatagramReader {
  /** What of the datagram read last can be decoded now; undefined if nothing. */
  decodable: Uint8Array | undefined;
  /** What of it waits for its template. */
  unknown: readonly UnknownSet[] = NONE;
  /** Keys of the templates that it told, known before or not. */
  readonly told: string[] = [];
  /** What the exporter sent and did not arrive before it, in the unit of its sequence. */
  lost = 0;

  readonly #header = new MessageHeader();
  readonly #sflow = new SflowHeader();
  readonly #values = new RecordValues();

  read(datagram: Uint8Array, exporter: ExporterIntake): void {
    this.decodable = datagram;
    this.unknown = NONE;
    this.told.length = 0;
    this.lost = 0;
    const view = new DataView(datagram.buffer, datagram.byteOffset, datagram.length);
    if (datagram.length < 4) return;
    const version = view.getUint16(0);
    if (version === NETFLOW9 || version === IPFIX) {
      this.#message(datagram, view, version, exporter);
    } else if (version === NETFLOW5) {
      if (!hasNetflow5Header(datagram)) return;
      const stream = `5/${netflow5Engine(view, 0)}`;
      this.lost = exporter.gaps.take(stream, view.getUint32(16), view.getUint16(2));
    } else if (view.getUint32(0) === SFLOW5 && this.#sflow.read(view, 0, datagram.length)) {
      const { agent, subAgent, sequence } = this.#sflow;
      this.lost = exporter.gaps.take(`sflow/${agent}/${subAgent}`, sequence, 1);
    }
  }

  #message(
    datagram: Uint8Array,
    view: DataView,
    version: TemplateVersion,
    exporter: ExporterIntake,
  ): void {
    const header = this.#header;
    if (!header.read(view, 0, datagram.length, version)) return;
    const end = Math.min(header.end, datagram.length);
    let records = 0;
    let options = 0;
    const unknown: { readonly set: number; readonly at: number; readonly next: number }[] = [];
    let at = header.sets;
    while (at < end && !isPadding(view, at, end)) {
      if (setProblem(view, at, end) !== undefined) break;
      const next = at + view.getUint16(at + 2);
      const set = view.getUint16(at);
      if (set < FIRST_DATA_SET) {
        this.#templates(datagram, view, at, next, exporter);
      } else {
        const template = exporter.state.domain(version, header.domain)?.templates.get(set);
        if (template === undefined) unknown.push({ set, at, next });
        else {
          const read = this.#records(view, template, at, next, exporter);
          records += read;
          if (template.options) options += read;
        }
      }
      at = next;
    }
    // IPFIX numbers data records, which cannot be counted without their template.
    const told = unknown.length === 0 ? records : -1;
    const stream = `${version}/${header.domain}`;
    this.lost =
      version === NETFLOW9
        ? exporter.gaps.take(stream, header.sequence, 1)
        : exporter.gaps.take(stream, header.sequence, told, options);
    if (unknown.length === 0) return;

    this.unknown = unknown.map(({ set, at, next }) => ({
      key: keyOf(exporter, header, set),
      message: messageOf(datagram, header, [[at, next]], 0),
    }));
    const rest = complement(unknown, header.sets, datagram.length);
    // Bytes by which the header lies, which the decoder is to see.
    const excess = header.end - datagram.length;
    const nothing = rest.length === 0 && excess === 0;
    this.decodable = nothing ? undefined : messageOf(datagram, header, rest, excess);
  }

  #templates(
    datagram: Uint8Array,
    view: DataView,
    at: number,
    next: number,
    exporter: ExporterIntake,
  ): void {
    const header = this.#header;
    const set = view.getUint16(at);
    const options = isOptionsTemplateSet(header.version, set);
    if (!options && !isTemplateSet(header.version, set)) return;
    learnTemplates(datagram, view, at, next, header, options, exporter, (bad, start) => {
      if (!bad) this.told.push(keyOf(exporter, header, view.getUint16(start)));
    });
  }

  /** The number of records of a set; learns from those of options. */
  #records(
    view: DataView,
    template: Template,
    set: number,
    next: number,
    exporter: ExporterIntake,
  ): number {
    let at = set + SET_HEADER;
    if (!template.options && !template.variable) {
      return Math.floor((next - at) / template.leastLength);
    }
    let records = 0;
    while (next - at >= template.leastLength) {
      at = this.#values.read(view, at, next, template);
      if (at < 0) break;
      if (template.options) learnOptions(this.#values, template, this.#header, exporter);
      records++;
    }
    return records;
  }
}

function keyOf({ state }: ExporterIntake, { version, domain }: MessageHeader, set: number): string {
  return `${state.exporter}/${version}/${domain}/${set}`;
}

type Range = readonly [start: number, end: number];

/** What of `start` to `end` is in none of `ranges`, which are in order. */
function complement(
  ranges: readonly { readonly at: number; readonly next: number }[],
  start: number,
  end: number,
): readonly Range[] {
  const rest: Range[] = [];
  let from = start;
  for (const { at, next } of ranges) {
    if (at > from) rest.push([from, at]);
    from = next;
  }
  if (end > from) rest.push([from, end]);
  return rest;
}

/** A message with the header of the datagram and these parts of it; IPFIX says a length that is `excess` more. */
function messageOf(
  datagram: Uint8Array,
  { version, sets }: MessageHeader,
  parts: readonly Range[],
  excess: number,
): Uint8Array {
  const length = parts.reduce((sum, [from, to]) => sum + to - from, sets);
  const message = new Uint8Array(length);
  message.set(datagram.subarray(0, sets));
  let at = sets;
  for (const [from, to] of parts) {
    message.set(datagram.subarray(from, to), at);
    at += to - from;
  }
  if (version === IPFIX) {
    new DataView(message.buffer).setUint16(2, Math.min(Math.max(length + excess, 0), 0xffff));
  }
  return message;
}
