import type { Notice } from '../../pipeline/notice.js';
import { hoursOf, MIN_BASELINE_DAYS, type ComparedDays, type SensorDays } from './compared-days.js';

/** Conversations a day below which a sensor may well see none, and need not be spoken of. */
const MIN_A_DAY = 20;

/** The same of an hour: with a dispersion of 4 an hour that expects 20 is empty once in 10,000. */
const MIN_AN_HOUR = 20;

/**
 * What the day shows of the sensors, at most one notice each, by name: those that stopped, started,
 * changed their sampling rate, or saw nothing for hours. They are why some counts could not be
 * compared; they are never a customer's risk. Without two days to compare with: one notice that says so.
 */
export function sensorNotices(compared: ComparedDays): Notice[] {
  const { judged, baseline, otherWindows, sensors } = compared;
  const { day } = judged;
  if (baseline.length < MIN_BASELINE_DAYS) {
    const kept = baseline.length === 1 ? `only ${baseline[0].day}` : 'none';
    const which = otherWindows.length === 0 ? '' : ' that can be compared';
    const message =
      `no change in volume can be judged on ${day}: of the same weekday in the four weeks before, ` +
      `the history has ${kept}${which} (${baseline.length} ${plural(baseline.length, 'day')}, ${MIN_BASELINE_DAYS} are needed)`;
    return [{ kind: 'history-cold-start', day, subject: 'volume-change', message }];
  }
  const byName = new Map<string, SensorDays[]>();
  for (const sensor of sensors) {
    const { sensor: name } = sensor.sensor;
    byName.set(name, [...(byName.get(name) ?? []), sensor]);
  }
  return [...byName].flatMap(([subject, rates]) => {
    const told = noticeOf(rates);
    return told === undefined
      ? []
      : [{ kind: told.kind, day, subject, message: `sensor ${subject} ${told.what}` }];
  });
}

interface Told {
  readonly kind: string;
  readonly what: string;
}

/** `rates`: one sensor at all its rates. */
function noticeOf(rates: readonly SensorDays[]): Told | undefined {
  const stopped = rates.filter(hasStopped);
  const started = rates.filter(hasStarted);
  if (stopped.length > 0 && started.length > 0) {
    const what =
      `changed its sampling rate from ${named(stopped)} to ${named(started)}: ` +
      `its counts are not compared until ${MIN_BASELINE_DAYS} earlier days have the new rate`;
    return { kind: 'sensor-rate-changed', what };
  }
  if (stopped.length > 0) {
    const usual = sum(stopped.map(usualDay));
    const what = `(${named(stopped)}) saw nothing, where a usual day has ${whole(usual)} conversations`;
    return { kind: 'sensor-stopped', what };
  }
  if (started.length > 0) {
    const seen = sum(started.map(({ judged }) => sum(judged.totals)));
    const what = `(${named(started)}) is new, with ${whole(seen)} conversations: its counts are not compared until ${MIN_BASELINE_DAYS} earlier days have it`;
    return { kind: 'sensor-started', what };
  }
  const gaps = rates.map((sensor) => ({ sensor, hours: lostHours(sensor) }));
  const lost = gaps.filter(({ hours }) => hours.length > 0);
  if (lost.length === 0) return undefined;
  const missing = sum(
    lost.map(({ sensor, hours }) => sum(hours.map((hour) => usualHour(sensor, hour)))),
  );
  const hours = [...new Set(lost.flatMap((gap) => gap.hours))].sort((a, b) => a - b);
  const what =
    `(${named(lost.map(({ sensor }) => sensor))}) saw nothing in ${hours.length} ${plural(hours.length, 'hour')} ` +
    `(${spans(hours)} UTC), where ${whole(missing)} conversations are usual`;
  return { kind: 'sensor-gap', what };
}

/** Was there on the newest of the earlier days: what stopped before that was told then. */
function hasStopped(sensor: SensorDays): boolean {
  return (
    sensor.judged.hours === 0 && sensor.baseline[0].hours !== 0 && usualDay(sensor) >= MIN_A_DAY
  );
}

function hasStarted({ judged, baseline }: SensorDays): boolean {
  return sum(judged.totals) >= MIN_A_DAY && baseline.every(({ hours }) => hours === 0);
}

/** Hours without any conversation, that had some on every earlier day on which the sensor ran. */
function lostHours(sensor: SensorDays): number[] {
  const ran = sensor.baseline.filter(({ hours }) => hours !== 0);
  if (sensor.judged.hours === 0 || ran.length < MIN_BASELINE_DAYS) return [];
  const usual = ran.reduce((hours, day) => hours & day.hours, ~sensor.judged.hours & 0xffffff);
  return hoursOf(usual).filter((hour) => usualHour(sensor, hour) >= MIN_AN_HOUR);
}

/** Conversations of a mean day on which it ran. */
function usualDay({ baseline }: SensorDays): number {
  const ran = baseline.filter(({ hours }) => hours !== 0);
  return sum(ran.map(({ totals }) => sum(totals))) / Math.max(1, ran.length);
}

function usualHour({ baseline }: SensorDays, hour: number): number {
  const ran = baseline.filter(({ hours }) => hours !== 0);
  return sum(ran.map(({ totals }) => totals[hour])) / Math.max(1, ran.length);
}

function named(sensors: readonly SensorDays[]): string {
  return sensors
    .map(({ sensor }) =>
      sensor.samplingRate === 0 ? 'an unknown sampling rate' : `1 in ${sensor.samplingRate}`,
    )
    .join(' and ');
}

/** `03:00-05:00, 09:00-10:00`. */
function spans(hours: readonly number[]): string {
  const runs: { readonly from: number; to: number }[] = [];
  for (const hour of hours) {
    const last = runs.at(-1);
    if (last?.to === hour) last.to = hour + 1;
    else runs.push({ from: hour, to: hour + 1 });
  }
  return runs.map(({ from, to }) => `${clock(from)}-${clock(to)}`).join(', ');
}

function clock(hour: number): string {
  return `${String(hour).padStart(2, '0')}:00`;
}

function plural(count: number, noun: string): string {
  return count === 1 ? noun : `${noun}s`;
}

function whole(count: number): string {
  return String(Math.round(count));
}

function sum(numbers: Iterable<number>): number {
  let total = 0;
  for (const number of numbers) total += number;
  return total;
}
