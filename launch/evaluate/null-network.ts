import {
  STRATUM_KINDS,
  type CountedWith,
  type CustomerCounts,
  type DayCounts,
  type DaySensor,
  type History,
  type Stratum,
} from '../../history/history.js';
import { DAY_MS, dayOf, dayStartMs } from '../../history/utc-day.js';
import { Random } from '../generate/random.js';
import { ConversationClumps, toldByBitmap } from './null-sessions.js';

/**
 * Day counts of a generated network in which nothing changes but chance, for measuring what a test of
 * change does on it: customers with relations (a remote network in a country, on a service, at times
 * on a list) that are rare and common; day and night, working days and weekends; counts that vary more
 * than Poisson's (negative binomial, variance up to four times the mean), busy and quiet days of
 * relations, customers and all; one relation in four of long sessions, which show in many conversation
 * windows; sensors that sample, fail and change.
 */

/** What is wrong with the sensors on the judged day, or with the neighbours. */
export const DISTURBANCES = [
  'none',
  'hours lost',
  'half lost',
  'stopped',
  'rate changed',
  'started',
  'baseline hours lost',
  'holiday',
  'loud neighbour',
  'one customer',
  'rerouted',
] as const;
export type Disturbance = (typeof DISTURBANCES)[number];

/** A change that is planted into one customer's judged day. */
export interface Plant {
  /** Conversations of an ordinary day that the sensor sees. */
  readonly expected: number;
  /** 10 = ten times as many, 0.1 = a tenth. */
  readonly factor: number;
}

export interface NullNetwork {
  readonly day: DayCounts;
  readonly history: History;
  /** Customers to judge: all but those that are themselves the disturbance. */
  readonly customers: readonly string[];
  /** The name of the planted relation's remote network. */
  readonly plantedNetwork: string;
}

export interface NullNetworkOptions {
  readonly seed: number;
  readonly customers: number;
  readonly disturbance: Disturbance;
  /** By customer. */
  readonly plants?: readonly Plant[];
}

interface Relation {
  readonly strata: readonly Stratum[];
  /** Conversations of a mean day. */
  readonly mean: number;
  /** Variance over mean within a day. */
  readonly dispersion: number;
  /** Conversation windows that a session lasts, on average; 1 = all end in the one they begin in. */
  readonly windows: number;
  /** Sigma of the logarithm of its level from day to day. */
  readonly dayToDay: number;
  /** UTC hour of its peak. */
  readonly peak: number;
  /** 0 = all day the same, 1 = nothing at the other end of the day. */
  readonly rhythm: number;
  /** Weekend level. */
  readonly weekend: number;
  /** What happens to it on the judged day. */
  readonly factor: number;
}

const JUDGED_DAY = '2025-03-05';
const HISTORY_DAYS = 28;
const PLANTED_NETWORK = '192.0.2.0/24';

const COUNTRIES = ['US', 'DE', 'NL', 'SE', 'BR', 'IN', 'JP', 'FR', 'GB', 'PL', 'ZA', 'KR'];
const SERVICES = [
  '443/tcp',
  '80/tcp',
  '53/udp',
  '123/udp',
  '22/tcp',
  '993/tcp',
  '8443/tcp',
  '3389/tcp',
];
const CATEGORIES = ['c2', 'tor', 'vendor-x'];

/** Sensors as share of all conversations that they see and the rate that they say. */
const SENSORS: readonly (DaySensor & { readonly share: number })[] = [
  { sensor: 'edge-1', samplingRate: 1, share: 0.9 },
  { sensor: 'edge-2', samplingRate: 10, share: 0.3 },
  { sensor: 'core', samplingRate: 100, share: 0.1 },
];

