import { checkColumns, layoutBytes, layoutViews, type Column } from './columns.js';
import { cutDictionary } from './dictionary.js';
import { readFrame, writeFrame, type Frame } from './frame.js';

/**
 * Thousands of flow records as columns over one ArrayBuffer; one address family a batch.
 *
 * A row is one direction of one record as a sensor exported it: `src` sent the packets that the
 * counters count. Decoders fill the first group of columns. Each later step owns the columns named
 * after it and fills them in place; it reads only columns of earlier steps, so doing it twice (a
 * retried bundle) gives the same bytes.
 */
export interface FlowBatch {
  readonly family: 4 | 6;
  /** Rows of the columns, selected or not. */
  readonly rows: number;
  /**
   * The rows that are still in it, in order; undefined = all. A step that drops rows narrows the
   * selection and copies nothing; what crosses a process is cut down to the selection.
   */
  readonly selection: Uint32Array | undefined;
  /** Exporters or observation points; `sensor` holds indexes into it. */
  readonly sensors: readonly string[];
  /** Customer ids; `customer` holds indexes into it. Empty before joinCustomers. */
  readonly customers: readonly string[];
  readonly columns: FlowColumns;
}

export interface FlowColumns {
  /** Milliseconds since 1970 UTC. `endMs` is the event time: a record cannot be known before. */
  readonly startMs: Float64Array;
  readonly endMs: Float64Array;
  /** Counts as exported, never scaled by the sampling rate. */
  readonly packets: Float64Array;
  readonly bytes: Float64Array;
  /** IPv4: one word a row; IPv6: four, most significant first. */
  readonly srcAddr: Uint32Array;
  readonly dstAddr: Uint32Array;
  /** 1 in N packets; 0 = unknown. */
  readonly samplingRate: Uint32Array;
  readonly srcPort: Uint16Array;
  readonly dstPort: Uint16Array;
  /** Bit mask, or FLAGS_UNKNOWN. */
  readonly tcpFlags: Uint16Array;
  readonly sensor: Uint16Array;
  /** IANA number. */
  readonly protocol: Uint8Array;
  /** GRADE that the format itself proves (Zeek conn_state, ...); 0 = judge by the flags. */
  readonly evidence: Uint8Array;
  /** SOURCE or DESTINATION where the format saw who started; else NO_SIDE. */
  readonly initiator: Uint8Array;

  /** orient: SOURCE, DESTINATION or NO_SIDE, and the REASON. */
  readonly client: Uint8Array;
  readonly reason: Uint8Array;

  /** established: GRADE. */
  readonly grade: Uint8Array;

  /** joinCustomers: index into `customers`, SOURCE or DESTINATION, CLAIM bits. */
  readonly customer: Uint32Array;
  readonly customerSide: Uint8Array;
  readonly customerClaim: Uint8Array;
}

/** Rows a batch should have: enough to make Beam's cost a row vanish, small enough to stay in cache. */
export const BATCH_ROWS = 10_000;

/** Most rows a decoded batch may claim; a hostile header must not make us allocate more. */
export const MAX_BATCH_ROWS = 1 << 22;

const column = (name: keyof FlowColumns, type: Column['type'], max?: number): Column =>
  max === undefined ? { name, type, width: 1 } : { name, type, width: 1, max };

/** The layout for a family (4 or 6). */
function flowLayout(family: 4 | 6): readonly Column[] {
  const width = family === 4 ? 1 : 4;
  return [
    column('startMs', 'f64'),
    column('endMs', 'f64'),
    column('packets', 'f64'),
    column('bytes', 'f64'),
    { name: 'srcAddr', type: 'u32', width },
    { name: 'dstAddr', type: 'u32', width },
    column('samplingRate', 'u32'),
    column('customer', 'u32'),
    column('srcPort', 'u16'),
    column('dstPort', 'u16'),
    column('tcpFlags', 'u16'),
    column('sensor', 'u16'),
    column('protocol', 'u8'),
    column('evidence', 'u8', 4),
    column('initiator', 'u8', 2),
    column('client', 'u8', 2),
    column('reason', 'u8', 7),
    column('grade', 'u8', 4),
    column('customerSide', 'u8', 2),
    column('customerClaim', 'u8', 3),
  ];
}

const LAYOUTS = { 4: flowLayout(4), 6: flowLayout(6) } as const;

/** An empty set of columns for `rows` rows, all zero. */
export function allocateFlowColumns(family: 4 | 6, rows: number): FlowColumns {
  const layout = LAYOUTS[family];
  const buffer = new ArrayBuffer(layoutBytes(layout, rows));
  return layoutViews(layout, rows, buffer) as unknown as FlowColumns;
}

/** A batch of the first `rows` rows of `columns` (which may be longer); copies if it is. */
export function flowBatch(
  family: 4 | 6,
  rows: number,
  sensors: readonly string[],
  customers: readonly string[],
  columns: FlowColumns,
): FlowBatch {
  const selection = undefined;
  if (columns.startMs.length === rows) {
    return { family, rows, selection, sensors, customers, columns };
  }
  const fitted = allocateFlowColumns(family, rows);
  const from = columns as unknown as Record<string, Uint8Array>;
  const to = fitted as unknown as Record<string, Uint8Array>;
  for (const { name, width } of LAYOUTS[family]) {
    to[name].set(from[name].subarray(0, rows * width));
  }
  return { family, rows, selection, sensors, customers, columns: fitted };
}

/** Rows that are still in a batch. */
export function selectedRows(batch: FlowBatch): number {
  return batch.selection?.length ?? batch.rows;
}

/** The batch without the rows that are not selected. */
export function compact(batch: FlowBatch): FlowBatch {
  const { selection } = batch;
  return selection === undefined ? batch : selectRows(batch, selection, selection.length);
}

