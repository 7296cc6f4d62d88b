/** What is gathered of one UTC day as plain columns: how a state is merged, saved and made a file of. */
import { checkColumns, layoutBytes, layoutViews, type Column } from '../pipeline/columns.js';
import { readFrame, writeFrame } from '../pipeline/frame.js';
import { BITMAP_WORDS } from './conversation-bitmap.js';
import { parseCountedWith } from './counted-with.js';
import type { CountedWith } from './history.js';
import { isStratumKey } from './stratum-key.js';
import { isDay } from './utc-day.js';

export const HOURS = 24;

export interface DayTables {
  /** `2025-03-03`; undefined while nothing has come. */
  readonly day: string | undefined;
  /** Established conversations, one a conversation window. */
  readonly conversations: number;
  /** undefined while nothing has come. */
  readonly countedWith: CountedWith | undefined;
  readonly customers: readonly string[];
  /** Names of sensors. */
  readonly sensorNames: readonly string[];
  /** Country codes and category names that strata are numbered by. */
  readonly texts: readonly string[];
  /** A sensor at a rate: [name, rate] each. */
  readonly sensors: Uint32Array;
  /** Conversations that a sensor saw: [sensor * 24 + hour]. */
  readonly totals: Float64Array;
  /** What one sensor saw of a customer's stratum: [customer, sensor, stratum / 2^32, stratum % 2^32] each. */
  readonly series: Uint32Array;
  /** Of each series: which conversations it had (conversation-bitmap.ts), 8 words. */
  readonly bitmaps: Uint32Array;
  /** [index into `series`, hour] each, and the count of each. */
  readonly cells: Uint32Array;
  readonly counts: Float64Array;
  /** [customer, remote's hash (2 words)] each. */
  readonly remotes: Uint32Array;
  /** Hash of a client's address: 2 words each. */
  readonly clients: Uint32Array;
  /** [index into `remotes`, index into `clients`] each. */
  readonly contacts: Uint32Array;
}

/** Words a row of each table. */
export const WIDTH = {
  sensors: 2,
  series: 4,
  cells: 2,
  remotes: 3,
  clients: 2,
  contacts: 2,
} as const;
type TableName = keyof typeof WIDTH;
const TABLES = Object.keys(WIDTH) as TableName[];

const KIND = 'HDAY';
const VERSION = 3;

type Rows = Readonly<Record<TableName, number>>;

/** Columns by table, each of as many rows as the table has. */
function layoutOf(rows: Rows): { readonly column: Column; readonly rows: number }[] {
  const keys = TABLES.map((name) => ({
    column: { name, type: 'u32', width: WIDTH[name] } as const,
    rows: rows[name],
  }));
  return [
    { column: { name: 'totals', type: 'f64', width: HOURS }, rows: rows.sensors },
    { column: { name: 'counts', type: 'f64', width: 1 }, rows: rows.cells },
    { column: { name: 'bitmaps', type: 'u32', width: BITMAP_WORDS }, rows: rows.series },
    ...keys,
  ];
}

/** The tables as bytes; `decodeTables` gives them back. */
export function encodeTables(tables: DayTables): Uint8Array {
  const { day, conversations, countedWith, customers, sensorNames, texts } = tables;
  const rows = Object.fromEntries(
    TABLES.map((name) => [name, tables[name].length / WIDTH[name]]),
  ) as Rows;
  const layout = layoutOf(rows);
  const size = layout.reduce((sum, part) => sum + layoutBytes([part.column], part.rows), 0);
  const body = new Uint8Array(size);
  let at = 0;
  for (const { column, rows: count } of layout) {
    const { buffer, byteOffset, byteLength } = tables[column.name as TableName];
    body.set(new Uint8Array(buffer, byteOffset, byteLength), at);
    at += layoutBytes([column], count);
  }
  const header = {
    day: day ?? null,
    conversations,
    countedWith: countedWith ?? null,
    customers,
    sensorNames,
    texts,
    rows,
  };
  return writeFrame({ kind: KIND, version: VERSION, header, body });
}

