import type { HitCounter } from './hit.js';

/** Counts by direction, seen from the customer, as exported. */
export interface Traffic {
  readonly packetsOut: number;
  readonly bytesOut: number;
  readonly packetsIn: number;
  readonly bytesIn: number;
}

/**
 * One number from several sensors: those of the one sensor that saw most in each direction, by
 * packets x rate. Sensors sample independently and overlap, so their sum would count twice.
 * A sensor's windows are to be added first.
 */
export function trafficOf(counters: readonly HitCounter[]): Traffic {
  let out: HitCounter | undefined;
  let back: HitCounter | undefined;
  for (const counter of counters) {
    if (out === undefined || sawMore(counter, out, 'outPackets')) out = counter;
    if (back === undefined || sawMore(counter, back, 'inPackets')) back = counter;
  }
  return {
    packetsOut: out?.outPackets ?? 0,
    bytesOut: out?.outBytes ?? 0,
    packetsIn: back?.inPackets ?? 0,
    bytesIn: back?.inBytes ?? 0,
  };
}

/** A total order, so that the choice does not depend on the order of sensors. */
function sawMore(a: HitCounter, b: HitCounter, packets: 'outPackets' | 'inPackets'): boolean {
  const estimateA = a[packets] * Math.max(1, a.samplingRate);
  const estimateB = b[packets] * Math.max(1, b.samplingRate);
  if (estimateA !== estimateB) return estimateA > estimateB;
  if (a.samplingRate !== b.samplingRate) return a.samplingRate < b.samplingRate;
  const bytes = packets === 'outPackets' ? 'outBytes' : 'inBytes';
  if (a[bytes] !== b[bytes]) return a[bytes] > b[bytes];
  return a.sensor < b.sensor;
}

/** Adds counters of one sensor and rate together; in the order of sensor and rate. */
export function addBySensor(lists: Iterable<readonly HitCounter[]>): HitCounter[] {
  const sums = new Map<string, HitCounter>();
  for (const list of lists) {
    for (const counter of list) {
      const key = `${counter.samplingRate} ${counter.sensor}`;
      const sum = sums.get(key);
      sums.set(key, sum === undefined ? counter : plus(sum, counter));
    }
  }
  return [...sums.values()].sort(bySensor);
}

function plus(a: HitCounter, b: HitCounter): HitCounter {
  return {
    ...a,
    outPackets: a.outPackets + b.outPackets,
    outBytes: a.outBytes + b.outBytes,
    inPackets: a.inPackets + b.inPackets,
    inBytes: a.inBytes + b.inBytes,
  };
}

function bySensor(a: HitCounter, b: HitCounter): number {
  if (a.sensor !== b.sensor) return a.sensor < b.sensor ? -1 : 1;
  return a.samplingRate - b.samplingRate;
}
