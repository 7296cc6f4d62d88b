import { configurationText } from './configuration-text.js';
import type { Label } from './label.js';
import { networkRows, ordinaryConversations, type ObservedTraffic } from './network-rows.js';
import { OrdinaryTraffic } from './ordinary-traffic.js';
import { plantAll, sensorLabels, utcDay } from './plant.js';
import type { Days, PlantedConversation } from './planting.js';
import { Random } from './random.js';
import { ReferenceEntries, referenceFiles, type NetworkFile } from './reference-files.js';
import type { Row, RowFormat } from './row.js';
import { addressIn, CDN_SERVERS, CHANGING_SENSORS, SENSORS, type Sensor } from './topology.js';
import type { TrueConversation } from './traffic.js';

export interface GenerateOptions {
  readonly seed: number;
  /**
   * Records to aim at; a network has at least its planted ones (some 4,000 an instance), and may end
   * a few above.
   * With history days: records a day that the standard sensors export, give or take a tenth, whatever
   * `sensors` are: the traffic itself is then the same for all sensors, and as much on each day.
   */
  readonly flows: number;
  /** At least 1; 24 with history days. */
  readonly hours: number;
  /**
   * Milliseconds since 1970 UTC, a full hour; with history days midnight. Default: 2025-03-03, at 0
   * or (below 12 hours) 9 UTC.
   */
  readonly startMs?: number;
  /**
   * Instances of each scenario; at most 7, or blocks of addresses run out. More than the default want
   * more flows: where many clients are compromised, c2-candidate rightly finds nothing odd in it.
   */
  readonly instances?: number;
  /** Default: SENSORS, and with history days CHANGING_SENSORS too. */
  readonly sensors?: readonly Sensor[];
  /** What the configuration says of the input. */
  readonly format?: RowFormat;
  /** Days before the start that have traffic too, for the filters that know history. Default: none. */
  readonly historyDays?: readonly number[];
}

/** The same weekday of the four weeks before: what volume-change compares a day with. */
export const WEEKLY_HISTORY: readonly number[] = [28, 21, 14, 7];

export interface Network {
  readonly startMs: number;
  readonly endMs: number;
  readonly sensors: readonly Sensor[];
  readonly format: RowFormat;
  readonly labels: readonly Label[];
  /** Reference data, policies, configuration and labels; everything but the flows. */
  readonly files: readonly NetworkFile[];
  /** Oldest first. */
  readonly history: readonly HistoryDay[];
  /**
   * The flow records in the order they leave the sensors, made while they are read: each call makes
   * the same ones again. Memory holds the records of the last minutes only.
   */
  rows(): Iterable<Row>;
}

/** A day before the judged one. */
export interface HistoryDay {
  /** UTC, `2025-02-03`. */
  readonly day: string;
  readonly startMs: number;
  readonly endMs: number;
  /** As `Network.rows`. */
  rows(): Iterable<Row>;
}

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
/** A Monday. */
const DEFAULT_DAY = Date.UTC(2025, 2, 3);
const OFFICE_HOURS = 9 * HOUR;

const DEFAULT_INSTANCES = 3;
/** Addresses of content networks that ordinary traffic uses and a threat list names: the list is wrong. */
const WRONGLY_LISTED = 20;

/** Random streams of one seed; those of days are in network-rows.ts. */
const STREAM = { plants: 1, scan: 5 } as const;

