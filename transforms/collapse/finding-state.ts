import { REASON_CONFIDENCE, REASON_NAMES, type Role } from '../../pipeline/codes.js';
import {
  CONFIDENCES,
  findingId,
  seriesId,
  SEVERITIES,
  type Evidence,
  type Finding,
} from '../../pipeline/finding.js';
import type { Hit, HitCounter } from '../../pipeline/hit.js';
import { protocolName } from '../../pipeline/protocols.js';
import { ConversationSample } from './conversation-sample.js';
import { addBySensor, trafficOf, type Traffic } from '../../pipeline/traffic.js';

/** Conversations (in windows) that a finding counts one by one; above that it estimates, and says so. */
const EXACT_CONVERSATIONS = 2000;

/** Pieces of evidence a finding keeps, the first in sorted order. */
const MAX_EVIDENCE = 64;

/** Sensors whose names a finding keeps. */
const MAX_SENSORS = 256;

/** What a hit says of its finding, without counts and proof. */
type HitFacts = Omit<Hit, 'counters' | 'evidence'>;

/** One conversation in one window. */
interface Sighting {
  readonly windowStartMs: number;
  readonly windowEndMs: number;
  readonly records: number;
  readonly counters: readonly HitCounter[];
}

/** What a state is on the wire: plain JSON. */
export interface FindingStateJson {
  readonly hit: HitFacts;
  readonly windowStartMs: number;
  readonly firstMs: number;
  readonly lastMs: number;
  readonly evidence: readonly Evidence[];
  readonly sensors: readonly string[];
  readonly samplingRate: number;
  readonly customerPorts: readonly [number, number];
  readonly remotePorts: readonly [number, number];
  /** By `customer port>remote port`. */
  readonly sightings: readonly (readonly [string, readonly Sighting[]])[];
  readonly sketch: {
    readonly sample: string;
    readonly traffic: Traffic;
    readonly records: number;
  } | null;
}

/** Start of the finding window that a hit falls in. */
export function findingWindowStart(hit: Hit, findingWindowMs: number): number {
  return Math.floor(hit.windowStartMs / findingWindowMs) * findingWindowMs;
}

/** What makes two hits one finding, as text; cheaper than the id, which is made once a finding. */
export function findingKey(hit: Hit, findingWindowMs: number): string {
  return JSON.stringify([
    hit.customer,
    hit.filter,
    hit.subject,
    hit.remoteAddress,
    hit.service,
    hit.indicator,
    findingWindowStart(hit, findingWindowMs),
  ]);
}

/**
 * A finding in the making. Hits and other states may be added in any order and any grouping, and a
 * conversation's window may come again (a later pane): the version with most records counts.
 */
export class FindingState {
  readonly #windowStartMs: number;
  /** The strongest of each; text fields are the same in all hits. */
  #hit: HitFacts;
  #firstMs: number;
  #lastMs: number;
  readonly #evidence = new Map<string, Evidence>();
  readonly #sensors = new Set<string>();
  #samplingRate = 0;
  #customerPorts: readonly [number, number];
  #remotePorts: readonly [number, number];
  #sightings: Map<string, Map<number, Sighting>> | undefined = new Map();
  #sightingCount = 0;
  #sketch: { sample: ConversationSample; traffic: Traffic; records: number } | undefined;

  /** An empty state of the finding that `hit` belongs to; nothing is counted yet. */
  constructor(hit: HitFacts, windowStartMs: number) {
    this.#windowStartMs = windowStartMs;
    this.#hit = hit;
    this.#firstMs = hit.firstMs;
    this.#lastMs = hit.lastMs;
    this.#customerPorts = [hit.customerPort, hit.customerPort];
    this.#remotePorts = [hit.remotePort, hit.remotePort];
  }

  static ofHit(hit: Hit, windowStartMs: number): FindingState {
    const { counters: _counters, evidence: _evidence, ...facts } = hit;
    const state = new FindingState(facts, windowStartMs);
    state.add(hit);
    return state;
  }

  get windowStartMs(): number {
    return this.#windowStartMs;
  }

