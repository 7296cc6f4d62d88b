import { GRADE, ROLE } from '../pipeline/codes.js';
import { counterEnd, type ConversationBatch } from '../pipeline/conversation-batch.js';
import { Names } from '../pipeline/dictionary.js';
import { SHARED_CATEGORIES } from '../reference/categories.js';
import type { Reference } from '../reference/reference.js';
import { neverRemote } from '../reference/special-addresses.js';
import { BITMAP_WORDS, conversationBit } from './conversation-bitmap.js';
import { countedWith, countedWithBoth } from './counted-with.js';
import { decodeTables, encodeTables, HOURS, WIDTH, type DayTables } from './day-tables.js';
import type { CountedWith, DaySensor } from './history.js';
import { hashAddressAt } from './remote-hash.js';
import {
  categoryKey,
  countryKey,
  networkKey4,
  networkKey6,
  renumbered,
  serviceKey,
} from './stratum-key.js';
import { dayOf, hourOf } from './utc-day.js';
import { grown, WordTable } from './word-table.js';

/** Clients of a remote are counted up to this, a customer and in all. */
export const MAX_CLIENTS = 1_000;

/** Categories of a mask, at most. */
const MASK_BITS = 32;

/**
 * What is gathered of one UTC day, of all customers or of a shard of them: conversations by
 * (customer, stratum, sensor at a rate, hour), sensors' totals, and who talked to which remote.
 * Counts only grow and sets only unite, so states merge in any order and grouping to the same file.
 *
 * Memory, index and growth included, is the sum of 53 to 83 bytes for each distinct (customer,
 * stratum, sensor), 21 to 35 for each hour of one, 19 to 32 for each (customer, remote) and 13 to 23
 * for each (remote, client) where the client is one of the first MAX_CLIENTS of its customer there.
 */
export class DayState {
  #day: string | undefined;
  #conversations = 0;
  #countedWith: CountedWith | undefined;
  readonly #customers = new Names();
  readonly #sensorNames = new Names();
  readonly #texts = new Names();
  readonly #sensors = new WordTable(WIDTH.sensors);
  #totals = new Float64Array(HOURS);
  readonly #series = new WordTable(WIDTH.series);
  #bitmaps = new Uint32Array(16 * BITMAP_WORDS);
  readonly #cells = new WordTable(WIDTH.cells);
  #counts = new Float64Array(16);
  readonly #remotes = new WordTable(WIDTH.remotes);
  /** By remote: its contacts, at most MAX_CLIENTS. */
  #clientsOf = new Uint16Array(16);
  readonly #clients = new WordTable(WIDTH.clients);
  readonly #contacts = new WordTable(WIDTH.contacts);

  /** Reads what `save` wrote. Throws a RangeError that says what is wrong with the bytes. */
  static restore(bytes: Uint8Array): DayState {
    const state = new DayState();
    state.#absorb(decodeTables(bytes));
    return state;
  }

  /** The day of the conversations; undefined while there are none. */
  get day(): string | undefined {
    return this.#day;
  }

  /** Established conversations so far. */
  get conversations(): number {
    return this.#conversations;
  }

