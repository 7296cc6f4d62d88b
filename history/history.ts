/**
 * What is known of the days strictly before a judged window. Read from one immutable file a UTC day;
 * a day that is missing or damaged is not there.
 */
export interface History {
  /** UTC days that are there within the look-back (28 days), `2025-03-03`, oldest first. */
  readonly days: readonly string[];
  /**
   * Whether the customer talked with the remote on one of the days. From Bloom filters: never false
   * where it did, and true where it did not with a probability of at most `SEEN_ERROR` a day.
   */
  seen(customer: string, remote: string): boolean;
  /** What is known of a remote that many talk to; undefined where it was below the threshold on every day. */
  prevalence(remote: string): Prevalence | undefined;
  /** Counts of a day; undefined where it is not there. Also of the judged day itself. */
  counts(day: string): DayCounts | undefined;
  /** Remotes that c2-candidate held for candidates on those days. */
  candidates(remote: string): readonly EarlierCandidate[];
}

/**
 * How many talked with one remote: customers, and clients, on the one day with the most customers (of
 * several such, with the most clients).
 */
export interface Prevalence {
  readonly customers: number;
  readonly clients: number;
  /**
   * Busy days: on one and the same day at least 20 clients talked with it, and clients of at least half of
   * the customers with conversations that day, of five at the least.
   */
  readonly days: number;
}

export interface EarlierCandidate {
  readonly day: string;
  readonly remote: string;
  /** `443/tcp`. */
  readonly service: string;
  /** Compromised clients that talked to it on that day. */
  readonly clients: number;
}

/**
 * Established conversations of one UTC day, once in each conversation window in which they show: a
 * session of two hours counts 24 times. `CustomerCounts.conversations` says how many they were.
 */
export interface DayCounts {
  readonly day: string;
  readonly countedWith: CountedWith;
  /** Sensors at a rate; a sensor that changed its rate is two. */
  readonly sensors: readonly DaySensor[];
  /** Conversations of all customers that a sensor saw: [sensor * 24 + hour]. */
  readonly totals: Float64Array;
  /** Customers with counts, sorted. */
  readonly customers: readonly string[];
  customer(customer: string): CustomerCounts | undefined;
}

/** Settings and reference data that the counts of a day depend on: days that differ in them differ without traffic that does. */
export interface CountedWith {
  /** Conversation window; null = not the same all day. */
  readonly windowMs: number | null;
  /** Name of the feed of countries, '' = there was none; null = not the same all day. */
  readonly countryFeed: string | null;
  /** Categories that the lists had all day (without `shared`, which is not counted), sorted. */
  readonly categories: readonly string[];
}

export interface DaySensor {
  readonly sensor: string;
  /** 1 in N; 0 = not known. */
  readonly samplingRate: number;
}

export const STRATUM_KINDS = ['country', 'service', 'category', 'network'] as const;
export type StratumKind = (typeof STRATUM_KINDS)[number];

/** A kind of remote. */
export interface Stratum {
  readonly kind: StratumKind;
  /** `BR`; `443/tcp`, where the customer is the client; `c2`; `203.0.113.0/24` (IPv6: /48). */
  readonly value: string;
}

/**
 * Counts of one customer on one day, as columns: row i says that `sensor[i]` saw `count[i]` conversations with
 * `stratum[i]` in hour `hour[i]` (UTC), each once a conversation window.
 */
export interface CustomerCounts {
  readonly strata: readonly Stratum[];
  /** Index into `strata`; rows are sorted by stratum, sensor, hour. */
  readonly stratum: Uint32Array;
  /** Index into `DayCounts.sensors`. */
  readonly sensor: Uint16Array;
  readonly hour: Uint8Array;
  readonly count: Float64Array;
  /**
   * Different conversations that `sensor[i]` saw with `stratum[i]` on the whole day, in whichever hour:
   * the same in all rows of both. Estimated (conversation-bitmap.ts); NaN = too many to tell. One that
   * lasts over midnight is one of each day.
   */
  readonly conversations: Float64Array;
  /** The day's count that networks and services which are not in `strata` may have had at most; 0 = all are. */
  readonly leftOut: number;
}
