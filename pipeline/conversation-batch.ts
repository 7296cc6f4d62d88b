import { checkColumns, layoutBytes, layoutViews, type Column } from './columns.js';
import { readFrame, writeFrame } from './frame.js';
import { batchHeader, bodyOf, checkIndexes, MAX_BATCH_ROWS } from './flow-batch.js';

/**
 * Deduplicated conversations of one event-time window as columns over one ArrayBuffer; one address
 * family a batch. A row is (customer, the customer's ip:port, the remote's ip:port, protocol,
 * window), whoever saw it and in whichever direction.
 *
 * Counters stay apart by sensor, because sensors sample independently and never agree: row `i` owns
 * the counter rows `counterStart[i]` to `counterStart[i + 1]`.
 */
export interface ConversationBatch {
  readonly origin: BatchOrigin;
  readonly family: 4 | 6;
  readonly rows: number;
  readonly counterRows: number;
  readonly sensors: readonly string[];
  readonly customers: readonly string[];
  /** Version of the reference snapshot behind the id columns; '' before joinReference. */
  readonly referenceVersion: string;
  readonly columns: ConversationColumns;
  readonly counters: CounterColumns;
}

/**
 * Where a batch comes from: a later pane of one (window, shard) replaces all that earlier ones
 * brought, so that what counts conversations never counts one twice.
 */
export interface BatchOrigin {
  /** Window, shard and family: `1735689600000/3/4`. */
  readonly key: string;
  /** Distinct records in the window and shard so far: grows from pane to pane. */
  readonly revision: number;
  /** Number of the batch among those of one pane. */
  readonly part: number;
}

export interface ConversationColumns {
  /** The window, and the first and last ms of the records in it. */
  readonly windowStartMs: Float64Array;
  readonly windowEndMs: Float64Array;
  readonly firstMs: Float64Array;
  readonly lastMs: Float64Array;
  /** IPv4: one word a row; IPv6: four. */
  readonly customerAddr: Uint32Array;
  readonly remoteAddr: Uint32Array;
  /** Index into `customers`. */
  readonly customer: Uint32Array;
  /** Distinct flow records behind the row. */
  readonly records: Uint32Array;
  /** First counter row. */
  readonly counterStart: Uint32Array;
  readonly customerPort: Uint16Array;
  readonly remotePort: Uint16Array;
  /** TCP flags OR-ed over what the customer sent and received; 0 where formats have none. */
  readonly flagsOut: Uint16Array;
  readonly flagsIn: Uint16Array;
  readonly protocol: Uint8Array;
  /** ROLE of the customer, and the REASON for it. */
  readonly role: Uint8Array;
  readonly reason: Uint8Array;
  /** GRADE: the strongest of the records. */
  readonly grade: Uint8Array;
  /** joinReference: ids into the tables of `referenceVersion`; 0 = no entry. */
  readonly remoteTags: Uint32Array;
  readonly remoteEndpointTags: Uint32Array;
  readonly remoteService: Uint32Array;
  readonly customerService: Uint32Array;
  readonly remoteCountry: Uint16Array;
  /** 1 = several organisations share the remote address. */
  readonly remoteShared: Uint8Array;
  /** Code of the remote's special-purpose block; 0 = ordinary space. */
  readonly remoteSpecial: Uint8Array;
}

/** One row a sensor, as exported, by direction seen from the customer. */
export interface CounterColumns {
  readonly outPackets: Float64Array;
  readonly outBytes: Float64Array;
  readonly inPackets: Float64Array;
  readonly inBytes: Float64Array;
  /** Index into `sensors`. */
  readonly sensor: Uint32Array;
  /** 1 in N; 0 = unknown. A sensor that changes its rate has a row a rate. */
  readonly samplingRate: Uint32Array;
}

const f64 = (name: keyof ConversationColumns): Column => ({ name, type: 'f64', width: 1 });
const u32 = (name: keyof ConversationColumns, width = 1): Column => ({ name, type: 'u32', width });
const u16 = (name: keyof ConversationColumns): Column => ({ name, type: 'u16', width: 1 });
const u8 = (name: keyof ConversationColumns, max = 255): Column => ({
  name,
  type: 'u8',
  width: 1,
  max,
});

function conversationLayout(family: 4 | 6): readonly Column[] {
  const width = family === 4 ? 1 : 4;
  return [
    f64('windowStartMs'),
    f64('windowEndMs'),
    f64('firstMs'),
    f64('lastMs'),
    u32('customerAddr', width),
    u32('remoteAddr', width),
    u32('customer'),
    u32('records'),
    u32('counterStart'),
    u32('remoteTags'),
    u32('remoteEndpointTags'),
    u32('remoteService'),
    u32('customerService'),
    u16('customerPort'),
    u16('remotePort'),
    u16('flagsOut'),
    u16('flagsIn'),
    u16('remoteCountry'),
    u8('protocol'),
    u8('role', 2),
    u8('reason', 7),
    u8('grade', 4),
    u8('remoteShared', 1),
    u8('remoteSpecial'),
  ];
}

