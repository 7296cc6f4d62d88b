import { v5 as uuidV5 } from 'uuid';
import type { Confidence, Role } from './codes.js';

export const SEVERITIES = ['low', 'medium', 'high', 'critical'] as const;
export type Severity = (typeof SEVERITIES)[number];
export const CONFIDENCES = ['low', 'medium', 'high'] as const satisfies readonly Confidence[];

/** What makes a finding true, one entry a fact. `type` says which. */
export type Evidence =
  | ListEvidence
  | CountryEvidence
  | InventoryEvidence
  | PolicyEvidence
  | TargetsEvidence
  | EstimateEvidence
  | ScoreEvidence
  | VolumeEvidence
  | SpreadEvidence
  | AssociationEvidence
  | PrevalenceEvidence
  | HistoryEvidence;

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

/** Distinct addresses that were reached for. */
export interface TargetsEvidence {
  readonly type: 'targets';
  /**
   * Why they count. Remotes: `reserved`, `unrouted`, `silent` (scanned, never answered), `strange` (not
   * seen before), `from`. The customer's addresses: `attempted`, `answered`, `established`,
   * `insecure-answered`, `insecure-established`.
   */
  readonly kind: string;
  readonly targets: number;
  /** The first in sorted order, at most ten. */
  readonly examples: readonly string[];
  /** Ports of the targets, ascending, at most 32. */
  readonly ports: readonly number[];
}

/** What a sampled count stands for. */
export interface EstimateEvidence {
  readonly type: 'estimate';
  /** `probes`, ... */
  readonly of: string;
  /** As sampled, and the rate (1 in N) of the sensor that saw most. */
  readonly observed: number;
  readonly samplingRate: number;
  readonly estimate: number;
  /** Exact interval (Garwood) at `level`. */
  readonly low: number;
  readonly high: number;
  readonly level: number;
}

/** A score and what it is made of. */
export interface ScoreEvidence {
  readonly type: 'score';
  /** 0 to 100: the sum of the parts' points. */
  readonly score: number;
  readonly parts: readonly ScorePart[];
}

export interface ScorePart {
  readonly name: string;
  /** What was measured. */
  readonly value: number;
  readonly points: number;
  /** What the value means, in words. */
  readonly note: string;
}

/**
 * A test of two rates: of the day against the days before, and against the rest of what the sensor
 * saw. Numbers are those of the comparison that shows less.
 */
export interface VolumeEvidence {
  readonly type: 'volume';
  readonly stratum: string;
  readonly change: 'rise' | 'fall';
  /** Conversations of the judged day, and what the baseline lets expect, in the hours compared. */
  readonly count: number;
  readonly expected: number;
  readonly baselineCount: number;
  /** UTC days of the baseline. */
  readonly baselineDays: readonly string[];
  readonly hours: number;
  /** The sensor whose counts were compared, and all that it saw in those hours (the exposure). */
  readonly sensor: string;
  readonly samplingRate: number;
  readonly exposure: number;
  readonly baselineExposure: number;
  /** Rate now over rate then, and its exact 95 % interval; null = without bound. */
  readonly ratio: number | null;
  readonly ratioLow: number;
  readonly ratioHigh: number | null;
  readonly dispersion: number;
  /** Two-sided, exact conditional binomial. */
  readonly pValue: number;
  /** Benjamini-Hochberg, over `tests` of this customer and day. */
  readonly adjusted: number;
  readonly tests: number;
}

/** How many customers a remote reached for. */
export interface SpreadEvidence {
  readonly type: 'spread';
  readonly customers: number;
  readonly ofCustomers: number;
}

/** A remote that compromised clients have in common. */
export interface AssociationEvidence {
  readonly type: 'association';
  /** This customer's compromised clients that talked to the remote, at most ten, and the known C2s that each spoke to. */
  readonly clients: readonly { readonly address: string; readonly c2: readonly string[] }[];
  /** Over all customers; other customers' addresses are never named. */
  readonly compromisedHere: number;
  readonly networks: number;
  readonly clientsHere: number;
  readonly compromised: number;
  readonly allClients: number;
  readonly lift: number;
  /** Upper hypergeometric tail. */
  readonly pValue: number;
  /** Such remotes of the window that chance alone lets expect, at most. */
  readonly expectedFalse: number;
}

/** The history says that many unrelated clients talk to the remote: it is shared in effect. */
export interface PrevalenceEvidence {
  readonly type: 'prevalence';
  /** Of the one day with the most customers. */
  readonly customers: number;
  readonly clients: number;
  /** UTC days on each of which at least 20 clients talked with it, and clients of at least half of that day's customers, of five at the least. */
  readonly days: number;
}

/** What of the past a judgement could use: the days that it compared with, or those that count against the remote. */
export interface HistoryEvidence {
  readonly type: 'history';
  /** `candidate`: days on which c2-candidate named the remote before, at least one. */
  readonly of?: 'candidate';
  readonly days: number;
  /** Of the first and last day; absent where there are none. */
  readonly from?: string;
  readonly to?: string;
}

/** One true, explained statement about a customer's network. Every output format is a rendering of it. */
export interface Finding {
  /** The same for the same risk on every day. */
  readonly series: string;
  /** The same for the same risk on the same finding window, on every run and engine. */
  readonly id: string;
  /** Flow records behind the finding: grows as more are known; a sink keeps the highest. */
  readonly revision: number;
  /** `withdrawn`: what was known later undid it; only where results are told before they are final. */
  readonly status: 'open' | 'withdrawn';
  readonly filter: string;
  readonly severity: Severity;
  readonly confidence: Confidence;
  /** One sentence. */
  readonly summary: string;
  readonly customer: string;
  /** What it is about within the customer: an address, or what a group filter counts (`country:BR`). */
  readonly subject: string;
  /** null where it is about several. */
  readonly customerAddress: string | null;
  /** null where conversations differ in it (a client's ephemeral ports). */
  readonly customerPort: number | null;
  readonly customerRole: Role;
  /** null where it is about several. */
  readonly remoteAddress: string | null;
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
  /** Found by looking back: the indicator was published after the conversations. */
  readonly retro?: true;
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
