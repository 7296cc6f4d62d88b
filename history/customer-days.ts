/** The sparse counts of a day's file: by customer, by stratum, then by sensor and hour. */
import { BITMAP_WORDS, bitsSet, MOST_BITS } from './conversation-bitmap.js';
import { HOURS, WIDTH, type DayTables } from './day-tables.js';
import type { DaySensor } from './history.js';
import { kindOf, renumbered } from './stratum-key.js';
import { WordTable } from './word-table.js';

/** Networks, and services, of a customer and day that are kept: the largest. */
const MOST_NETWORKS = 2_000;
const MOST_SERVICES = 2_000;

/** Sensors at a rate that a day keeps apart; more are a mistake in the data. */
const MAX_SENSORS = 4_096;

const MOST_COUNT = 2 ** 32 - 1;

export interface CustomerDays {
  readonly customers: readonly string[];
  readonly sensors: readonly DaySensor[];
  /** Sensors at a rate beyond MAX_SENSORS, those with the least conversations. */
  readonly sensorsLeftOut: number;
  readonly texts: readonly string[];
  readonly totals: Float64Array;
  /** By customer: its first stratum; one more at the end. */
  readonly strataOf: Uint32Array;
  /** Keys of strata, by customer and key. */
  readonly strata: Float64Array;
  /** By stratum: its first row; one more at the end. */
  readonly rowsOf: Uint32Array;
  /** By row: sensor * 24 + hour, and the count, which ends at 2^32 - 1. */
  readonly slots: Uint32Array;
  readonly counts: Uint32Array;
  /** By row: bits that the day's conversations of its stratum and sensor set; 0 = too many to tell. */
  readonly bits: Uint8Array;
  /** By customer. */
  readonly leftOut: Float64Array;
}

/** The same for the same content, in whatever order it came. */
export function customerDays(tables: DayTables): CustomerDays {
  const customers = ranks(tables.customers, byText);
  const texts = ranks(tables.texts, byText);
  const sensors = keptSensors(tables);
  const rows = new Rows(tables, customers.rankOf, texts.rankOf, sensors.rankOf);
  const { kept, leftOut } = rows.largest(customers.sorted.length);
  return {
    customers: customers.sorted,
    sensors: sensors.sorted,
    sensorsLeftOut: sensors.leftOut,
    texts: texts.sorted,
    totals: totalsOf(tables, sensors.rankOf, sensors.sorted.length),
    ...rows.columns(kept, customers.sorted.length),
    leftOut,
  };
}

interface Ranks<Item> {
  readonly sorted: readonly Item[];
  /** Place of each among the sorted; -1 = left out. */
  readonly rankOf: Int32Array;
}

function ranks<Item>(items: readonly Item[], compare: (a: Item, b: Item) => number): Ranks<Item> {
  const order = items.map((_, index) => index).sort((a, b) => compare(items[a], items[b]));
  const rankOf = new Int32Array(items.length);
  order.forEach((index, rank) => (rankOf[index] = rank));
  return { sorted: order.map((index) => items[index]), rankOf };
}

function byText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function bySensor(a: DaySensor, b: DaySensor): number {
  return byText(a.sensor, b.sensor) || a.samplingRate - b.samplingRate;
}

function keptSensors(tables: DayTables): Ranks<DaySensor> & { readonly leftOut: number } {
  const all = Array.from({ length: tables.sensors.length / WIDTH.sensors }, (_, index) => ({
    index,
    sensor: tables.sensorNames[tables.sensors[index * 2]],
    samplingRate: tables.sensors[index * 2 + 1],
    total: tables.totals.subarray(index * HOURS, (index + 1) * HOURS).reduce((sum, n) => sum + n),
  }));
  const kept = [...all]
    .sort((a, b) => b.total - a.total || bySensor(a, b))
    .slice(0, MAX_SENSORS)
    .sort(bySensor);
  const rankOf = new Int32Array(all.length).fill(-1);
  kept.forEach(({ index }, rank) => (rankOf[index] = rank));
  const sorted = kept.map(({ sensor, samplingRate }) => ({ sensor, samplingRate }));
  return { sorted, rankOf, leftOut: all.length - kept.length };
}

function totalsOf({ totals }: DayTables, rankOf: Int32Array, sensors: number): Float64Array {
  const sorted = new Float64Array(sensors * HOURS);
  rankOf.forEach((rank, index) => {
    if (rank >= 0) sorted.set(totals.subarray(index * HOURS, (index + 1) * HOURS), rank * HOURS);
  });
  return sorted;
}

/** The rows of the counts under the final numbers of customers, texts and sensors. */
class Rows {
  readonly #customer: Uint32Array;
  readonly #slot: Uint32Array;
  readonly #key: Float64Array;
  readonly #count: Float64Array;
  readonly #bits: Uint8Array;
  /** By row: whether its sensor is kept. */
  readonly #there: Uint8Array;