/**
 * Reads what `encodeTables` wrote, from bytes that may come from anywhere. Every index and number is
 * checked. Throws a RangeError that says what is wrong.
 */
export function decodeTables(bytes: Uint8Array): DayTables {
  const { header, body } = readFrame(bytes, KIND, VERSION);
  const layout = layoutOf(rowsOf(header['rows']));
  const size = layout.reduce((sum, part) => sum + layoutBytes([part.column], part.rows), 0);
  if (size !== body.length) {
    throw new RangeError(`state of a day has ${body.length} bytes of tables, not ${size}`);
  }
  const views = new Map<string, unknown>();
  let at = 0;
  for (const { column, rows } of layout) {
    const view = layoutViews([column], rows, body.buffer as ArrayBuffer, at);
    checkColumns([column], view);
    views.set(column.name, view[column.name]);
    at += layoutBytes([column], rows);
  }
  const day = header['day'];
  if (day !== null && (typeof day !== 'string' || !isDay(day))) {
    throw new RangeError(`day ${quoted(day)} is none`);
  }
  const tables: DayTables = {
    day: day ?? undefined,
    conversations: countOf('conversations', header['conversations']),
    countedWith:
      header['countedWith'] === null ? undefined : parseCountedWith(header['countedWith']),
    customers: textsOf('customers', header['customers']),
    sensorNames: textsOf('sensorNames', header['sensorNames']),
    texts: textsOf('texts', header['texts']),
    ...(Object.fromEntries(views) as unknown as Pick<
      DayTables,
      TableName | 'totals' | 'counts' | 'bitmaps'
    >),
  };
  checkTables(tables);
  return tables;
}

function rowsOf(value: unknown): Rows {
  const given = (value ?? {}) as Partial<Record<TableName, unknown>>;
  return Object.fromEntries(TABLES.map((name) => [name, countOf(name, given[name])])) as Rows;
}

function countOf(name: string, value: unknown): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) {
    throw new RangeError(`${name}: ${quoted(value)} is no count`);
  }
  return value;
}

function textsOf(name: string, value: unknown): readonly string[] {
  if (!Array.isArray(value) || !value.every((item) => typeof item === 'string')) {
    throw new RangeError(`${name} is no list of texts`);
  }
  return value;
}

function checkTables(tables: DayTables): void {
  const { sensors, series, cells, remotes, contacts, texts } = tables;
  const customers = tables.customers.length;
  checkWords('sensors', sensors, WIDTH.sensors, 0, tables.sensorNames.length);
  checkWords('series', series, WIDTH.series, 0, customers);
  checkWords('series', series, WIDTH.series, 1, sensors.length / WIDTH.sensors);
  checkWords('cells', cells, WIDTH.cells, 0, series.length / WIDTH.series);
  checkWords('cells', cells, WIDTH.cells, 1, HOURS);
  checkWords('remotes', remotes, WIDTH.remotes, 0, customers);
  checkWords('contacts', contacts, WIDTH.contacts, 0, remotes.length / WIDTH.remotes);
  checkWords('contacts', contacts, WIDTH.contacts, 1, tables.clients.length / WIDTH.clients);
  for (let at = 0; at < series.length; at += WIDTH.series) {
    const key = series[at + 2] * 2 ** 32 + series[at + 3];
    if (!isStratumKey(key, texts.length)) throw new RangeError(`stratum ${key} is none`);
  }
  for (const [name, values] of [
    ['totals', tables.totals],
    ['counts', tables.counts],
  ] as const) {
    const bad = values.find((value) => !Number.isSafeInteger(value));
    if (bad !== undefined) throw new RangeError(`${name}: ${bad} is no count`);
  }
}

function checkWords(
  name: string,
  words: Uint32Array,
  width: number,
  first: number,
  limit: number,
): void {
  for (let at = first; at < words.length; at += width) {
    if (words[at] >= limit) {
      throw new RangeError(`${name}: index ${words[at]}, there are ${limit}`);
    }
  }
}

/** For messages; `undefined` is no JSON. */
function quoted(value: unknown): string {
  return value === undefined ? 'nothing' : JSON.stringify(value).slice(0, 40);
}