/** The rows `picked[0..count)` of `batch`, in that order, as a batch of their own. */
export function selectRows(batch: FlowBatch, picked: Uint32Array, count: number): FlowBatch {
  const columns = allocateFlowColumns(batch.family, count);
  copyRows(batch.columns, batch.family, picked, count, columns, 0);
  return { ...batch, rows: count, selection: undefined, columns };
}

/** Copies rows `picked[0..count)` of `from` to `to`, starting at row `at`. */
export function copyRows(
  from: FlowColumns,
  family: 4 | 6,
  picked: Uint32Array,
  count: number,
  to: FlowColumns,
  at: number,
): void {
  const source = from as unknown as Record<string, never>;
  const target = to as unknown as Record<string, never>;
  for (const { name, type, width } of LAYOUTS[family]) {
    GATHER[type](source[name], target[name], picked, count, at, width);
  }
}

// One function an element type: a loop that meets four kinds of arrays runs five times slower.
const GATHER = { f64: gatherF64, u32: gatherU32, u16: gatherU16, u8: gatherU8 } as const;

function gatherF64(
  from: Float64Array,
  to: Float64Array,
  picked: Uint32Array,
  count: number,
  at: number,
): void {
  for (let i = 0; i < count; i++) to[at + i] = from[picked[i]];
}

function gatherU32(
  from: Uint32Array,
  to: Uint32Array,
  picked: Uint32Array,
  count: number,
  at: number,
  width: number,
): void {
  if (width === 1) {
    for (let i = 0; i < count; i++) to[at + i] = from[picked[i]];
    return;
  }
  for (let i = 0; i < count; i++) {
    for (let word = 0; word < width; word++) {
      to[(at + i) * width + word] = from[picked[i] * width + word];
    }
  }
}

function gatherU16(
  from: Uint16Array,
  to: Uint16Array,
  picked: Uint32Array,
  count: number,
  at: number,
): void {
  for (let i = 0; i < count; i++) to[at + i] = from[picked[i]];
}

function gatherU8(
  from: Uint8Array,
  to: Uint8Array,
  picked: Uint32Array,
  count: number,
  at: number,
): void {
  for (let i = 0; i < count; i++) to[at + i] = from[picked[i]];
}

const KIND = 'FLOW';

/** The batch as bytes; `decodeFlowBatch` gives it back. */
export function encodeFlowBatch(whole: FlowBatch): Uint8Array {
  const batch = compact(whole);
  const { family, rows, sensors } = batch;
  const { body, customers } = bodyOf(batch.columns.startMs.buffer, batch.columns.customer, batch);
  return writeFrame({ kind: KIND, version: 1, header: { family, rows, sensors, customers }, body });
}

/**
 * The bytes of a batch's columns, and the customers they name. A dictionary that has more names than
 * the batch has rows is cut down; the columns themselves are not touched.
 */
export function bodyOf(
  buffer: ArrayBufferLike,
  customer: Uint32Array,
  { rows, customers }: { readonly rows: number; readonly customers: readonly string[] },
): { body: Uint8Array; customers: readonly string[] } {
  const body = new Uint8Array(buffer);
  if (customers.length <= rows) return { body, customers };
  const copy = body.slice();
  const indexes = new Uint32Array(copy.buffer, customer.byteOffset, customer.length);
  return { body: copy, customers: cutDictionary(indexes, customers) };
}

/**
 * Reads what `encodeFlowBatch` wrote, from bytes that may come from anywhere.
 * Throws a RangeError that says what is wrong with them.
 */
export function decodeFlowBatch(bytes: Uint8Array): FlowBatch {
  const frame = readFrame(bytes, KIND, 1);
  const { family, rows, sensors, customers } = batchHeader(frame);
  const layout = LAYOUTS[family];
  const expected = layoutBytes(layout, rows);
  if (frame.body.length !== expected) {
    throw new RangeError(
      `flow batch of ${rows} rows has ${frame.body.length} bytes, not ${expected}`,
    );
  }
  const views = layoutViews(layout, rows, frame.body.buffer as ArrayBuffer);
  checkColumns(layout, views);
  const columns = views as unknown as FlowColumns;
  checkIndexes('sensor', columns.sensor, sensors.length);
  if (customers.length > 0) checkIndexes('customer', columns.customer, customers.length);
  return { family, rows, selection: undefined, sensors, customers, columns };
}

/** The header fields that flow and conversation batches share, checked. */
export function batchHeader(frame: Frame): {
  family: 4 | 6;
  rows: number;
  sensors: readonly string[];
  customers: readonly string[];
} {
  const { family, rows, sensors, customers } = frame.header;
  if (family !== 4 && family !== 6) throw new RangeError(`address family ${String(family)}`);
  if (typeof rows !== 'number' || !Number.isInteger(rows) || rows < 0 || rows > MAX_BATCH_ROWS) {
    throw new RangeError(`row count ${String(rows)} is outside 0..${MAX_BATCH_ROWS}`);
  }
  return { family, rows, sensors: strings(sensors), customers: strings(customers) };
}

/** Throws unless every index is below `size`. */
export function checkIndexes(name: string, indexes: ArrayLike<number>, size: number): void {
  for (let i = 0; i < indexes.length; i++) {
    if (indexes[i] >= size) {
      throw new RangeError(`column ${name}: index ${indexes[i]} into a dictionary of ${size}`);
    }
  }
}

function strings(value: unknown): readonly string[] {
  if (!Array.isArray(value) || !value.every((item) => typeof item === 'string')) {
    throw new RangeError('a dictionary is not an array of strings');
  }
  return value;
}
