import { REASON } from '../pipeline/codes.js';
import { counterEnd } from '../pipeline/conversation-batch.js';
import type { HitCounter } from '../pipeline/hit.js';
import { trafficOf, type Traffic } from '../pipeline/traffic.js';
import type { Conversation } from './conversation.js';

/** Sensors (at a rate) that a tally keeps apart; more are a mistake in the data. */
const MAX_COUNTERS = 256;

/** A tally as plain JSON. */
export interface TallyJson {
  readonly conversations: number;
  readonly records: number;
  readonly firstMs: number;
  readonly lastMs: number;
  readonly reason: number;
  readonly counters: readonly HitCounter[];
}

/**
 * Counts of the conversations in a group: how many (one a window), records, first and last time,
 * and traffic by sensor.
 */
export class Tally {
  conversations = 0;
  /** Distinct flow records. */
  records = 0;
  firstMs = Infinity;
  lastMs = -Infinity;
  /** The strongest REASON for the customer's role. */
  reason: number = REASON.unknown;
  /** By rate and sensor. */
  readonly #counters = new Map<string, HitCounter>();

  static restore(json: unknown): Tally {
    const tally = new Tally();
    const { counters, firstMs, lastMs, ...rest } = json as TallyJson;
    Object.assign(tally, rest);
    // JSON has no infinity: null in a tally without conversations.
    tally.firstMs = (firstMs as number | null) ?? Infinity;
    tally.lastMs = (lastMs as number | null) ?? -Infinity;
    for (const counter of counters) tally.#count(counter);
    return tally;
  }

  save(): TallyJson {
    const { conversations, records, firstMs, lastMs, reason } = this;
    return {
      conversations,
      records,
      firstMs,
      lastMs,
      reason,
      counters: [...this.#counters.values()],
    };
  }

  add({ batch, row }: Conversation): void {
    const { columns, counters, sensors } = batch;
    this.conversations++;
    this.records += columns.records[row];
    this.firstMs = Math.min(this.firstMs, columns.firstMs[row]);
    this.lastMs = Math.max(this.lastMs, columns.lastMs[row]);
    this.reason = Math.max(this.reason, columns.reason[row]);
    const end = counterEnd(batch, row);
    for (let i = columns.counterStart[row]; i < end; i++) {
      this.#count({
        sensor: sensors[counters.sensor[i]],
        samplingRate: counters.samplingRate[i],
        outPackets: counters.outPackets[i],
        outBytes: counters.outBytes[i],
        inPackets: counters.inPackets[i],
        inBytes: counters.inBytes[i],
      });
    }
  }

  merge(from: Tally): void {
    this.conversations += from.conversations;
    this.records += from.records;
    this.firstMs = Math.min(this.firstMs, from.firstMs);
    this.lastMs = Math.max(this.lastMs, from.lastMs);
    this.reason = Math.max(this.reason, from.reason);
    for (const counter of from.#counters.values()) this.#count(counter);
  }

  /** In the order of sensor and rate. */
  get counters(): readonly HitCounter[] {
    return [...this.#counters].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, counter]) => counter);
  }

  /** Names of the sensors, sorted. */
  get sensors(): readonly string[] {
    return [...new Set(this.counters.map(({ sensor }) => sensor))].sort();
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

  #count(counter: HitCounter): void {
    const { sensor, samplingRate } = counter;
    const key = `${sensor}\0${String(samplingRate).padStart(10, '0')}`;
    const known = this.#counters.get(key);
    this.#counters.set(key, known === undefined ? counter : sum(known, counter));
    if (this.#counters.size > MAX_COUNTERS) this.#forgetLast();
  }

  /** Of too many the last by name: which are kept must not depend on the order they come in. */
  #forgetLast(): void {
    const [last] = [...this.#counters.keys()].sort().slice(-1);
    this.#counters.delete(last);
  }
}

function sum(a: HitCounter, b: HitCounter): HitCounter {
  return {
    ...a,
    outPackets: a.outPackets + b.outPackets,
    outBytes: a.outBytes + b.outBytes,
    inPackets: a.inPackets + b.inPackets,
    inBytes: a.inBytes + b.inBytes,
  };
}