const LAYOUTS = { 4: conversationLayout(4), 6: conversationLayout(6) } as const;

const COUNTERS: readonly Column[] = [
  { name: 'outPackets', type: 'f64', width: 1 },
  { name: 'outBytes', type: 'f64', width: 1 },
  { name: 'inPackets', type: 'f64', width: 1 },
  { name: 'inBytes', type: 'f64', width: 1 },
  { name: 'sensor', type: 'u32', width: 1 },
  { name: 'samplingRate', type: 'u32', width: 1 },
];

/** Columns for exactly `rows` rows and `counterRows` counter rows, all zero, over one buffer. */
export function allocateConversations(
  family: 4 | 6,
  rows: number,
  counterRows: number,
): { columns: ConversationColumns; counters: CounterColumns } {
  const rowBytes = layoutBytes(LAYOUTS[family], rows);
  const buffer = new ArrayBuffer(rowBytes + layoutBytes(COUNTERS, counterRows));
  return {
    columns: layoutViews(LAYOUTS[family], rows, buffer) as unknown as ConversationColumns,
    counters: layoutViews(COUNTERS, counterRows, buffer, rowBytes) as unknown as CounterColumns,
  };
}

/** End of the counter rows of row `row`. */
export function counterEnd(batch: ConversationBatch, row: number): number {
  return row + 1 < batch.rows ? batch.columns.counterStart[row + 1] : batch.counterRows;
}

const KIND = 'CONV';

/** The batch as bytes; `decodeConversationBatch` gives it back. */
export function encodeConversationBatch(batch: ConversationBatch): Uint8Array {
  const { origin, family, rows, counterRows, sensors, referenceVersion, columns } = batch;
  const { body, customers } = bodyOf(columns.windowStartMs.buffer, columns.customer, batch);
  return writeFrame({
    kind: KIND,
    version: 2,
    header: { origin, family, rows, counterRows, sensors, customers, referenceVersion },
    body,
  });
}

/**
 * Reads what `encodeConversationBatch` wrote, from bytes that may come from anywhere.
 * Throws a RangeError that says what is wrong with them.
 */
export function decodeConversationBatch(bytes: Uint8Array): ConversationBatch {
  const frame = readFrame(bytes, KIND, 2);
  const { family, rows, sensors, customers } = batchHeader(frame);
  const { counterRows, referenceVersion } = frame.header;
  const origin = originOf(frame.header['origin']);
  if (
    typeof counterRows !== 'number' ||
    !Number.isInteger(counterRows) ||
    counterRows < 0 ||
    counterRows > MAX_BATCH_ROWS
  ) {
    throw new RangeError(
      `counter row count ${String(counterRows)} is outside 0..${MAX_BATCH_ROWS}`,
    );
  }
  if (typeof referenceVersion !== 'string') throw new RangeError('reference version is no string');
  const layout = LAYOUTS[family];
  const rowBytes = layoutBytes(layout, rows);
  const expected = rowBytes + layoutBytes(COUNTERS, counterRows);
  if (frame.body.length !== expected) {
    throw new RangeError(`conversation batch has ${frame.body.length} bytes, not ${expected}`);
  }
  const buffer = frame.body.buffer as ArrayBuffer;
  const views = layoutViews(layout, rows, buffer);
  const counterViews = layoutViews(COUNTERS, counterRows, buffer, rowBytes);
  checkColumns(layout, views);
  checkColumns(COUNTERS, counterViews);
  const columns = views as unknown as ConversationColumns;
  const counters = counterViews as unknown as CounterColumns;
  checkIndexes('customer', columns.customer, customers.length);
  checkIndexes('sensor', counters.sensor, sensors.length);
  checkIndexes('counterStart', columns.counterStart, counterRows + 1);
  for (let row = 1; row < rows; row++) {
    if (columns.counterStart[row] < columns.counterStart[row - 1]) {
      throw new RangeError(`column counterStart falls at row ${row}`);
    }
  }
  return {
    origin,
    family,
    rows,
    counterRows,
    sensors,
    customers,
    referenceVersion,
    columns,
    counters,
  };
}

function originOf(value: unknown): BatchOrigin {
  const { key, revision, part } = (value ?? {}) as Partial<Record<keyof BatchOrigin, unknown>>;
  if (typeof key !== 'string' || !Number.isSafeInteger(revision) || !Number.isSafeInteger(part)) {
    throw new RangeError('origin is no key, revision and part');
  }
  return { key, revision: revision as number, part: part as number };
}
