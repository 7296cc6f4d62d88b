import { v5 as uuidV5 } from 'uuid';
import type { Confidence, Role } from './codes.js';

export const SEVERITIES = ['low', 'medium', 'high', 'critical'] as const;
export type Severity = (typeof SEVERITIES)[number];
export const CONFIDENCES = ['low', 'medium', 'high'] as const satisfies readonly Confidence[];

/** What makes a finding true, one entry a fact. `type` says which. */
export type Evidence = ListEvidence | CountryEvidence | InventoryEvidence | PolicyEvidence;

/** A feed entry that covers the remote address, or names the remote ip:port. */
export interface ListEvidence {
  readonly type: 'list';
  readonly feed: string;
  /** The entry as published: an address, a prefix, ip:port. */
  readonly entry: string;
  readonly category: string;
  /** sha256 of the feed's content. */
  readonly feedVersion: string;
  /** File of a feed that has several. */
  readonly source?: string;
  /** Since when the feed lists it, if it says so (ISO 8601). */
  readonly since?: string;
}

export interface CountryEvidence {
  readonly type: 'country';
  /** ISO 3166-1 alpha-2. */
  readonly country: string;
  readonly feed: string;
  readonly feedVersion: string;
  /** The address is in a range that several organisations share (anycast): the country says little. */
  readonly sharedAddress: boolean;
}

export interface InventoryEvidence {
  readonly type: 'inventory';
  readonly feed: string;
  readonly feedVersion: string;
  /** ip:port/protocol that was scanned. */
  readonly entry: string;
  readonly service: string;
  readonly tags: readonly string[];
  /** ISO 8601; absent where the scan does not say. */
  readonly firstSeen?: string;
  readonly lastSeen?: string;
}

export interface PolicyEvidence {
  readonly type: 'policy';
  /** The rule as the customer wrote it: `tag:vendor-x`, `tcp/6881-6889`, `203.0.113.0/24`. */
  readonly rule: string;
}

/** One true, explained statement about a customer's network. Every output format is a rendering of it. */
export interface Finding {
  /** The same for the same risk on every day. */
  readonly series: string;
  /** The same for the same risk on the same finding window, on every run and engine. */
  readonly id: string;
  /** Flow records behind the finding: grows as more are known; a sink keeps the highest. */
  readonly revision: number;
  readonly status: 'open';
  readonly filter: string;
  readonly severity: Severity;
  readonly confidence: Confidence;
  /** One sentence. */
  readonly summary: string;
  readonly customer: string;
  readonly customerAddress: string;
  /** null where conversations differ in it (a client's ephemeral ports). */
  readonly customerPort: number | null;
  readonly customerRole: Role;
  readonly remoteAddress: string;
  readonly remotePort: number | null;
  /** ISO 3166-1 alpha-2; null where no table says. */
  readonly remoteCountry: string | null;
  /** Name (`tcp`) or IANA number as text. */
  readonly protocol: string;
  /** Server port and protocol, `443/tcp`; `-` where the side is unknown. */
  readonly service: string;
  /** The most specific matched value, normalised, without the feed. */
  readonly indicator: string;
  /** ISO 8601, UTC, milliseconds. */
  readonly firstSeen: string;
  readonly lastSeen: string;
  readonly windowStart: string;
  readonly conversations: number;
  /** True where conversations were too many to tell apart exactly; the count is then an estimate (standard error 1.8 %). */
  readonly conversationsEstimated: boolean;
  /** As exported by the one sensor a direction that saw most; not scaled by the sampling rate. */
  readonly bytesOut: number;
  readonly bytesIn: number;
  readonly packetsOut: number;
  readonly packetsIn: number;
  /** 1 in N, the coarsest behind the counts; null = unknown. */
  readonly samplingRate: number | null;
  readonly sensors: readonly string[];
  readonly orientation: { readonly reason: string; readonly confidence: Confidence };
  readonly evidence: readonly Evidence[];
  /** Version of the reference snapshot that judged. */
  readonly referenceVersion: string;
}

/** What a series is keyed by, in this order. */
export interface SeriesKey {
  readonly customer: string;
  readonly filter: string;
  readonly subject: string;
  readonly remote: string;
  readonly service: string;
  readonly indicator: string;
}

/** Namespace of flowsieve's UUIDs (RFC 9562 section 5.5). Never changes. */
const NAMESPACE = '8f6d7c52-2b0e-5d7e-9c41-6f1f5a2b90d3';

/** UUIDv5 of what identifies a risk over time. */
export function seriesId(key: SeriesKey): string {
  const { customer, filter, subject, remote, service, indicator } = key;
  return uuidV5(JSON.stringify([customer, filter, subject, remote, service, indicator]), NAMESPACE);
}

/** UUIDv5 of a series in the finding window that starts at `windowStartMs`. */
export function findingId(series: string, windowStartMs: number): string {
  return uuidV5(`${series} ${windowStartMs}`, NAMESPACE);
}