/** A network of its own for each seed. */
export function nullNetwork(options: NullNetworkOptions): NullNetwork {
  const { seed, disturbance } = options;
  const random = new Random(seed);
  const alone = disturbance === 'one customer';
  const count = alone ? 1 : options.customers;
  const customers = Array.from({ length: count }, (_, c) => {
    const relations = Array.from({ length: 25 }, (_, r) => relation(random, r));
    const plant = options.plants?.[c];
    if (plant !== undefined) relations.push(planted(plant));
    // Customers differ in size by an order of magnitude; the first is loud where that is the matter.
    const loud = disturbance === 'loud neighbour' && c === 0;
    const size = loud ? 30 : options.plants === undefined ? random.logNormal(1, 0.8) : 1;
    return { id: `customer-${String(c).padStart(3, '0')}`, relations, size, loud };
  });
  const victim = random.int(2);
  const made = new Map<string, DayCounts>();
  const countsOf = (name: string): DayCounts => {
    let day = made.get(name);
    if (day === undefined) {
      day = generateDay(name, customers, options, victim);
      made.set(name, day);
    }
    return day;
  };
  const judgedMs = dayStartMs(JUDGED_DAY);
  const days = Array.from({ length: HISTORY_DAYS }, (_, i) =>
    dayOf(judgedMs - (HISTORY_DAYS - i) * DAY_MS),
  );
  const day = countsOf(JUDGED_DAY);
  return {
    day,
    history: historyOf(days, (name) =>
      name === JUDGED_DAY || days.includes(name) ? countsOf(name) : undefined,
    ),
    customers: customers.filter(({ loud }) => !loud).map(({ id }) => id),
    plantedNetwork: `network:${PLANTED_NETWORK}`,
  };
}

/** A history of counts only. */
export function historyOf(
  days: readonly string[],
  counts: (day: string) => DayCounts | undefined,
): History {
  return {
    days,
    counts,
    seen: () => false,
    prevalence: () => undefined,
    candidates: () => [],
  };
}

/** Days that are all counted alike. */
export const GENERATED_WITH: CountedWith = {
  windowMs: 300_000,
  countryFeed: 'countries',
  categories: CATEGORIES,
};

/** One line of a day's counts. */
export interface CountRow {
  readonly customer: string;
  readonly stratum: Stratum;
  /** Index into the sensors. */
  readonly sensor: number;
  readonly hour: number;
  readonly count: number;
  /** Those of them that no other row of the day counts: what is not the next window of another. All, if absent. */
  readonly begun?: number;
}

/**
 * Columns of rows in any order; rows of the same place are added up. `told` is the number of
 * conversations that a history tells of so many.
 */
export function dayCountsOf(
  day: string,
  sensors: readonly DaySensor[],
  totals: Float64Array,
  rows: readonly CountRow[],
  leftOut: ReadonlyMap<string, number> = new Map(),
  told: (conversations: number) => number = (conversations) => conversations,
  countedWith: CountedWith = GENERATED_WITH,
): DayCounts {
  const byCustomer = new Map<string, CountRow[]>();
  for (const row of rows) {
    const known = byCustomer.get(row.customer);
    if (known === undefined) byCustomer.set(row.customer, [row]);
    else known.push(row);
  }
  const columns = new Map(
    [...byCustomer].map(([customer, own]) => [
      customer,
      customerCountsOf(own, leftOut.get(customer) ?? 0, told),
    ]),
  );
  return {
    day,
    countedWith,
    sensors,
    totals,
    customers: [...columns.keys()].sort(),
    customer: (customer) => columns.get(customer),
  };
}

/** A stratum by sensor: counts by hour, and its conversations. */
interface StratumCells {
  readonly stratum: Stratum;
  readonly cells: Float64Array[];
  readonly begun: number[];
}