  constructor(
    { series, bitmaps, cells, counts }: DayTables,
    customers: Int32Array,
    texts: Int32Array,
    sensors: Int32Array,
  ) {
    this.#customer = new Uint32Array(counts.length);
    this.#slot = new Uint32Array(counts.length);
    this.#key = new Float64Array(counts.length);
    this.#there = new Uint8Array(counts.length);
    this.#bits = new Uint8Array(counts.length);
    this.#count = counts;
    for (let row = 0; row < counts.length; row++) {
      const own = cells[row * WIDTH.cells];
      const at = own * WIDTH.series;
      const sensor = sensors[series[at + 1]];
      const bits = bitsSet(bitmaps, own * BITMAP_WORDS);
      this.#there[row] = sensor >= 0 ? 1 : 0;
      this.#customer[row] = customers[series[at]];
      this.#slot[row] = Math.max(0, sensor) * HOURS + cells[row * WIDTH.cells + 1];
      this.#key[row] = renumbered(series[at + 2] * 2 ** 32 + series[at + 3], texts);
      this.#bits[row] = bits > MOST_BITS ? 0 : bits;
    }
  }

  /**
   * Rows of the strata that are kept, and by customer the largest sum over sensors and hours of one
   * that is not. Strata of equal sums are kept or left out together, so that no order decides.
   */
  largest(customers: number): { readonly kept: Uint32Array; readonly leftOut: Float64Array } {
    const strata = new WordTable(3);
    const stratumOf = new Uint32Array(this.#count.length);
    const sums = new Float64Array(this.#count.length);
    for (let row = 0; row < this.#count.length; row++) {
      if (this.#there[row] === 0) continue;
      const key = this.#key[row];
      stratumOf[row] = strata.add(this.#customer[row], Math.floor(key / 2 ** 32), key >>> 0);
      sums[stratumOf[row]] += this.#count[row];
    }
    const keyOf = (stratum: number): number =>
      strata.word(stratum, 1) * 2 ** 32 + strata.word(stratum, 2);
    const networks = new Cut(MOST_NETWORKS);
    const services = new Cut(MOST_SERVICES);
    const cutOf = (stratum: number): Cut | undefined => {
      const kind = kindOf(keyOf(stratum));
      return kind === 'network' ? networks : kind === 'service' ? services : undefined;
    };
    for (let stratum = 0; stratum < strata.size; stratum++) {
      cutOf(stratum)?.add(strata.word(stratum, 0), sums[stratum]);
    }
    const isKept = new Uint8Array(strata.size);
    for (let stratum = 0; stratum < strata.size; stratum++) {
      const cut = cutOf(stratum);
      const least = cut === undefined ? 0 : cut.leftOut(strata.word(stratum, 0));
      isKept[stratum] = sums[stratum] > least ? 1 : 0;
    }
    const kept: number[] = [];
    for (let row = 0; row < this.#count.length; row++) {
      if (this.#there[row] === 1 && isKept[stratumOf[row]] === 1) kept.push(row);
    }
    return {
      kept: Uint32Array.from(kept),
      leftOut: Float64Array.from({ length: customers }, (_, customer) =>
        Math.max(networks.leftOut(customer), services.leftOut(customer)),
      ),
    };
  }

  /** The columns of the file for the rows `kept`, which are sorted in place. */
  columns(
    kept: Uint32Array,
    customers: number,
  ): Pick<CustomerDays, 'strataOf' | 'strata' | 'rowsOf' | 'slots' | 'counts' | 'bits'> {
    kept.sort(
      (a, b) =>
        this.#customer[a] - this.#customer[b] ||
        this.#key[a] - this.#key[b] ||
        this.#slot[a] - this.#slot[b],
    );
    const strataOf = new Uint32Array(customers + 1);
    const strata: number[] = [];
    const rowsOf: number[] = [];
    let [lastCustomer, lastKey] = [-1, -1];
    kept.forEach((row, place) => {
      const customer = this.#customer[row];
      const key = this.#key[row];
      if (customer === lastCustomer && key === lastKey) return;
      [lastCustomer, lastKey] = [customer, key];
      strata.push(key);
      rowsOf.push(place);
      strataOf[customer + 1]++;
    });
    rowsOf.push(kept.length);
    for (let customer = 0; customer < customers; customer++) {
      strataOf[customer + 1] += strataOf[customer];
    }
    return {
      strataOf,
      strata: Float64Array.from(strata),
      rowsOf: Uint32Array.from(rowsOf),
      slots: Uint32Array.from(kept, (row) => this.#slot[row]),
      counts: Uint32Array.from(kept, (row) => Math.min(MOST_COUNT, this.#count[row])),
      bits: Uint8Array.from(kept, (row) => this.#bits[row]),
    };
  }
}

/** By customer the sums of its strata of one kind, and where they are cut. */
class Cut {
  readonly #most: number;
  readonly #sums = new Map<number, number[]>();
  readonly #leftOut = new Map<number, number>();

  constructor(most: number) {
    this.#most = most;
  }

  add(customer: number, sum: number): void {
    const sums = this.#sums.get(customer);
    if (sums === undefined) this.#sums.set(customer, [sum]);
    else sums.push(sum);
  }

  /** The largest sum that is left out; 0 = none. To be asked once all are added. */
  leftOut(customer: number): number {
    const known = this.#leftOut.get(customer);
    if (known !== undefined) return known;
    const sums = Float64Array.from(this.#sums.get(customer) ?? []).sort();
    const found = sums.length > this.#most ? sums[sums.length - 1 - this.#most] : 0;
    this.#leftOut.set(customer, found);
    return found;
  }
}
