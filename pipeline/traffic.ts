import type { HitCounter } from './hit.js';

/** Counts by direction, seen from the customer, as exported. */
export interface Traffic {
  readonly packetsOut: number;
  readonly bytesOut: number;
  readonly packetsIn: number;
  readonly bytesIn: number;
}

/** What one sensor counted of one direction. */
export interface Sighted {
  /** As exported. */
  readonly packets: number;
  /** 1 in N; 0 = unknown, which counts as 1: that can only say too little. */
  readonly samplingRate: number;
}

/**
 * How many packets there were at least, by what one sensor sampled of them: two standard deviations
 * below its estimate. Of several sensors that saw the same the greatest estimate is that of the
 * coarsest with luck; the greatest bound is that of the sensor that knows best.
 */
function atLeast({ packets, samplingRate }: Sighted): number {
  if (samplingRate <= 1) return packets;
  return Math.max(0, packets - 2 * Math.sqrt(packets)) * samplingRate;
}

/**
 * Which of two sensors speaks for a direction: the one that surely saw more; where neither is sure,
 * the one with the greater estimate, then the finer rate. 0 = nothing tells them apart.
 */
export function compareSightings(a: Sighted, b: Sighted): number {
  return (
    atLeast(b) - atLeast(a) ||
    b.packets * Math.max(1, b.samplingRate) - a.packets * Math.max(1, a.samplingRate) ||
    a.samplingRate - b.samplingRate
  );
}

/**
 * One number from several sensors: those of one sensor in each direction. Sensors sample
 * independently and overlap, so their sum would count twice. A sensor's windows are to be added
 * first.
 */
export function trafficOf(counters: readonly HitCounter[]): Traffic {
  const out = speakerOf(counters, 'outPackets', 'outBytes');
  const back = speakerOf(counters, 'inPackets', 'inBytes');
  return {
    packetsOut: out?.outPackets ?? 0,
    bytesOut: out?.outBytes ?? 0,
    packetsIn: back?.inPackets ?? 0,
    bytesIn: back?.inBytes ?? 0,
  };
}

/** By a total order, so that the choice does not depend on the order of sensors. */
function speakerOf(
  counters: readonly HitCounter[],
  packets: 'outPackets' | 'inPackets',
  bytes: 'outBytes' | 'inBytes',
): HitCounter | undefined {
  let best: HitCounter | undefined;
  for (const counter of counters) {
    if (best === undefined) {
      best = counter;
      continue;
    }
    const order =
      compareSightings(
        { packets: counter[packets], samplingRate: counter.samplingRate },
        { packets: best[packets], samplingRate: best.samplingRate },
      ) || best[bytes] - counter[bytes];
    if (order < 0 || (order === 0 && counter.sensor < best.sensor)) best = counter;
  }
  return best;
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
