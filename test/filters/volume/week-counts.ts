import type { CountRow } from '../../../launch/evaluate/null-network.js';
import { dayCountsOf, GENERATED_WITH, historyOf } from '../../../launch/evaluate/null-network.js';
import type {
  CountedWith,
  DayCounts,
  DaySensor,
  History,
  StratumKind,
} from '../../../history/history.js';

export const JUDGED = '2025-03-05';
/** Newest first. */
export const EARLIER = ['2025-02-26', '2025-02-19', '2025-02-12', '2025-02-05'] as const;

const EDGE = { sensor: 'edge', samplingRate: 10 } as const;

/** `country:BR` -> conversations of a day, once a window, spread evenly over its hours. */
export type Volumes = Readonly<Record<string, number>>;

export interface DaySpec {
  /** By customer. */
  readonly customers: Readonly<Record<string, Volumes>>;
  /** Sensors, each of which sees all; `EDGE` if not given. */
  readonly sensors?: readonly DaySensor[];
  /** Hours that the sensor of that index did not see. */
  readonly lost?: Readonly<Record<number, readonly number[]>>;
  /** Strata that only the sensor of that index sees. */
  readonly onlyAt?: Readonly<Record<string, number>>;
  /** By stratum: in how many windows each of its conversations shows; 1 if not given. */
  readonly lasting?: Readonly<Record<string, number>>;
  /** Strata of which there are too many conversations to tell how many. */
  readonly untold?: readonly string[];
  /** By customer: the bound of what was left out. */
  readonly leftOut?: Readonly<Record<string, number>>;
  /** What differs from COUNTED_WITH. */
  readonly countedWith?: Partial<CountedWith>;
}

const COUNTED_WITH: CountedWith = {
  ...GENERATED_WITH,
  categories: ['__proto__', 'c2', 'tor', 'vendor-x'],
};

/** Counts of a day as specified: whole numbers, what is left over in the day's first hours. */
function specifiedDay(day: string, spec: DaySpec): DayCounts {
  const { customers, sensors = [EDGE], lost = {}, onlyAt = {}, leftOut = {} } = spec;
  const { lasting = {}, untold = [] } = spec;
  const totals = new Float64Array(sensors.length * 24);
  const rows: CountRow[] = [];
  for (const [customer, volumes] of Object.entries(customers)) {
    for (const [name, volume] of Object.entries(volumes)) {
      const at = name.indexOf(':');
      const stratum = { kind: name.slice(0, at) as StratumKind, value: name.slice(at + 1) };
      sensors.forEach((_, sensor) => {
        if (sensor !== (onlyAt[name] ?? sensor)) return;
        for (let hour = 0; hour < 24; hour++) {
          const count = Math.floor(volume / 24) + (hour < volume % 24 ? 1 : 0);
          if (count === 0 || (lost[sensor] ?? []).includes(hour)) continue;
          const begun = untold.includes(name) ? NaN : count / (lasting[name] ?? 1);
          rows.push({ customer, stratum, sensor, hour, count, begun });
          // Each conversation is of one country here, so that countries make the total.
          if (stratum.kind === 'country') totals[sensor * 24 + hour] += count;
        }
      });
    }
  }
  return {
    ...dayCountsOf(day, sensors, totals, rows, new Map(Object.entries(leftOut))),
    countedWith: { ...COUNTED_WITH, ...spec.countedWith },
  };
}

/** A judged day and the days before it; `earlier` newest first, as `EARLIER`. */
export function specifiedHistory(
  judged: DaySpec,
  earlier: readonly DaySpec[],
): { readonly day: DayCounts; readonly history: History } {
  const days = new Map<string, DayCounts>([[JUDGED, specifiedDay(JUDGED, judged)]]);
  earlier.forEach((spec, week) => days.set(EARLIER[week], specifiedDay(EARLIER[week], spec)));
  const day = specifiedDay(JUDGED, judged);
  const known = [...days.keys()].filter((name) => name !== JUDGED).sort();
  return { day, history: historyOf(known, (name) => days.get(name)) };
}