function customerCountsOf(
  rows: readonly CountRow[],
  leftOut: number,
  told: (conversations: number) => number,
): CustomerCounts {
  const strata = new Map<string, StratumCells>();
  // Most rows share their stratum's object: its text is made once.
  const known = new Map<Stratum, StratumCells>();
  for (const { stratum, sensor, hour, count, begun = count } of rows) {
    let own = known.get(stratum);
    if (own === undefined) {
      const key = `${STRATUM_KINDS.indexOf(stratum.kind)} ${stratum.value}`;
      own = strata.get(key) ?? { stratum, cells: [], begun: [] };
      strata.set(key, own);
      known.set(stratum, own);
    }
    own.cells[sensor] ??= new Float64Array(24);
    own.cells[sensor][hour] += count;
    own.begun[sensor] = (own.begun[sensor] ?? 0) + begun;
  }
  const sorted = [...strata].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, entry]) => entry);
  const places: [number, number, number, number, number][] = [];
  sorted.forEach(({ cells, begun }, s) => {
    cells.forEach((hours, sensor) => {
      const conversations = told(begun[sensor]);
      hours.forEach((count, hour) => {
        if (count > 0) places.push([s, sensor, hour, count, conversations]);
      });
    });
  });
  return {
    strata: sorted.map(({ stratum }) => stratum),
    stratum: Uint32Array.from(places, ([stratum]) => stratum),
    sensor: Uint16Array.from(places, ([, sensor]) => sensor),
    hour: Uint8Array.from(places, ([, , hour]) => hour),
    count: Float64Array.from(places, ([, , , count]) => count),
    conversations: Float64Array.from(places, ([, , , , conversations]) => conversations),
    leftOut,
  };
}

function relation(random: Random, number: number): Relation {
  const strata: Stratum[] = [
    { kind: 'country', value: random.pick(COUNTRIES) },
    { kind: 'service', value: random.pick(SERVICES) },
    { kind: 'network', value: `203.0.${number}.0/24` },
  ];
  if (random.chance(0.15)) strata.push({ kind: 'category', value: random.pick(CATEGORIES) });
  return {
    strata,
    // From one in a week to thousands a day.
    mean: random.logNormal(8, 2),
    dispersion: 1 + 3 * random.float(),
    // From a quarter of an hour to all day.
    windows: random.chance(0.25) ? 1 + random.logNormal(8, 1) : 1,
    dayToDay: 0.3 * random.float(),
    peak: random.int(24),
    rhythm: random.float(),
    weekend: 0.2 + 0.8 * random.float(),
    factor: 1,
  };
}

function planted({ expected, factor }: Plant): Relation {
  return {
    strata: [
      { kind: 'country', value: 'CL' },
      { kind: 'service', value: '4444/tcp' },
      { kind: 'network', value: PLANTED_NETWORK },
    ],
    mean: expected / SENSORS[0].share,
    dispersion: 2,
    windows: 1,
    dayToDay: 0.15,
    peak: 12,
    rhythm: 0.5,
    weekend: 1,
    factor,
  };
}

interface Customer {
  readonly id: string;
  readonly relations: readonly Relation[];
  readonly size: number;
  readonly loud: boolean;
}

