import type { DayCounts, DaySensor, History } from '../../history/history.js';
import { DAY_MS, dayOf, dayStartMs } from '../../history/utc-day.js';
import { sameWindow } from './comparability.js';

/** The same weekday in the last four weeks: work has a weekly rhythm. */
const WEEKS = 4;

/** One earlier day cannot show how much days differ. */
export const MIN_BASELINE_DAYS = 2;

/** A day and the earlier days that it is compared with. */
export interface ComparedDays {
  readonly judged: DayCounts;
  /** The same weekday, newest first; at most four, possibly none. */
  readonly baseline: readonly DayCounts[];
  /** The other days of the same weekday, which were counted in other windows; newest first. */
  readonly otherWindows: readonly DayCounts[];
  /** Of all these days, by name and rate. */
  readonly sensors: readonly SensorDays[];
}

/** One sensor at one rate on each of the days. */
export interface SensorDays {
  readonly sensor: DaySensor;
  readonly judged: SensorDay;
  /** As `ComparedDays.baseline`. */
  readonly baseline: readonly SensorDay[];
}

export interface SensorDay {
  /** Index into `DayCounts.sensors`; -1 = not there. */
  readonly index: number;
  /** Conversations of all customers by hour. */
  readonly totals: Float64Array;
  /** Bit h = it saw traffic in hour h; 24 bits. */
  readonly hours: number;
}

/** What the history holds of the same weekday in the four weeks before the judged day. */
export function comparedDays(judged: DayCounts, history: History): ComparedDays {
  const known = new Set(history.days);
  const startMs = dayStartMs(judged.day);
  const earlier: DayCounts[] = [];
  for (let week = 1; week <= WEEKS; week++) {
    const day = dayOf(startMs - week * 7 * DAY_MS);
    const counts = known.has(day) ? history.counts(day) : undefined;
    if (counts !== undefined) earlier.push(counts);
  }
  const baseline = earlier.filter((day) => sameWindow(judged, day));
  const otherWindows = earlier.filter((day) => !sameWindow(judged, day));
  return { judged, baseline, otherWindows, sensors: sensorsOf(judged, baseline) };
}

/** Hours of a mask, ascending. */
export function hoursOf(mask: number): number[] {
  const hours: number[] = [];
  for (let hour = 0; hour < 24; hour++) {
    if (((mask >>> hour) & 1) === 1) hours.push(hour);
  }
  return hours;
}

function sensorsOf(judged: DayCounts, baseline: readonly DayCounts[]): SensorDays[] {
  const days = [judged, ...baseline];
  const byKey = new Map<string, { readonly sensor: DaySensor; readonly indices: number[] }>();
  days.forEach((day, d) => {
    day.sensors.forEach((sensor, index) => {
      const key = `${sensor.samplingRate} ${sensor.sensor}`;
      let known = byKey.get(key);
      if (known === undefined) {
        known = { sensor, indices: days.map(() => -1) };
        byKey.set(key, known);
      }
      known.indices[d] = index;
    });
  });
  return [...byKey.values()]
    .sort((a, b) => bySensor(a.sensor, b.sensor))
    .map(({ sensor, indices }) => {
      const [first, ...rest] = indices.map((index, d) => sensorDay(days[d], index));
      return { sensor, judged: first, baseline: rest };
    });
}

function bySensor(a: DaySensor, b: DaySensor): number {
  if (a.sensor !== b.sensor) return a.sensor < b.sensor ? -1 : 1;
  return a.samplingRate - b.samplingRate;
}

function sensorDay(day: DayCounts, index: number): SensorDay {
  if (index === -1) return { index, totals: new Float64Array(24), hours: 0 };
  const totals = day.totals.subarray(index * 24, index * 24 + 24);
  let hours = 0;
  for (let hour = 0; hour < 24; hour++) {
    if (totals[hour] > 0) hours |= 1 << hour;
  }
  return { index, totals, hours };
}
