import {
  STRATUM_KINDS,
  type CustomerCounts,
  type DayCounts,
  type DaySensor,
  type Stratum,
} from '../../history/history.js';
import { MIN_BASELINE_DAYS, hoursOf, type ComparedDays, type SensorDays } from './compared-days.js';
import { countsAlike } from './comparability.js';
import { comparable, dayStrata, rowsOf, type DayStrata } from './stratum-counts.js';

/** A conversation has at most one stratum of these kinds, so that their counts add up; it may have several categories. */
const ADDITIVE_KINDS = new Set<string>(['country', 'service', 'network']);

/** One customer as one sensor saw it on the judged day and on earlier days, in the same hours of each. */
export interface MatchedCounts {
  readonly sensor: DaySensor;
  /** UTC hours compared, ascending. */
  readonly hours: readonly number[];
  /** UTC days of the baseline, oldest first; at least two. */
  readonly days: readonly string[];
  /** All that the sensor saw in these hours, once a window: of the judged day. */
  readonly total: number;
  /**
   * By kind and value. Strata without a conversation on any of the days are not there, and neither are
   * those that reference data let count on fewer than two of them.
   */
  readonly strata: readonly MatchedStratum[];
  /** The same stratum as each other sensor that can be compared saw it, in that one's hours and days. */
  elsewhere(stratum: MatchedStratum): readonly SeenElsewhere[];
}

export interface SeenElsewhere {
  readonly count: number;
  /** Of a mean baseline day. */
  readonly expected: number;
}

export interface MatchedStratum {
  /** `country:BR`. */
  readonly name: string;
  readonly stratum: Stratum;
  /** Different conversations; windows, where the history cannot tell those of one of the days. */
  readonly count: number;
  /** `count` and what the day's history may have left out. */
  readonly countAtMost: number;
  /** Of `MatchedCounts.days` those on which the stratum was counted as on the judged day; at least two. */
  readonly days: readonly string[];
  /** All that the sensor saw, as `days`. */
  readonly baselineTotals: readonly number[];
  /** As `days`. */
  readonly baseline: readonly number[];
  readonly baselineAtMost: readonly number[];
  /** What of the totals is the stratum's own: its conversations, once a window. */
  readonly windows: number;
  readonly baselineWindows: readonly number[];
}

/**
 * What can be compared of a customer; undefined where it was not there on two earlier days, or no
 * sensor was.
 *
 * The sensor is the one that saw most of the customer on both sides: the largest of min(judged day,
 * mean baseline day); where that is 0 for all of them (a customer that fell silent, or spoke for the
 * first time), the one that saw most on either side. Never a sum over sensors, which see the same
 * conversations.
 *
 * Totals count windows, though strata count conversations: they are only ever compared with one
 * another, day by day, to tell how much of it all the sensor saw; and of so many conversations no
 * sketch tells the number.
 *
 * All days are compared over the same hours. With hours of its own for each day, a baseline day that
 * lost its nights would lower what is expected of a backup that runs at night.
 */
export function matchedCounts(compared: ComparedDays, customer: string): MatchedCounts | undefined {
  const counts: CustomerDays = {
    judged: compared.judged.customer(customer),
    baseline: compared.baseline.map((day) => day.customer(customer)),
  };
  const there = counts.baseline.flatMap((day, index) => (day === undefined ? [] : [index]));
  if (there.length < MIN_BASELINE_DAYS) return undefined;
  const matches = compared.sensors.map((sensor) => matchHours(sensor, there));
  const best = mostSeen(counts, matches);
  return best === undefined ? undefined : gather(compared, counts, best, matches);
}

/** Of one customer; undefined where it was not seen that day. */
interface CustomerDays {
  readonly judged: CustomerCounts | undefined;
  readonly baseline: readonly (CustomerCounts | undefined)[];
}

/** A sensor with the hours and days in which it can be compared. */
interface Match {
  readonly sensor: SensorDays;
  /** Indices into the baseline, ascending: newest first. */
  readonly days: readonly number[];
  /** Bits of the hours; 0 = cannot be compared. */
  readonly hours: number;
}

/** The choice of at least two of the days that leaves most hours x days; then more days, then newer ones. */
function matchHours(sensor: SensorDays, there: readonly number[]): Match {
  let best: Match = { sensor, days: [], hours: 0 };
  for (const days of choices(there)) {
    const hours = days.reduce((mask, d) => mask & sensor.baseline[d].hours, sensor.judged.hours);
    const gain = hoursOf(hours).length * days.length;
    const known = hoursOf(best.hours).length * best.days.length;
    if (gain > known || (gain === known && gain > 0 && days.length > best.days.length)) {
      best = { sensor, days, hours };
    }
  }
  return best;
}

/** All choices of at least two, those of the first items first. */
function choices(items: readonly number[]): number[][] {
  const all: number[][] = [];
  for (let mask = (1 << items.length) - 1; mask > 0; mask--) {
    const chosen = items.filter((_, i) => ((mask >>> (items.length - 1 - i)) & 1) === 1);
    if (chosen.length >= MIN_BASELINE_DAYS) all.push(chosen);
  }
  return all;
}

