import type { ConversationBatch } from '../pipeline/conversation-batch.js';
import type { HitCounter } from '../pipeline/hit.js';
import { addCounts } from './counts.js';

/** Sensors (at a rate) that are kept apart; more are a mistake in the data. */
const MAX_COUNTERS = 256;

/** Sums of one sensor at one rate, which grow in place. */
type Sums = { -readonly [Name in keyof HitCounter]: HitCounter[Name] };

/**
 * Traffic by sensor and sampling rate. Of too many those first by name and rate stay: who was once
 * dropped can never come back, because the last that is kept only falls, so that merging in any
 * order gives the same.
 *
 * A sorted array: a group has a handful of sensors, and there are many small groups, for which a map
 * would take more memory than the sums; by halving it also finds one of 256 fast.
 */
export class SensorCounters {
  /** In the order of sensor and rate. */
  readonly #sums: Sums[] = [];

  /** Adds counter row `i` of a batch. */
  addRow({ counters, sensors }: ConversationBatch, i: number): void {
    const sums = this.#sumsOf(sensors[counters.sensor[i]], counters.samplingRate[i]);
    if (sums === undefined) return;
    sums.outPackets = addCounts(sums.outPackets, counters.outPackets[i]);
    sums.outBytes = addCounts(sums.outBytes, counters.outBytes[i]);
    sums.inPackets = addCounts(sums.inPackets, counters.inPackets[i]);
    sums.inBytes = addCounts(sums.inBytes, counters.inBytes[i]);
  }

  add(counter: HitCounter): void {
    const sums = this.#sumsOf(counter.sensor, counter.samplingRate);
    if (sums === undefined) return;
    sums.outPackets = addCounts(sums.outPackets, counter.outPackets);
    sums.outBytes = addCounts(sums.outBytes, counter.outBytes);
    sums.inPackets = addCounts(sums.inPackets, counter.inPackets);
    sums.inBytes = addCounts(sums.inBytes, counter.inBytes);
  }

  merge(from: SensorCounters): void {
    for (const sums of from.#sums) this.add(sums);
  }

  /** In the order of sensor and rate. */
  copy(): HitCounter[] {
    return this.#sums.map((sums) => ({ ...sums }));
  }

  /** The sums to add to; undefined = after the last of as many as are kept. */
  #sumsOf(sensor: string, samplingRate: number): Sums | undefined {
    const all = this.#sums;
    const at = this.#placeOf(sensor, samplingRate);
    if (at < all.length) {
      const sums = all[at];
      if (sums.samplingRate === samplingRate && sums.sensor === sensor) return sums;
    }
    if (at === MAX_COUNTERS) return undefined;
    if (all.length === MAX_COUNTERS) all.pop();
    const sums = { sensor, samplingRate, outPackets: 0, outBytes: 0, inPackets: 0, inBytes: 0 };
    all.splice(at, 0, sums);
    return sums;
  }

  /** Of the first that does not come before the sensor and rate; the length where all do. */
  #placeOf(sensor: string, samplingRate: number): number {
    const all = this.#sums;
    let low = 0;
    let high = all.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const known = all[middle];
      const before =
        known.sensor === sensor ? known.samplingRate < samplingRate : known.sensor < sensor;
      if (before) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