function generateDay(
  day: string,
  customers: readonly Customer[],
  { seed, disturbance }: NullNetworkOptions,
  victim: number,
): DayCounts {
  const judged = day === JUDGED_DAY;
  // A day is the same whichever days were made before it.
  const random = new Random(seed, 1 + Math.round(dayStartMs(day) / DAY_MS));
  const date = new Date(dayStartMs(day)).getUTCDay();
  const weekend = date === 0 || date === 6;
  const sensors: DaySensor[] = SENSORS.map(({ sensor, samplingRate }) => ({
    sensor,
    samplingRate,
  }));
  const shares = SENSORS.map(({ share }) => Array.from({ length: 24 }, () => share));
  disturb(disturbance, judged, random, sensors, shares, victim);
  const all = random.logNormal(1, 0.1) * (judged && disturbance === 'holiday' ? 0.3 : 1);
  const totals = new Float64Array(sensors.length * 24);
  const rows: CountRow[] = [];
  customers.forEach(({ id, relations, size, loud }, c) => {
    const level = all * size * random.logNormal(1, 0.15) * (loud && judged ? 5 : 1);
    const rerouted = disturbance === 'rerouted' && judged && c % 2 === 0;
    for (const {
      strata,
      mean,
      dispersion,
      windows,
      dayToDay,
      peak,
      rhythm,
      ...rest
    } of relations) {
      const clumps = new ConversationClumps(SENSORS.length);
      const today =
        mean *
        level *
        random.logNormal(1, dayToDay) *
        (weekend ? rest.weekend : 1) *
        (judged ? rest.factor : 1);
      for (let hour = 0; hour < 24; hour++) {
        const swing = 1 + rhythm * Math.cos(((hour - peak) * Math.PI) / 12);
        const happened = negativeBinomial(random, (today / 24) * swing, dispersion);
        if (happened === 0) continue;
        clumps.add(random, happened, hour, windows, (sensor, at) => {
          const share = shares[sensor][at];
          return rerouted ? reroutedShare(sensor, share) : share;
        });
      }
      clumps.seen((sensor, hour, count, begun) => {
        totals[sensor * 24 + hour] += count;
        for (const stratum of strata)
          rows.push({ customer: id, stratum, sensor, hour, count, begun });
      });
    }
  });
  return dayCountsOf(day, sensors, totals, rows, new Map(), (conversations) =>
    toldByBitmap(random, conversations),
  );
}

/** From the first sensor to the second, which then samples all of it. */
function reroutedShare(sensor: number, share: number): number {
  return sensor === 0 ? 0 : sensor === 1 ? Math.min(1, share * 2) : share;
}

/** Changes what the sensors see of each hour. */
function disturb(
  disturbance: Disturbance,
  judged: boolean,
  random: Random,
  sensors: DaySensor[],
  shares: number[][],
  victim: number,
): void {
  const from = random.int(16);
  switch (disturbance) {
    case 'none':
    case 'holiday':
    case 'loud neighbour':
    case 'one customer':
    case 'rerouted':
      return;
    case 'hours lost':
      if (judged) shares[victim].fill(0, from, from + 2 + random.int(6));
      return;
    case 'half lost':
      if (judged)
        for (let hour = from; hour < 24; hour++) shares[victim][hour] /= 2 + random.int(3);
      return;
    case 'stopped':
      if (judged) shares[victim].fill(0);
      return;
    case 'rate changed':
      if (!judged) return;
      sensors[victim] = { ...sensors[victim], samplingRate: sensors[victim].samplingRate * 5 };
      shares[victim] = shares[victim].map((share) => share / 5);
      return;
    case 'started':
      if (!judged) shares[victim].fill(0);
      return;
    case 'baseline hours lost':
      if (!judged && random.chance(0.5)) shares[victim].fill(0, from, from + 2 + random.int(8));
      return;
  }
}

/** Variance = dispersion x mean: a Poisson whose rate is gamma distributed. */
function negativeBinomial(random: Random, mean: number, dispersion: number): number {
  const scale = dispersion - 1;
  return poisson(random, scale < 1e-6 ? mean : scale * gamma(random, mean / scale));
}

/** As so many of a thousand million rare trials. */
function poisson(random: Random, mean: number): number {
  const TRIALS = 1e9;
  return random.binomial(TRIALS, mean / TRIALS);
}

/** Scale 1. Marsaglia and Tsang, "A Simple Method for Generating Gamma Variables", 2000. */
function gamma(random: Random, shape: number): number {
  if (shape < 1) return gamma(random, shape + 1) * (1 - random.float()) ** (1 / shape);
  const d = shape - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const x = random.normal();
    const v = (1 + c * x) ** 3;
    if (v <= 0) continue;
    const u = 1 - random.float();
    if (Math.log(u) < 0.5 * x * x + d - d * v + d * Math.log(v)) return d * v;
  }
}
