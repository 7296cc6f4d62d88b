/**
 * The file of one UTC day: counts by customer, which remotes each customer talked to, and the
 * remotes that many talk to. A table file (reference/table-file.ts), then the sha256 of all before
 * it (32 bytes). The same content gives the same bytes.
 *
 * Size: 9 bytes a count, 12 a stratum of a customer, 1.25 a remote of a customer, 20 a prevalent
 * remote.
 */
import { createHash } from 'node:crypto';
import {
  CorruptTableError,
  encodeTable,
  measurePieces,
  TableFile,
} from '../reference/table-file.js';
import { conversationsOf, MOST_BITS } from './conversation-bitmap.js';
import { COUNTED_WITH_NOTHING, parseCountedWith } from './counted-with.js';
import { customerDays } from './customer-days.js';
import { MAX_CLIENTS, type DayState } from './day-state.js';
import { HOURS, WIDTH, type DayTables } from './day-tables.js';
import { HistoryError } from './history-error.js';
import type { CountedWith, CustomerCounts, DayCounts, DaySensor, Prevalence } from './history.js';
import { isBusy, prevalentRemotes, type PrevalentRemotes } from './prevalent-remotes.js';
import { hashAddress, type RemoteHash } from './remote-hash.js';
import { addSeen, hasSeen, seenFilterBytes } from './seen-filter.js';
import { isStratumKey, stratumOf } from './stratum-key.js';
import { isDay } from './utc-day.js';

export { SEEN_ERROR } from './seen-filter.js';

const KIND = 'history-day';

/** Grows when the layout, the hash of addresses or what is counted changes. */
const FORMAT = 3;

/** Bytes of the digest that ends a file. */
export const DIGEST_BYTES = 32;

/** Pieces of the day's file, to write one after the other. Throws a RangeError where the state is of another day. */
export function encodeDay(day: string, state: DayState): Uint8Array[] {
  if (!isDay(day) || (state.day ?? day) !== day) {
    throw new RangeError(`the state of ${state.day ?? 'no day'} is not that of "${day}"`);
  }
  const tables = state.tables();
  const { customers, sensors, sensorsLeftOut, texts, ...counts } = customerDays(tables);
  const remotes = prevalentRemotes(tables, MAX_CLIENTS);
  const pieces = encodeTable(
    KIND,
    {
      format: FORMAT,
      day,
      conversations: state.conversations,
      countedWith: tables.countedWith ?? COUNTED_WITH_NOTHING,
      customers,
      sensors: sensors.map(({ sensor }) => sensor),
      sensorsLeftOut,
      texts,
    },
    {
      ...counts,
      rates: Uint32Array.from(sensors, ({ samplingRate }) => samplingRate),
      ...seenSections(tables, customers),
      remoteHi: remotes.hi,
      remoteLo: remotes.lo,
      remoteCustomers: remotes.customers,
      remoteClients: remotes.clients,
      remoteClientCustomers: remotes.clientCustomers,
    },
  );
  return [...pieces, Buffer.from(measurePieces(pieces).sha256, 'hex')];
}

/** The filters of all customers one after the other, and their lengths in bytes. */
function seenSections(
  { remotes, customers }: DayTables,
  sorted: readonly string[],
): { readonly seen: Uint8Array; readonly seenBytes: Uint32Array } {
  const place = new Map(sorted.map((customer, index) => [customer, index]));
  const placeOf = customers.map((customer) => place.get(customer) ?? 0);
  const counts = new Uint32Array(sorted.length);
  for (let at = 0; at < remotes.length; at += WIDTH.remotes) counts[placeOf[remotes[at]]]++;
  const seenBytes = counts.map((count) => seenFilterBytes(count));
  const seen = new Uint8Array(seenBytes.reduce((sum, bytes) => sum + bytes, 0));
  const filters = cut(seen, seenBytes);
  for (let at = 0; at < remotes.length; at += WIDTH.remotes) {
    addSeen(filters[placeOf[remotes[at]]], remotes[at + 1], remotes[at + 2]);
  }
  return { seen, seenBytes };
}

function cut(bytes: Uint8Array, lengths: Uint32Array): Uint8Array[] {
  let at = 0;
  return Array.from(lengths, (length) => bytes.subarray(at, (at += length)));
}

/**
 * Opens the bytes of a file; `name` is for messages. Throws a HistoryError where they are damaged, cut
 * off, or none.
 */
