import { REASON } from '../pipeline/codes.js';
import { counterEnd } from '../pipeline/conversation-batch.js';
import type { HitCounter } from '../pipeline/hit.js';
import { trafficOf, type Traffic } from '../pipeline/traffic.js';
import type { Conversation } from './conversation.js';
import { addCounts } from './counts.js';
import { SensorCounters } from './sensor-counters.js';

/** A tally as plain JSON. */
export interface TallyJson {
  readonly conversations: number;
  readonly records: number;
  /** JSON has no infinity: null in a tally without conversations. */
  readonly firstMs: number | null;
  readonly lastMs: number | null;
  readonly reason: number;
  readonly counters: readonly HitCounter[];
}

/**
 * Counts of the conversations in a group: how many (one a window), records, first and last time,
 * and traffic by sensor. Sums stop at `Number.MAX_SAFE_INTEGER`.
 */
export class Tally {
  conversations = 0;
  /** Distinct flow records. */
  records = 0;
  firstMs = Infinity;
  lastMs = -Infinity;
  /** The strongest REASON for the customer's role. */
  reason: number = REASON.unknown;
  readonly #counters = new SensorCounters();

  static restore(json: unknown): Tally {
    const { conversations, records, firstMs, lastMs, reason, counters } = json as TallyJson;
    const tally = new Tally();
    tally.conversations = conversations;
    tally.records = records;
    tally.firstMs = firstMs ?? Infinity;
    tally.lastMs = lastMs ?? -Infinity;
    tally.reason = reason;
    for (const counter of counters) tally.#counters.add(counter);
    return tally;
  }

  save(): TallyJson {
    const { conversations, records, firstMs, lastMs, reason, counters } = this;
    return { conversations, records, firstMs, lastMs, reason, counters };
  }

  /** Makes nothing but the sums of a sensor that is new: asked for every row that counts. */
  add({ batch, row }: Conversation): void {
    const { columns } = batch;
    this.conversations++;
    this.records = addCounts(this.records, columns.records[row]);
    this.firstMs = Math.min(this.firstMs, columns.firstMs[row]);
    this.lastMs = Math.max(this.lastMs, columns.lastMs[row]);
    this.reason = Math.max(this.reason, columns.reason[row]);
    const end = counterEnd(batch, row);
    for (let i = columns.counterStart[row]; i < end; i++) this.#counters.addRow(batch, i);
  }

  merge(from: Tally): void {
    this.conversations = addCounts(this.conversations, from.conversations);
    this.records = addCounts(this.records, from.records);
    this.firstMs = Math.min(this.firstMs, from.firstMs);
    this.lastMs = Math.max(this.lastMs, from.lastMs);
    this.reason = Math.max(this.reason, from.reason);
    this.#counters.merge(from.#counters);
  }

  /** In the order of sensor and rate; a copy. */
  get counters(): readonly HitCounter[] {
    return this.#counters.copy();
  }

  /** Names of the sensors, sorted. */
  get sensors(): readonly string[] {
    return [...new Set(this.counters.map(({ sensor }) => sensor))];
  }

  /** The coarsest rate, 1 in N; null = no sensor says. */
  get samplingRate(): number | null {
    const rate = Math.max(0, ...this.counters.map(({ samplingRate }) => samplingRate));
    return rate === 0 ? null : rate;
  }

  /** One number a direction: that of the sensor that saw most, as exported. Never a sum over sensors. */
  get traffic(): Traffic {
    return trafficOf(this.counters);
  }
}