function mostSeen(counts: CustomerDays, matches: readonly Match[]): Match | undefined {
  const judged = conversations(counts.judged, matches, ({ sensor, hours }) => [
    sensor.judged.index,
    hours,
  ]);
  const baseline = matches.map(() => 0);
  counts.baseline.forEach((day, d) => {
    const seen = conversations(day, matches, ({ sensor, days, hours }) => [
      sensor.baseline[d].index,
      days.includes(d) ? hours : 0,
    ]);
    seen.forEach((count, m) => (baseline[m] += count / Math.max(1, matches[m].days.length)));
  });
  let best: number | undefined;
  matches.forEach(({ hours }, m) => {
    if (hours === 0 || Math.max(judged[m], baseline[m]) === 0) return;
    if (best === undefined) {
      best = m;
      return;
    }
    const onBoth = Math.min(judged[m], baseline[m]) - Math.min(judged[best], baseline[best]);
    const onEither = Math.max(judged[m], baseline[m]) - Math.max(judged[best], baseline[best]);
    // At a tie the first by name and rate stays.
    if (onBoth > 0 || (onBoth === 0 && onEither > 0)) best = m;
  });
  return best === undefined ? undefined : matches[best];
}

/**
 * Conversations of a customer, once a window, by match, at the sensor's index and in the hours (bits) that `where`
 * gives. Each has at most one country, service and network, but may lack any of them: the largest of
 * the three sums is nearest to the truth.
 */
function conversations(
  counts: CustomerCounts | undefined,
  matches: readonly Match[],
  where: (match: Match) => readonly [number, number],
): number[] {
  const places = new Map<number, { readonly match: number; readonly hours: number }>();
  matches.forEach((match, m) => {
    const [index, hours] = where(match);
    if (index !== -1 && hours !== 0) places.set(index, { match: m, hours });
  });
  const kinds = STRATUM_KINDS.length;
  const sums = new Float64Array(matches.length * kinds);
  for (const row of rowsOf(counts)) {
    const place = places.get(row.sensor);
    if (place === undefined || ((place.hours >>> row.hour) & 1) === 0) continue;
    if (!ADDITIVE_KINDS.has(row.stratum.kind)) continue;
    sums[place.match * kinds + STRATUM_KINDS.indexOf(row.stratum.kind)] += row.count;
  }
  return matches.map((_, m) => Math.max(...sums.subarray(m * kinds, m * kinds + kinds)));
}

function gather(
  { judged: judgedDay, baseline }: ComparedDays,
  counts: CustomerDays,
  match: Match,
  matches: readonly Match[],
): MatchedCounts {
  const { sensor, hours } = match;
  const days = [...match.days].reverse();
  const judged = dayStrata(counts.judged, sensor.judged.index, hours);
  const totalOf = (totals: Float64Array): number =>
    hoursOf(hours).reduce((sum, hour) => sum + totals[hour], 0);
  const earlier = days.map((d) => ({
    day: baseline[d],
    total: totalOf(sensor.baseline[d].totals),
    strata: dayStrata(counts.baseline[d], sensor.baseline[d].index, hours),
  }));
  const all = new Map<string, Stratum>();
  for (const { counts } of [judged, ...earlier.map(({ strata }) => strata)]) {
    for (const [name, { stratum }] of counts) all.set(name, stratum);
  }
  return {
    sensor: sensor.sensor,
    hours: hoursOf(hours),
    days: days.map((d) => baseline[d].day),
    total: totalOf(sensor.judged.totals),
    strata: [...all]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .flatMap(([name, stratum]) => {
        const alike = earlier.filter(({ day }) => countsAlike(judgedDay, day, stratum));
        if (alike.length < MIN_BASELINE_DAYS) return [];
        return [matchedStratum(name, stratum, judged, alike)];
      }),
    elsewhere: ({ name, stratum }) =>
      matches
        .filter((other) => other !== match && other.hours !== 0)
        .map((other) => ({
          ...other,
          days: other.days.filter((d) => countsAlike(judgedDay, baseline[d], stratum)),
        }))
        .filter(({ days }) => days.length > 0)
        .map((other) => seenBy(counts, other, name)),
  };
}

/** A day of the baseline as the sensor saw it in the hours compared. */
interface EarlierDay {
  readonly day: DayCounts;
  readonly total: number;
  readonly strata: DayStrata;
}

function matchedStratum(
  name: string,
  stratum: Stratum,
  judged: DayStrata,
  days: readonly EarlierDay[],
): MatchedStratum {
  const earlier = days.map(({ strata }) => strata);
  const [count, ...baseline] = comparable([judged, ...earlier], name);
  const windowsOf = (day: DayStrata): number => day.counts.get(name)?.windows ?? 0;
  return {
    name,
    stratum,
    count,
    countAtMost: count + judged.leftOut(name, stratum),
    days: days.map(({ day }) => day.day),
    baselineTotals: days.map(({ total }) => total),
    baseline,
    baselineAtMost: baseline.map((of, d) => of + earlier[d].leftOut(name, stratum)),
    windows: windowsOf(judged),
    baselineWindows: earlier.map(windowsOf),
  };
}

function seenBy(counts: CustomerDays, { sensor, days, hours }: Match, name: string): SeenElsewhere {
  const [count, ...then] = comparable(
    [
      dayStrata(counts.judged, sensor.judged.index, hours),
      ...days.map((d) => dayStrata(counts.baseline[d], sensor.baseline[d].index, hours)),
    ],
    name,
  );
  return { count, expected: then.reduce((a, b) => a + b, 0) / days.length };
}