  /** Sensors at a rate so far, in no order. */
  get sensors(): readonly DaySensor[] {
    return Array.from({ length: this.#sensors.size }, (_, row) => ({
      sensor: this.#sensorNames.list[this.#sensors.word(row, 0)],
      samplingRate: this.#sensors.word(row, 1),
    }));
  }

  save(): Uint8Array {
    return encodeTables(this.tables());
  }

  /** Adds what `other` holds; `other` stays as it is. Throws a RangeError where it is of another day. */
  merge(other: DayState): void {
    this.#absorb(other.tables());
  }

  /**
   * Counts the established conversations of a batch, each of which must be new. Throws a RangeError
   * where one lies in another day, and an Error where the batch was joined with another snapshot.
   */
  add(batch: ConversationBatch, reference: Reference): void {
    if (batch.referenceVersion !== reference.version) {
      throw new Error(
        `batch was joined with snapshot ${batch.referenceVersion}, the history has ${reference.version}`,
      );
    }
    const names = new BatchNames(batch, reference, this.#customers, this.#texts);
    const sensors = new BatchSensors(batch, this.#sensorNames, this.#sensors);
    const { columns, family } = batch;
    const { windowStartMs, windowEndMs, grade, role, remoteAddr, customerAddr } = columns;
    const hash = { hi: 0, lo: 0 };
    let windowMs = NaN;
    let hour = 0;
    for (let row = 0; row < batch.rows; row++) {
      if (grade[row] < GRADE.medium) continue;
      if (windowStartMs[row] !== windowMs) {
        windowMs = windowStartMs[row];
        this.#enter(dayOf(windowMs));
        this.#countWith(countedWith(windowEndMs[row] - windowMs, reference));
        hour = hourOf(windowMs);
      }
      this.#conversations++;
      const customer = names.customer(columns.customer[row]);
      hashAddressAt(family, remoteAddr, row, hash);
      const remote = this.#addRemote(customer, hash.hi, hash.lo);
      if (role[row] === ROLE.client) {
        hashAddressAt(family, customerAddr, row, hash);
        this.#addContact(remote, this.#clients.add(hash.hi, hash.lo));
      }
      const seen = sensors.read(row);
      for (let i = 0; i < seen; i++) this.#addTotal(sensors.ids[i] * HOURS + hour, 1);
      if (seen === 0 || neverRemote(columns.remoteSpecial[row])) continue;
      const strata = names.strata(row);
      const bit = conversationBit(batch, row);
      for (let s = 0; s < strata; s++) {
        for (let i = 0; i < seen; i++) {
          const series = this.#addSeries(customer, sensors.ids[i], names.keys[s]);
          this.#bitmaps[series * BITMAP_WORDS + (bit >>> 5)] |= 1 << (bit & 31);
          this.#addCount(series, hour, 1);
        }
      }
    }
  }

  /** All that is in it, as views that hold until the state changes. */
  tables(): DayTables {
    return {
      day: this.#day,
      conversations: this.#conversations,
      countedWith: this.#countedWith,
      customers: this.#customers.list,
      sensorNames: this.#sensorNames.list,
      texts: this.#texts.list,
      sensors: this.#sensors.words(),
      totals: this.#paddedTotals(),
      series: this.#series.words(),
      bitmaps: this.#bitmaps.subarray(0, this.#series.size * BITMAP_WORDS),
      cells: this.#cells.words(),
      counts: this.#counts.subarray(0, this.#cells.size),
      remotes: this.#remotes.words(),
      clients: this.#clients.words(),
      contacts: this.#contacts.words(),
    };
  }

  #absorb(tables: DayTables): void {
    if (tables.day !== undefined) this.#enter(tables.day);
    if (tables.countedWith !== undefined) this.#countWith(tables.countedWith);
    this.#conversations += tables.conversations;
    const customers = tables.customers.map((name) => this.#customers.indexOf(name));
    const texts = tables.texts.map((text) => this.#texts.indexOf(text));
    const sensorNames = tables.sensorNames.map((name) => this.#sensorNames.indexOf(name));
    const sensors = this.#absorbSensors(tables, sensorNames);
    const { series, bitmaps, cells, counts, remotes, clients, contacts } = tables;
    this.#series.reserve(series.length / WIDTH.series);
    this.#cells.reserve(counts.length);
    this.#remotes.reserve(remotes.length / WIDTH.remotes);
    this.#contacts.reserve(contacts.length / WIDTH.contacts);
    const seriesOf = new Uint32Array(series.length / WIDTH.series);
    for (let row = 0; row < seriesOf.length; row++) {
      const at = row * WIDTH.series;
      const key = renumbered(series[at + 2] * 2 ** 32 + series[at + 3], texts);
      const own = this.#addSeries(customers[series[at]], sensors[series[at + 1]], key);
      seriesOf[row] = own;
      for (let word = 0; word < BITMAP_WORDS; word++) {
        this.#bitmaps[own * BITMAP_WORDS + word] |= bitmaps[row * BITMAP_WORDS + word];
      }
    }
    for (let row = 0; row < counts.length; row++) {
      const at = row * WIDTH.cells;
      this.#addCount(seriesOf[cells[at]], cells[at + 1], counts[row]);
    }
    const remoteOf = new Uint32Array(remotes.length / WIDTH.remotes);
    for (let row = 0; row < remoteOf.length; row++) {
      const at = row * WIDTH.remotes;
      remoteOf[row] = this.#addRemote(customers[remotes[at]], remotes[at + 1], remotes[at + 2]);
    }
    const clientOf = new Uint32Array(clients.length / WIDTH.clients);
    for (let row = 0; row < clientOf.length; row++) {
      clientOf[row] = this.#clients.add(clients[row * 2], clients[row * 2 + 1]);
    }
    for (let at = 0; at < contacts.length; at += WIDTH.contacts) {
      this.#addContact(remoteOf[contacts[at]], clientOf[contacts[at + 1]]);
    }
  }

  /** Adds the totals and gives own sensors by theirs. */
  #absorbSensors({ sensors, totals }: DayTables, names: readonly number[]): Uint32Array {
    const ownOf = new Uint32Array(sensors.length / WIDTH.sensors);
    for (let sensor = 0; sensor < ownOf.length; sensor++) {
      const at = sensor * WIDTH.sensors;
      ownOf[sensor] = this.#sensors.add(names[sensors[at]], sensors[at + 1]);
      for (let hour = 0; hour < HOURS; hour++) {
        this.#addTotal(ownOf[sensor] * HOURS + hour, totals[sensor * HOURS + hour]);
      }
    }
    return ownOf;
  }

  #enter(day: string): void {
    this.#day ??= day;
    if (day !== this.#day) {
      throw new RangeError(`a conversation of ${day} came to the state of ${this.#day}`);
    }
  }

  #countWith(other: CountedWith): void {
    this.#countedWith =
      this.#countedWith === undefined ? other : countedWithBoth(this.#countedWith, other);
  }

  #addTotal(slot: number, count: number): void {
    while (slot >= this.#totals.length) this.#totals = grown(this.#totals, HOURS);
    this.#totals[slot] += count;
  }

  #addSeries(customer: number, sensor: number, stratum: number): number {
    const row = this.#series.add(customer, sensor, Math.floor(stratum / 2 ** 32), stratum >>> 0);
    if (row * BITMAP_WORDS === this.#bitmaps.length) {
      this.#bitmaps = grown(this.#bitmaps, BITMAP_WORDS);
    }
    return row;
  }

  #addCount(series: number, hour: number, count: number): void {
    const row = this.#cells.add(series, hour);
    if (row === this.#counts.length) this.#counts = grown(this.#counts);
    this.#counts[row] += count;
  }

  #addRemote(customer: number, hi: number, lo: number): number {
    const row = this.#remotes.add(customer, hi, lo);
    if (row === this.#clientsOf.length) this.#clientsOf = grown(this.#clientsOf);
    return row;
  }

  #addContact(remote: number, client: number): void {
    if (this.#clientsOf[remote] >= MAX_CLIENTS) return;
    const before = this.#contacts.size;
    if (this.#contacts.add(remote, client) === before) this.#clientsOf[remote]++;
  }

  #paddedTotals(): Float64Array {
    const length = this.#sensors.size * HOURS;
    while (this.#totals.length < length) this.#totals = grown(this.#totals, HOURS);
    return this.#totals.subarray(0, length);
  }
}

