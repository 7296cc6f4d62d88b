import { observe } from './observe.js';
import { OrdinaryTraffic, type Period } from './ordinary-traffic.js';
import { Random } from './random.js';
import type { Row } from './row.js';
import { SENSORS, type Sensor } from './topology.js';
import { diurnalWeight, type TrueConversation } from './traffic.js';

/**
 * How much ordinary traffic there is: as much as gives so many records with the planted ones; or so
 * many conversations, whatever the sensors see of them.
 */
export type Amount = { readonly records: number } | { readonly conversations: number };

/** The traffic of a network in a period, and what looks at it. */
export interface ObservedTraffic extends Period {
  readonly seed: number;
  /** Days before the judged one: each has its own random numbers. */
  readonly daysBefore: number;
  readonly amount: Amount;
  readonly sensors: readonly Sensor[];
  /** By start. */
  readonly planted: readonly TrueConversation[];
}

const MINUTE = 60_000;
/** Of the records, delivered a second time. */
const REDELIVERED = 0.005;

/** Random streams of one seed and day; each sensor has its own, so that adding one changes no other's records. */
const STREAM = { traffic: 2, redelivery: 3, measure: 4, sensors: 16 } as const;
const STREAMS_OF_A_DAY = 4096;

/**
 * The flow records in the order they leave the sensors. Memory holds the records of the last minutes
 * only.
 */
export function* networkRows(observed: ObservedTraffic): Generator<Row> {
  const { seed, daysBefore, amount, sensors, planted, startMs, endMs } = observed;
  const stream = (number: number): Random =>
    new Random(seed, daysBefore * STREAMS_OF_A_DAY + number);
  const traffic = new OrdinaryTraffic(stream(STREAM.traffic));
  const redelivery = stream(STREAM.redelivery);
  const eyes = sensors.map((sensor, i) => ({ sensor, random: stream(STREAM.sensors + i) }));
  const minutes = (endMs - startMs) / MINUTE;
  let totalWeight = 0;
  for (let minute = 0; minute < minutes; minute++)
    totalWeight += diurnalWeight(startMs + minute * MINUTE);

  /** Records by the minute in which they leave their sensor. */
  const outbox = new Map<number, Row[]>();
  const scratch: Row[] = [];
  let minute = 0;
  const send = (row: Row): void => {
    const at = Math.max(minute, Math.floor((row.exportedMs - startMs) / MINUTE));
    const box = outbox.get(at);
    if (box === undefined) outbox.set(at, [row]);
    else box.push(row);
  };
  const see = (conversation: TrueConversation): number => {
    scratch.length = 0;
    for (const { sensor, random } of eyes) observe(conversation, sensor, random, scratch);
    let sent = scratch.length;
    for (const row of scratch) {
      send(row);
      if (redelivery.chance(REDELIVERED)) {
        send({ ...row, exportedMs: row.exportedMs + redelivery.int(30_000) });
        sent++;
      }
    }
    return sent;
  };

  const byRecords = 'records' in amount;
  const target = byRecords ? amount.records : amount.conversations;
  // What planting takes is spread over the whole time, so the rhythm stays.
  let credit = 0;
  let nextPlanted = 0;
  for (; minute < minutes; minute++) {
    const fromMs = startMs + minute * MINUTE;
    credit += (target * diurnalWeight(fromMs)) / totalWeight;
    while (nextPlanted < planted.length && planted[nextPlanted].startMs < fromMs + MINUTE) {
      const sent = see(planted[nextPlanted++]);
      if (byRecords) credit -= sent;
    }
    while (credit > 0) {
      let sent = 0;
      const happened = traffic.next(fromMs, MINUTE, observed);
      for (const conversation of happened) sent += see(conversation);
      // Something nobody saw still costs, or an all-sampling set of sensors would never end.
      credit -= byRecords ? Math.max(0.05, sent) : happened.length;
    }
    yield* leaving(outbox, minute);
  }
  for (const late of [...outbox.keys()].sort((a, b) => a - b)) yield* leaving(outbox, late);
}

function leaving(outbox: Map<number, Row[]>, minute: number): readonly Row[] {
  const rows = outbox.get(minute) ?? [];
  outbox.delete(minute);
  return rows.sort((a, b) => a.exportedMs - b.exportedMs);
}

/** Conversations that are looked at for how many records one gives. */
const MEASURED = 5_000;

/**
 * Ordinary conversations that give, with the planted ones, about `records` records of the standard
 * sensors in a period: a few percent more or less, by how long the longest happen to be.
 */
export function ordinaryConversations(
  seed: number,
  records: number,
  planted: readonly TrueConversation[],
  period: Period,
): number {
  const random = new Random(seed, STREAM.measure);
  const scratch: Row[] = [];
  const see = (conversation: TrueConversation): void => {
    for (const sensor of SENSORS) observe(conversation, sensor, random, scratch);
  };
  planted.forEach(see);
  const left = records - scratch.length;
  scratch.length = 0;
  const traffic = new OrdinaryTraffic(random);
  const middleMs = (period.startMs + period.endMs) / 2;
  let measured = 0;
  while (measured < MEASURED) {
    const happened = traffic.next(middleMs, MINUTE, period);
    happened.forEach(see);
    measured += happened.length;
  }
  return Math.max(0, Math.round((left * measured) / scratch.length));
}
