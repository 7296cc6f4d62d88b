import type { Confidence, Role } from './codes.js';
import type { Evidence, Severity } from './finding.js';

/**
 * One conversation (in one window) that a filter detected: what `collapse` counts into findings.
 * Crosses Beam boundaries as JSON.
 */
export interface Hit {
  readonly filter: string;
  readonly severity: Severity;
  readonly confidence: Confidence;
  readonly customer: string;
  /** What the finding is about within the customer: here the customer's address. */
  readonly subject: string;
  readonly customerAddress: string;
  readonly customerPort: number;
  readonly role: Role;
  readonly remoteAddress: string;
  readonly remotePort: number;
  /** '' = no table says. */
  readonly remoteCountry: string;
  /** IANA number. */
  readonly protocol: number;
  /** `443/tcp`; `-` where the side is unknown. */
  readonly service: string;
  readonly indicator: string;
  readonly evidence: readonly Evidence[];
  /** REASON code. */
  readonly reason: number;
  readonly referenceVersion: string;
  readonly windowStartMs: number;
  readonly windowEndMs: number;
  readonly firstMs: number;
  readonly lastMs: number;
  /** Distinct flow records. */
  readonly records: number;
  readonly counters: readonly HitCounter[];
}

/** Counts of one sensor at one sampling rate, as exported, seen from the customer. */
export interface HitCounter {
  readonly sensor: string;
  readonly samplingRate: number;
  readonly outPackets: number;
  readonly outBytes: number;
  readonly inPackets: number;
  readonly inBytes: number;
}