export function openDay(bytes: Uint8Array, name: string): DayFile {
  const day = /\d{4}-\d{2}-\d{2}/.exec(name)?.[0] ?? 'not known';
  const end = bytes.length - DIGEST_BYTES;
  const digest = Buffer.from(bytes.subarray(Math.max(0, end))).toString('hex');
  const content = bytes.subarray(0, Math.max(0, end));
  if (end < 0 || createHash('sha256').update(content).digest('hex') !== digest) {
    throw new HistoryError(
      name,
      day,
      `its ${bytes.length} bytes do not match their checksum: damaged or cut off`,
    );
  }
  const inPlace = content.byteOffset % 8 === 0;
  try {
    return new DayFile(
      new TableFile('day file', KIND, inPlace ? content : new Uint8Array(content)),
      bytes.length,
      digest,
    );
  } catch (cause) {
    // The checksum is right, so whoever wrote it wrote something else.
    const problem = cause instanceof Error ? cause.message : String(cause);
    throw new HistoryError(name, day, problem, { cause });
  }
}

/** One opened day. Numbers are read from the file's bytes; a customer's counts are unpacked when asked for. */
export class DayFile implements DayCounts {
  readonly day: string;
  /** Established conversations, one a conversation window. */
  readonly conversations: number;
  readonly countedWith: CountedWith;
  readonly sensors: readonly DaySensor[];
  /** Sensors at a rate that were too many to keep. */
  readonly sensorsLeftOut: number;
  readonly totals: Float64Array;
  readonly customers: readonly string[];
  readonly remotes: PrevalentRemotes;
  readonly byteLength: number;
  /** As the file ends with it: hexadecimal. */
  readonly sha256: string;
  readonly #place: ReadonlyMap<string, number>;
  readonly #texts: readonly string[];
  readonly #strataOf: Uint32Array;
  readonly #strata: Float64Array;
  readonly #rowsOf: Uint32Array;
  readonly #slots: Uint32Array;
  readonly #counts: Uint32Array;
  readonly #bits: Uint8Array;
  readonly #leftOut: Float64Array;
  readonly #filters: readonly Uint8Array[];

  /** Throws an Error where the sections do not fit together. */
  constructor(file: TableFile, byteLength: number, sha256: string) {
    const { day } = file.meta;
    if (file.number('format') !== FORMAT) {
      throw new CorruptTableError(
        file.name,
        `format ${file.number('format')}, this reads ${FORMAT}`,
      );
    }
    if (typeof day !== 'string' || !isDay(day)) throw new CorruptTableError(file.name, 'no day');
    this.day = day;
    this.byteLength = byteLength;
    this.sha256 = sha256;
    this.conversations = file.number('conversations');
    this.countedWith = parseCountedWith(file.meta['countedWith']);
    this.sensorsLeftOut = file.number('sensorsLeftOut');
    this.customers = file.texts('customers');
    const rates = file.u32('rates');
    const names = file.texts('sensors');
    file.check(names.length === rates.length, 'sensors and rates differ in number');
    this.sensors = names.map((sensor, index) => ({ sensor, samplingRate: rates[index] }));
    this.totals = file.f64('totals');
    this.#place = new Map(this.customers.map((customer, index) => [customer, index]));
    this.#texts = file.texts('texts');
    this.#strataOf = file.u32('strataOf');
    this.#strata = file.f64('strata');
    this.#rowsOf = file.u32('rowsOf');
    this.#slots = file.u32('slots');
    this.#counts = file.u32('counts');
    this.#bits = file.u8('bits');
    this.#leftOut = file.f64('leftOut');
    this.remotes = {
      hi: file.u32('remoteHi'),
      lo: file.u32('remoteLo'),
      customers: file.u32('remoteCustomers'),
      clients: file.u32('remoteClients'),
      clientCustomers: file.u32('remoteClientCustomers'),
    };
    const seen = file.u8('seen');
    const seenBytes = file.u32('seenBytes');
    this.#filters = cut(seen, seenBytes);
    this.#check(file, seenBytes, seen.length);
  }

