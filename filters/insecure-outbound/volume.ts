import { counterEnd } from '../../pipeline/conversation-batch.js';
import type { HitCounter } from '../../pipeline/hit.js';
import { compareSightings, type Sighted } from '../../pipeline/traffic.js';
import type { Conversation } from '../conversation.js';
import { addCounts } from '../counts.js';
import type { Tally } from '../tally.js';

/**
 * What one sensor at one rate saw of one direction, as exported. A tuple, because an address has
 * some for every remote, and they cross the shuffle.
 */
export type SensorVolume = readonly [
  sensor: string,
  /** 1 in N; 0 = unknown. */
  samplingRate: number,
  packets: number,
  bytes: number,
];

/** What was sent, by the one sensor that speaks for all. */
export interface Volume {
  /** Scaled by the sampling rate: what the sampled bytes stand for. */
  readonly bytes: number;
  /** As exported: how many packets the estimate rests on. */
  readonly packets: number;
}

/**
 * Packets as exported that an estimate must rest on: ten give it within a factor of two (95 %, by
 * Poisson). One packet sampled of a million would be a gigabyte by itself.
 */
export const MIN_PACKETS = 10;

const NOTHING: Volume = { bytes: 0, packets: 0 };

/** What each sensor saw a row's customer send; sensors that saw nothing are left out. */
export function sentBySensor({ batch, row }: Conversation): readonly SensorVolume[] {
  const { counters, sensors } = batch;
  const sent: SensorVolume[] = [];
  const end = counterEnd(batch, row);
  for (let i = batch.columns.counterStart[row]; i < end; i++) {
    const packets = addCounts(0, counters.outPackets[i]);
    const bytes = addCounts(0, counters.outBytes[i]);
    if (packets === 0 && bytes === 0) continue;
    sent.push([sensors[counters.sensor[i]], counters.samplingRate[i], packets, bytes]);
  }
  return sent;
}

/**
 * Adds what the same sensor saw at the same rate; neither list is changed. Of more than `limit`
 * those with the finest rates stay, then the first by name: an order of their own, so that adding
 * in any order gives the same.
 */
export function addBySensor(
  a: readonly SensorVolume[],
  b: readonly SensorVolume[],
  limit = Infinity,
): readonly SensorVolume[] {
  const sums = [...a];
  for (const volume of b) {
    const at = sums.findIndex((known) => bySensor(known, volume) === 0);
    if (at < 0) sums.push(volume);
    else sums[at] = plus(sums[at], volume);
  }
  return sums.sort(bySensor).slice(0, limit);
}

/**
 * The volume by the one sensor that surely saw most (see `compareSightings`), of those with ten
 * packets or more, where there are any: on fewer no finding would rest. Windows and remotes are
 * added within a sensor before, and never over sensors: time-outs put the same bytes into different
 * windows, and the greatest of several estimates, taken anew for every window, is biased upwards.
 */
export function mostSeen(volumes: readonly SensorVolume[]): Volume {
  const sure = volumes.filter(([, , packets]) => packets >= MIN_PACKETS);
  let most: SensorVolume | undefined;
  for (const volume of sure.length > 0 ? sure : volumes) {
    if (most === undefined || sawMore(volume, most)) most = volume;
  }
  if (most === undefined) return NOTHING;
  const [, , packets, bytes] = most;
  return { bytes: scaled(bytes, most), packets };
}

/** What the customer sent in all conversations of a tally. */
export function sentVolume({ counters }: Tally): Volume {
  return mostSeen(counters.map(sentOf));
}

/** Scaled bytes of both directions, each by the sensor that saw most of it. */
export function bytesBothWays({ counters }: Tally): number {
  return addCounts(mostSeen(counters.map(sentOf)).bytes, mostSeen(counters.map(receivedOf)).bytes);
}

function sentOf({ sensor, samplingRate, outPackets, outBytes }: HitCounter): SensorVolume {
  return [sensor, samplingRate, outPackets, outBytes];
}

function receivedOf({ sensor, samplingRate, inPackets, inBytes }: HitCounter): SensorVolume {
  return [sensor, samplingRate, inPackets, inBytes];
}

function plus(a: SensorVolume, b: SensorVolume): SensorVolume {
  const [sensor, samplingRate, packets, bytes] = a;
  return [sensor, samplingRate, addCounts(packets, b[2]), addCounts(bytes, b[3])];
}

/** The finest rate first, then by name. */
function bySensor(a: SensorVolume, b: SensorVolume): number {
  if (a[1] !== b[1]) return a[1] - b[1];
  if (a[0] === b[0]) return 0;
  return a[0] < b[0] ? -1 : 1;
}

/** As `trafficOf` chooses; of equals the greater bytes. */
function sawMore(a: SensorVolume, b: SensorVolume): boolean {
  const order = compareSightings(sightedOf(a), sightedOf(b)) || b[3] - a[3];
  return order < 0;
}

function sightedOf([, samplingRate, packets]: SensorVolume): Sighted {
  return { packets, samplingRate };
}

function scaled(count: number, volume: SensorVolume): number {
  return addCounts(0, count * rateOf(volume));
}

/** 1 in N; an unknown rate counts as 1, which can only say too little. */
function rateOf([, samplingRate]: SensorVolume): number {
  return Math.max(1, samplingRate);
}