/** A batch's ids in the numbers of the state; each is looked up once a batch. */
class BatchNames {
  /** Strata of the row last asked for. */
  readonly keys = new Float64Array(MASK_BITS + 3);
  readonly #batch: ConversationBatch;
  readonly #reference: Reference;
  readonly #customers: Names;
  readonly #texts: Names;
  readonly #notShared: number;
  /** Own number + 1; 0 = not asked for yet. */
  readonly #customerIds: Uint32Array;
  readonly #countryIds: Uint32Array;
  readonly #categoryIds: Uint32Array;

  constructor(batch: ConversationBatch, reference: Reference, customers: Names, texts: Names) {
    const { tags, countries } = reference;
    this.#batch = batch;
    this.#reference = reference;
    this.#customers = customers;
    this.#texts = texts;
    this.#notShared = ~tags.mask(SHARED_CATEGORIES);
    this.#customerIds = new Uint32Array(batch.customers.length);
    this.#countryIds = new Uint32Array(countries.codes.length);
    this.#categoryIds = new Uint32Array(tags.categories.length);
  }

  customer(index: number): number {
    return idOf(this.#customerIds, index, this.#batch.customers, this.#customers);
  }

  /** Puts the strata of a row into `keys`; how many. */
  strata(row: number): number {
    const { family, columns } = this.#batch;
    const { countries, tags } = this.#reference;
    const { keys } = this;
    const texts = this.#texts;
    let count = 0;
    const country = columns.remoteCountry[row];
    if (country !== 0) {
      keys[count++] = countryKey(idOf(this.#countryIds, country, countries.codes, texts));
    }
    if (columns.role[row] === ROLE.client) {
      keys[count++] = serviceKey(columns.remotePort[row], columns.protocol[row]);
    }
    let mask = tags.categoriesOf(columns.remoteTags[row]) & this.#notShared;
    while (mask !== 0) {
      const bit = 31 - Math.clz32(mask);
      keys[count++] = categoryKey(idOf(this.#categoryIds, bit, tags.categories, texts));
      mask &= ~(1 << bit);
    }
    const words = columns.remoteAddr;
    keys[count++] =
      family === 4 ? networkKey4(words[row]) : networkKey6(words[row * 4], words[row * 4 + 1]);
    return count;
  }
}

/** Number of `names[index]` in `into`, remembered in `known`. */
function idOf(known: Uint32Array, index: number, names: readonly string[], into: Names): number {
  if (known[index] === 0) known[index] = into.indexOf(names[index]) + 1;
  return known[index] - 1;
}

/** The sensors (at a rate) that saw a row, in the numbers of the state. */
class BatchSensors {
  /** Of the row last read: as many as `read` said. */
  ids = new Uint32Array(16);
  readonly #batch: ConversationBatch;
  readonly #names: Names;
  readonly #sensors: WordTable;
  readonly #nameIds: Uint32Array;
  /** By sensor: the last row that it saw, + 1. */
  #lastRow = new Uint32Array(16);

  constructor(batch: ConversationBatch, names: Names, sensors: WordTable) {
    this.#batch = batch;
    this.#names = names;
    this.#sensors = sensors;
    this.#nameIds = new Uint32Array(batch.sensors.length);
  }

  /** Distinct sensors with packets, however many counter rows one has. */
  read(row: number): number {
    const batch = this.#batch;
    const { outPackets, inPackets, sensor, samplingRate } = batch.counters;
    const end = counterEnd(batch, row);
    let count = 0;
    for (let i = batch.columns.counterStart[row]; i < end; i++) {
      if (outPackets[i] + inPackets[i] <= 0) continue;
      const name = idOf(this.#nameIds, sensor[i], batch.sensors, this.#names);
      const id = this.#sensors.add(name, samplingRate[i]);
      while (id >= this.#lastRow.length) this.#lastRow = grown(this.#lastRow);
      if (this.#lastRow[id] === row + 1) continue;
      this.#lastRow[id] = row + 1;
      if (count === this.ids.length) this.ids = grown(this.ids);
      this.ids[count++] = id;
    }
    return count;
  }
}