/** A labelled synthetic network. Throws a RangeError for options out of range. */
export function generateNetwork(options: GenerateOptions): Network {
  const { seed, flows, hours, startMs, historyDays } = checked(options);
  const { instances = DEFAULT_INSTANCES, format = 'csv' } = options;
  const withHistory = historyDays.length > 0;
  const sensors = options.sensors ?? (withHistory ? [...SENSORS, ...CHANGING_SENSORS] : SENSORS);
  const endMs = startMs + hours * HOUR;

  const random = new Random(seed, STREAM.plants);
  const entries = new ReferenceEntries();
  const times = { startMs, endMs };
  const planted = plantAll(random, entries, { ...times, instances, history: withHistory });
  for (let i = 0; i < WRONGLY_LISTED; i++) {
    entries.lists.malware.push(addressIn(CDN_SERVERS, random.int(50)));
  }
  new OrdinaryTraffic(new Random(seed, STREAM.scan)).scanInto(entries);
  const labels = [...planted.labels, ...(withHistory ? sensorLabels(sensors, startMs) : [])];

  const onJudgedDay = conversationsOn('judged-day', planted.conversations);
  const amount = withHistory
    ? { conversations: ordinaryConversations(seed, flows, onJudgedDay, times) }
    : { records: flows };
  const judged: ObservedTraffic = {
    ...times,
    seed,
    daysBefore: 0,
    amount,
    sensors: sensorsOn('judged-day', sensors),
    planted: onJudgedDay,
  };
  const history = historyDays.map((daysBefore): HistoryDay => {
    const shiftMs = daysBefore * DAY;
    const day = { startMs: startMs - shiftMs, endMs: endMs - shiftMs };
    const traffic = {
      ...judged,
      ...day,
      daysBefore,
      sensors: sensorsOn('history-days', sensors),
    };
    const before = conversationsOn('history-days', planted.conversations);
    return {
      ...day,
      day: utcDay(day.startMs),
      rows: () => networkRows({ ...traffic, planted: earlier(before, shiftMs) }),
    };
  });

  return {
    startMs,
    endMs,
    sensors,
    format,
    labels,
    files: [
      ...referenceFiles(entries),
      { path: 'flowsieve.yaml', text: configurationText(format, withHistory) },
      ...(withHistory
        ? [{ path: 'history.yaml', text: configurationText(format, true, 'history-flows/*/') }]
        : []),
      { path: 'labels.ndjson', text: labels.map((label) => `${JSON.stringify(label)}\n`).join('') },
    ],
    history,
    rows: () => networkRows(judged),
  };
}

interface CheckedOptions {
  readonly seed: number;
  readonly flows: number;
  readonly hours: number;
  readonly startMs: number;
  /** Oldest first. */
  readonly historyDays: readonly number[];
}

function checked(options: GenerateOptions): CheckedOptions {
  const { seed, flows, hours } = options;
  const historyDays = [...(options.historyDays ?? [])].sort((a, b) => b - a);
  if (!Number.isInteger(seed) || seed < 0)
    throw new RangeError(`seed ${seed} is no whole number >= 0`);
  if (!Number.isInteger(flows) || flows < 0)
    throw new RangeError(`${flows} flows is no whole number >= 0`);
  if (!Number.isInteger(hours) || hours < 1)
    throw new RangeError(`${hours} hours is no whole number >= 1`);
  const startMs = options.startMs ?? DEFAULT_DAY + (hours < 12 ? OFFICE_HOURS : 0);
  if (startMs % HOUR !== 0) throw new RangeError(`start ${startMs} ms is not a full hour`);
  if (historyDays.length > 0) {
    if (hours !== 24) throw new RangeError(`${hours} hours with history days: it must be 24`);
    if (startMs % DAY !== 0) throw new RangeError(`start ${startMs} ms is not midnight UTC`);
  }
  historyDays.forEach((day, i) => {
    if (!Number.isInteger(day) || day < 1 || day === historyDays[i - 1])
      throw new RangeError(`history day ${day} is no whole number >= 1, or there twice`);
  });
  return { seed, flows, hours, startMs, historyDays };
}

type Side = Exclude<Days, 'every-day'>;

function conversationsOn(
  side: Side,
  planted: readonly PlantedConversation[],
): readonly PlantedConversation[] {
  return planted.filter(({ on }) => on === 'every-day' || on === side);
}

function sensorsOn(side: Side, sensors: readonly Sensor[]): readonly Sensor[] {
  return sensors.filter(({ only = side }) => only === side);
}

function earlier(
  conversations: readonly TrueConversation[],
  byMs: number,
): readonly TrueConversation[] {
  return conversations.map((conversation) => ({
    ...conversation,
    startMs: conversation.startMs - byMs,
  }));
}