  #series(): string {
    const { customer, filter, subject, remoteAddress, service, indicator } = this.#hit;
    return seriesId({ customer, filter, subject, remote: remoteAddress, service, indicator });
  }

  add(hit: Hit): void {
    const { windowStartMs, windowEndMs, records, counters } = hit;
    this.#widen(
      hit,
      hit.firstMs,
      hit.lastMs,
      [hit.customerPort, hit.customerPort],
      [hit.remotePort, hit.remotePort],
    );
    this.#prove(hit.evidence);
    for (const { sensor, samplingRate } of counters) this.#saw(sensor, samplingRate);
    const key = `${hit.customerPort}>${hit.remotePort}`;
    this.#sight(key, { windowStartMs, windowEndMs, records, counters });
  }

  merge(json: FindingStateJson): void {
    this.#widen(json.hit, json.firstMs, json.lastMs, json.customerPorts, json.remotePorts);
    this.#prove(json.evidence);
    for (const sensor of json.sensors) this.#saw(sensor, json.samplingRate);
    for (const [key, sightings] of json.sightings) {
      for (const sighting of sightings) this.#sight(key, sighting);
    }
    if (json.sketch !== null) {
      const sketch = this.#toSketch();
      sketch.sample.merge(ConversationSample.fromText(json.sketch.sample));
      sketch.traffic = sum(sketch.traffic, json.sketch.traffic);
      sketch.records += json.sketch.records;
    }
  }

  toJson(): FindingStateJson {
    return {
      hit: this.#hit,
      windowStartMs: this.#windowStartMs,
      firstMs: this.#firstMs,
      lastMs: this.#lastMs,
      evidence: [...this.#evidence.values()],
      sensors: [...this.#sensors],
      samplingRate: this.#samplingRate,
      customerPorts: this.#customerPorts,
      remotePorts: this.#remotePorts,
      sightings: [...(this.#sightings ?? [])].map(([key, windows]) => [key, [...windows.values()]]),
      sketch:
        this.#sketch === undefined
          ? null
          : { ...this.#sketch, sample: this.#sketch.sample.toText() },
    };
  }

  static fromJson(json: FindingStateJson): FindingState {
    const state = new FindingState(json.hit, json.windowStartMs);
    state.merge(json);
    return state;
  }

  /** The finding, its summary still empty. */
  finding(): Finding {
    const hit = this.#hit;
    const counted = this.#counted();
    const series = this.#series();
    return {
      series,
      id: findingId(series, this.#windowStartMs),
      revision: counted.records,
      status: 'open',
      filter: hit.filter,
      severity: hit.severity,
      confidence: hit.confidence,
      summary: '',
      customer: hit.customer,
      subject: hit.subject,
      customerAddress: hit.customerAddress,
      customerPort: onlyPort(this.#customerPorts),
      customerRole: hit.role,
      remoteAddress: hit.remoteAddress,
      remotePort: onlyPort(this.#remotePorts),
      remoteCountry: hit.remoteCountry === '' ? null : hit.remoteCountry,
      protocol: protocolName(hit.protocol),
      service: hit.service,
      indicator: hit.indicator,
      firstSeen: new Date(this.#firstMs).toISOString(),
      lastSeen: new Date(this.#lastMs).toISOString(),
      windowStart: new Date(this.#windowStartMs).toISOString(),
      conversations: counted.conversations,
      conversationsEstimated: this.#sketch !== undefined,
      ...counted.traffic,
      samplingRate: this.#samplingRate === 0 ? null : this.#samplingRate,
      sensors: [...this.#sensors].sort().slice(0, MAX_SENSORS),
      orientation: {
        reason: REASON_NAMES[hit.reason],
        confidence: REASON_CONFIDENCE[hit.reason],
      },
      evidence: [...this.#evidence]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([, entry]) => entry)
        .slice(0, MAX_EVIDENCE),
      referenceVersion: hit.referenceVersion,
    };
  }

  #counted(): { conversations: number; records: number; traffic: Traffic } {
    if (this.#sketch !== undefined) {
      const { sample, traffic, records } = this.#sketch;
      return { conversations: sample.count(), records, traffic };
    }
    let conversations = 0;
    let records = 0;
    let traffic = NO_TRAFFIC;
    for (const windows of this.#sightings?.values() ?? []) {
      const sorted = [...windows.values()].sort((a, b) => a.windowStartMs - b.windowStartMs);
      // Windows with gaps of at most one window are one conversation.
      let end = -Infinity;
      for (const sighting of sorted) {
        const size = sighting.windowEndMs - sighting.windowStartMs;
        if (sighting.windowStartMs > end + size) conversations++;
        end = sighting.windowEndMs;
        records += sighting.records;
      }
      traffic = sum(traffic, trafficOf(addBySensor(sorted.map(({ counters }) => counters))));
    }
    return { conversations, records, traffic };
  }

  #widen(
    hit: HitFacts,
    firstMs: number,
    lastMs: number,
    customerPorts: readonly [number, number],
    remotePorts: readonly [number, number],
  ): void {
    this.#firstMs = Math.min(this.#firstMs, firstMs);
    this.#lastMs = Math.max(this.#lastMs, lastMs);
    this.#customerPorts = spread(this.#customerPorts, customerPorts);
    this.#remotePorts = spread(this.#remotePorts, remotePorts);
    const own = this.#hit;
    const better =
      hit.reason > own.reason || (hit.reason === own.reason && roleFirst(hit.role, own.role));
    this.#hit = {
      ...own,
      severity:
        SEVERITIES[Math.max(SEVERITIES.indexOf(own.severity), SEVERITIES.indexOf(hit.severity))],
      confidence:
        CONFIDENCES[
          Math.max(CONFIDENCES.indexOf(own.confidence), CONFIDENCES.indexOf(hit.confidence))
        ],
      role: better ? hit.role : own.role,
      reason: Math.max(own.reason, hit.reason),
      referenceVersion:
        hit.referenceVersion > own.referenceVersion ? hit.referenceVersion : own.referenceVersion,
    };
  }

  #prove(evidence: readonly Evidence[]): void {
    for (const entry of evidence) {
      this.#evidence.set(canonical(entry), entry);
      if (this.#evidence.size > MAX_EVIDENCE * 2) keepFirst(this.#evidence, MAX_EVIDENCE);
    }
  }

  #saw(sensor: string, samplingRate: number): void {
    this.#sensors.add(sensor);
    if (this.#sensors.size > MAX_SENSORS * 2) keepFirst(this.#sensors, MAX_SENSORS);
    this.#samplingRate = Math.max(this.#samplingRate, samplingRate);
  }

  #sight(key: string, sighting: Sighting): void {
    if (this.#sightings === undefined) {
      this.#sketchIn(key, sighting);
      return;
    }
    let windows = this.#sightings.get(key);
    if (windows === undefined) {
      windows = new Map();
      this.#sightings.set(key, windows);
    }
    const known = windows.get(sighting.windowStartMs);
    if (known !== undefined && known.records >= sighting.records) return;
    windows.set(sighting.windowStartMs, sighting);
    if (known === undefined && ++this.#sightingCount > EXACT_CONVERSATIONS) this.#toSketch();
  }

  /** Gives up counting one by one. */
  #toSketch(): { sample: ConversationSample; traffic: Traffic; records: number } {
    this.#sketch ??= { sample: new ConversationSample(), traffic: NO_TRAFFIC, records: 0 };
    const sightings = this.#sightings;
    this.#sightings = undefined;
    for (const [key, windows] of sightings ?? []) {
      for (const sighting of windows.values()) this.#sketchIn(key, sighting);
    }
    return this.#sketch;
  }

  #sketchIn(key: string, sighting: Sighting): void {
    const sketch = this.#sketch;
    if (sketch === undefined) return;
    const { windowStartMs, windowEndMs } = sighting;
    sketch.sample.add(key, Math.floor(windowStartMs / (windowEndMs - windowStartMs)));
    sketch.records += sighting.records;
    sketch.traffic = sum(sketch.traffic, trafficOf(sighting.counters));
  }
}

/** Leaves the `count` first keys in sorted order: those that the finding will show. */
function keepFirst(
  keys: { keys(): Iterable<string>; delete(key: string): boolean },
  count: number,
): void {
  for (const key of [...keys.keys()].sort().slice(count)) keys.delete(key);
}

const NO_TRAFFIC: Traffic = { packetsOut: 0, bytesOut: 0, packetsIn: 0, bytesIn: 0 };

function sum(a: Traffic, b: Traffic): Traffic {
  return {
    packetsOut: a.packetsOut + b.packetsOut,
    bytesOut: a.bytesOut + b.bytesOut,
    packetsIn: a.packetsIn + b.packetsIn,
    bytesIn: a.bytesIn + b.bytesIn,
  };
}

function spread(a: readonly [number, number], b: readonly [number, number]): [number, number] {
  return [Math.min(a[0], b[0]), Math.max(a[1], b[1])];
}

function onlyPort([low, high]: readonly [number, number]): number | null {
  return low === high ? low : null;
}

/** Of two roles for equal reasons the first in the alphabet counts: any fixed order will do. */
function roleFirst(a: Role, b: Role): boolean {
  return a < b;
}

/** JSON with sorted keys: equal entries give equal text. */
function canonical(entry: Evidence): string {
  return JSON.stringify(Object.entries(entry).sort(([a], [b]) => (a < b ? -1 : 1)));
}
