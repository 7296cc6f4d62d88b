import type { Decoder, RecordSink } from '../format.js';
import { FRAME_HEADER, frameArrivedMs, frameEnd } from './datagram-frame.js';
import { ExporterState } from './exporter-state.js';
import { pushFlow } from './flow-record.js';
import { learnOptions, learnTemplates, type Learner } from './learn.js';
import {
  FIRST_DATA_SET,
  isOptionsTemplateSet,
  isPadding,
  isTemplateSet,
  MessageHeader,
  SET_HEADER,
  setProblem,
} from './message.js';
import { decodeNetflow5 } from './netflow5.js';
import { decodePreamble } from './preamble.js';
import { RecordValues } from './record-values.js';
import { decodeSflow5, SFLOW5 } from './sflow5.js';
import type { TemplateVersion } from './template.js';

const NETFLOW5 = 5;
const NETFLOW9 = 9;
const IPFIX = 10;

/** A hostile exporter has a domain a datagram. */
const MAX_SENSOR_NAMES = 1024;

/** Decodes chunks of framed datagrams, each by the preamble and itself alone. */
export class DatagramDecoder implements Decoder, Learner {
  /** As the preamble says; undefined if it is none. */
  readonly #known: ExporterState | undefined;
  #state: ExporterState;
  readonly #header = new MessageHeader();
  readonly #values = new RecordValues();
  readonly #sensors = new Map<string, string>();

  constructor(preamble: Uint8Array) {
    try {
      this.#known = decodePreamble(preamble);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
    }
    this.#state = this.#known ?? new ExporterState('');
  }

  get state(): ExporterState {
    return this.#state;
  }

  toChange(): ExporterState {
    if (this.#state === this.#known) this.#state = this.#known.copy();
    return this.#state;
  }

  decode(chunk: Uint8Array, sink: RecordSink): void {
    if (this.#known === undefined) {
      sink.reject('bad-preamble', 0, chunk.length);
      return;
    }
    // What an earlier chunk told would make the rows depend on who decodes which chunks.
    this.#state = this.#known;
    const view = new DataView(chunk.buffer, chunk.byteOffset, chunk.length);
    for (let at = 0; at < chunk.length;) {
      const end = frameEnd(view, at);
      if (end > chunk.length) {
        sink.reject('truncated', at, chunk.length);
        return;
      }
      this.#datagram(chunk, view, at + FRAME_HEADER, end, frameArrivedMs(view, at), sink);
      at = end;
    }
  }

  #datagram(
    bytes: Uint8Array,
    view: DataView,
    at: number,
    end: number,
    arrivedMs: number,
    sink: RecordSink,
  ): void {
    if (end - at < 4) {
      sink.reject('truncated', at, end);
      return;
    }
    const version = view.getUint16(at);
    if (version === NETFLOW9 || version === IPFIX) {
      this.#message(bytes, view, at, end, version, sink);
    } else if (version === NETFLOW5) {
      decodeNetflow5(view, at, end, this.#sensorOfDomain, sink);
    } else if (view.getUint32(at) === SFLOW5) {
      decodeSflow5(view, at, end, arrivedMs, this.#sensorOf, sink);
    } else {
      sink.reject('unsupported-version', at, end);
    }
  }

  #message(
    bytes: Uint8Array,
    view: DataView,
    start: number,
    end: number,
    version: TemplateVersion,
    sink: RecordSink,
  ): void {
    const header = this.#header;
    if (!header.read(view, start, end, version)) {
      sink.reject('truncated', start, end);
      return;
    }
    if (header.end < header.sets) {
      sink.reject('bad-length', start, end);
      return;
    }
    const stop = Math.min(header.end, end);
    if (isPadding(view, header.sets, stop)) sink.skip('empty');
    for (let at = header.sets; at < stop && !isPadding(view, at, stop);) {
      const problem = setProblem(view, at, stop);
      if (problem !== undefined) {
        sink.reject(problem, at, end);
        return;
      }
      const next = at + view.getUint16(at + 2);
      this.#set(bytes, view, at, next, sink);
      at = next;
    }
    if (header.end > end) sink.reject('truncated', start, end);
    else if (!isPadding(view, header.end, end)) sink.reject('trailing-bytes', header.end, end);
  }

  #set(bytes: Uint8Array, view: DataView, at: number, next: number, sink: RecordSink): void {
    const header = this.#header;
    const { version } = header;
    const set = view.getUint16(at);
    if (set >= FIRST_DATA_SET) {
      this.#records(view, set, at, next, sink);
      return;
    }
    const options = isOptionsTemplateSet(version, set);
    if (!options && !isTemplateSet(version, set)) {
      sink.skip('reserved-set');
      return;
    }
    if (isPadding(view, at + SET_HEADER, next)) sink.skip('empty');
    learnTemplates(bytes, view, at, next, header, options, this, (bad, start, end) => {
      if (bad) sink.reject('bad-template', start, end);
      else sink.skip('template');
    });
  }

  #records(view: DataView, set: number, start: number, next: number, sink: RecordSink): void {
    const header = this.#header;
    const values = this.#values;
    const domain = this.#state.domain(header.version, header.domain);
    const template = domain?.templates.get(set);
    if (domain === undefined || template === undefined) {
      sink.reject('unknown-template', start, next);
      return;
    }
    const sensor = this.#sensorOfDomain(header.domain);
    let at = start + SET_HEADER;
    if (next - at < template.leastLength && isPadding(view, at, next)) sink.skip('empty');
    while (next - at >= template.leastLength) {
      const end = values.read(view, at, next, template);
      if (end < 0) {
        sink.reject('truncated', at, next);
        return;
      }
      if (template.options) {
        learnOptions(values, template, header, this);
        sink.skip('options');
      } else {
        pushFlow(values, template, header, domain, sensor, sink, at, end);
      }
      at = end;
    }
    // Less than a record.
    if (!isPadding(view, at, next)) sink.reject('bad-padding', at, next);
  }

  readonly #sensorOfDomain = (domain: number): string =>
    this.#sensorOf(this.#state.exporter, domain);

  /** `ADDRESS/DOMAIN`, or the address alone for domain 0. */
  readonly #sensorOf = (address: string, domain: number): string => {
    if (domain === 0) return address;
    const key = `${address}/${domain}`;
    const known = this.#sensors.get(key);
    if (known !== undefined) return known;
    if (this.#sensors.size >= MAX_SENSOR_NAMES) this.#sensors.clear();
    this.#sensors.set(key, key);
    return key;
  };
}