  customer(customer: string): CustomerCounts | undefined {
    const place = this.#place.get(customer);
    if (place === undefined) return undefined;
    const [first, end] = [this.#strataOf[place], this.#strataOf[place + 1]];
    const [firstRow, endRow] = [this.#rowsOf[first], this.#rowsOf[end]];
    const stratum = new Uint32Array(endRow - firstRow);
    for (let s = first; s < end; s++) {
      stratum.fill(s - first, this.#rowsOf[s] - firstRow, this.#rowsOf[s + 1] - firstRow);
    }
    const slots = this.#slots.subarray(firstRow, endRow);
    return {
      strata: Array.from(this.#strata.subarray(first, end), (key) => stratumOf(key, this.#texts)),
      stratum,
      sensor: Uint16Array.from(slots, (slot) => Math.floor(slot / HOURS)),
      hour: Uint8Array.from(slots, (slot) => slot % HOURS),
      count: Float64Array.from(this.#counts.subarray(firstRow, endRow)),
      conversations: Float64Array.from(this.#bits.subarray(firstRow, endRow), conversationsOf),
      leftOut: this.#leftOut[place],
    };
  }

  /** Whether the customer talked with the remote on this day; wrong at most as often as SEEN_ERROR, never the other way. */
  seen(customer: string, remote: string): boolean {
    const filter = this.seenFilter(customer);
    const hash = hashAddress(remote);
    return filter !== undefined && hash !== undefined && hasSeen(filter, hash.hi, hash.lo);
  }

  /** The Bloom filter of a customer's remotes, a view of the file; undefined where it was not there. */
  seenFilter(customer: string): Uint8Array | undefined {
    const place = this.#place.get(customer);
    return place === undefined ? undefined : this.#filters[place];
  }

  /** How many talked with the remote on this day; undefined where it was below the threshold. */
  prevalence(remote: string): Prevalence | undefined {
    const hash = hashAddress(remote);
    const at = hash === undefined ? -1 : placeOf(this.remotes, hash);
    if (at < 0) return undefined;
    return {
      customers: this.remotes.customers[at],
      clients: this.remotes.clients[at],
      days: isBusy(this.remotes, at, this.customers.length) ? 1 : 0,
    };
  }

  #check(file: TableFile, seenBytes: Uint32Array, seenLength: number): void {
    const customers = this.customers.length;
    const slots = this.sensors.length * HOURS;
    const { hi, ...remoteColumns } = this.remotes;
    file.check(Number.isSafeInteger(this.conversations), 'conversations are no count');
    file.check(this.#place.size === customers, 'a customer is there twice');
    file.check(this.totals.length === slots, 'totals do not fit the sensors');
    file.check(this.#leftOut.length === customers, 'leftOut does not fit the customers');
    file.check(risesTo(this.#strataOf, customers, this.#strata.length), 'strataOf does not fit');
    file.check(
      risesTo(this.#rowsOf, this.#strata.length, this.#slots.length),
      'rowsOf does not fit',
    );
    file.check(this.#counts.length === this.#slots.length, 'counts do not fit');
    file.check(this.#bits.length === this.#slots.length, 'bits do not fit the counts');
    file.check(
      this.#bits.every((bits) => bits <= MOST_BITS),
      'more bits than a bitmap tells by',
    );
    file.checkBelow('slots', this.#slots, slots);
    file.check(
      this.#strata.every((key) => isStratumKey(key, this.#texts.length)),
      'strata hold none',
    );
    file.check(
      seenBytes.length === customers &&
        seenBytes.every((bytes) => bytes > 0) &&
        seenBytes.reduce((sum, bytes) => sum + bytes, 0) === seenLength,
      'filters do not fit the customers',
    );
    file.check(
      Object.values(remoteColumns).every(({ length }) => length === hi.length),
      'columns of remotes differ in length',
    );
  }
}

/** Whether `starts` has `count` + 1 numbers that rise from 0 to `end`. */
function risesTo(starts: Uint32Array, count: number, end: number): boolean {
  return (
    starts.length === count + 1 &&
    starts[0] === 0 &&
    starts[count] === end &&
    starts.every((start, i) => i === 0 || start >= starts[i - 1])
  );
}

function placeOf({ hi, lo }: PrevalentRemotes, hash: RemoteHash): number {
  let [low, high] = [0, hi.length - 1];
  while (low <= high) {
    const middle = (low + high) >>> 1;
    const order = hi[middle] - hash.hi || lo[middle] - hash.lo;
    if (order === 0) return middle;
    if (order < 0) low = middle + 1;
    else high = middle - 1;
  }
  return -1;
}
