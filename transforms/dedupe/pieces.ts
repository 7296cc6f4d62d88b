import { SOURCE } from '../../pipeline/codes.js';
import { uniteDictionaries } from '../../pipeline/dictionary.js';
import {
  allocateFlowColumns,
  compact,
  copyRows,
  selectedRows,
  type FlowBatch,
} from '../../pipeline/flow-batch.js';

/** Rows of one (window, shard), and the earliest event time among them. */
export interface Piece {
  readonly shard: number;
  readonly earliestMs: number;
  /** A selection of the batch that was split, unless that is small. */
  readonly batch: FlowBatch;
}

/** Batches of fewer rows are joined first: one-record messages must not become one-record pieces. */
const JOIN_ROWS = 4096;

/** Exporters that joined batches may name: their indexes have 16 bits. */
const MAX_SENSORS = 60_000;

/**
 * Cuts batches of one address family into pieces by (window, shard). A piece is a selection of rows
 * and copies nothing, as long as batches are large.
 *
 * A shard is a fixed function of the conversation, the same on every worker and engine: it is part
 * of the graph. Pieces of a batch come out in the order of window and shard.
 */
export class Splitter {
  readonly #windowMs: number;
  readonly #shards: number;
  readonly #onPiece: (piece: Piece) => void;
  #small: FlowBatch[] = [];
  #smallRows = 0;
  #smallSensors = 0;

  constructor(windowMs: number, shards: number, onPiece: (piece: Piece) => void) {
    this.#windowMs = windowMs;
    this.#shards = shards;
    this.#onPiece = onPiece;
  }

  add(batch: FlowBatch): void {
    const rows = selectedRows(batch);
    if (rows >= JOIN_ROWS) {
      this.#split(batch);
      return;
    }
    if (this.#smallSensors + batch.sensors.length > MAX_SENSORS) this.flush();
    this.#small.push(batch);
    this.#smallRows += rows;
    this.#smallSensors += batch.sensors.length;
    if (this.#smallRows >= JOIN_ROWS) this.flush();
  }

  /** Hands out the pieces of small batches that still wait. */
  flush(): void {
    const batches = this.#small;
    this.#small = [];
    this.#smallRows = 0;
    this.#smallSensors = 0;
    if (batches.length > 0) this.#split(batches.length === 1 ? batches[0] : joinBatches(batches));
  }

  #split(batch: FlowBatch): void {
    const { endMs } = batch.columns;
    const windowMs = this.#windowMs;
    const shards = this.#shards;
    const rows = selectedRows(batch);
    const { selection } = batch;
    const hashes = shardHashes(batch);
    // Each row's window and shard as one number, and how many rows have it.
    const keys = new Float64Array(rows);
    const places = new Map<number, number>();
    for (let i = 0; i < rows; i++) {
      const row = selection === undefined ? i : selection[i];
      const key = Math.floor(endMs[row] / windowMs) * shards + (hashes[i] % shards);
      keys[i] = key;
      places.set(key, (places.get(key) ?? 0) + 1);
    }
    const order = [...places.keys()].sort((a, b) => a - b);
    let start = 0;
    for (const key of order) {
      const count = places.get(key) ?? 0;
      places.set(key, start);
      start += count;
    }
    const sorted = new Uint32Array(rows);
    for (let i = 0; i < rows; i++) {
      const place = places.get(keys[i]) ?? 0;
      sorted[place] = selection === undefined ? i : selection[i];
      places.set(keys[i], place + 1);
    }
    start = 0;
    for (const key of order) {
      const end = places.get(key) ?? 0;
      const rowsOfPiece = sorted.subarray(start, end);
      this.#onPiece({
        shard: key % shards,
        earliestMs: earliest(endMs, rowsOfPiece),
        batch: { ...batch, selection: rowsOfPiece },
      });
      start = end;
    }
  }
}

/** One batch of the selected rows of several of one family. */
function joinBatches(batches: readonly FlowBatch[]): FlowBatch {
  const { family } = batches[0];
  const rows = batches.reduce((sum, batch) => sum + selectedRows(batch), 0);
  const sensors = uniteDictionaries(batches.map((batch) => batch.sensors));
  const customers = uniteDictionaries(batches.map((batch) => batch.customers));
  const columns = allocateFlowColumns(family, rows);
  let at = 0;
  batches.forEach((part, b) => {
    const { rows: count, columns: from } = compact(part);
    copyRows(from, family, everyRow(count), count, columns, at);
    remap(columns.sensor, at, count, sensors.remaps?.[b]);
    remap(columns.customer, at, count, customers.remaps?.[b]);
    at += count;
  });
  return {
    family,
    rows,
    selection: undefined,
    sensors: sensors.names,
    customers: customers.names,
    columns,
  };
}

function everyRow(rows: number): Uint32Array {
  return Uint32Array.from({ length: rows }, (_, row) => row);
}

/**
 * A hash of each selected row's conversation: customer, the customer's side, the unordered pair of
 * ip:port, protocol. Multiplicative mixing with fixed odd constants; nothing of a process goes in.
 */
function shardHashes(batch: FlowBatch): Uint32Array {
  const { family, columns, customers, selection } = batch;
  const { srcAddr, dstAddr, srcPort, dstPort, protocol, customer, customerSide } = columns;
  const width = family === 4 ? 1 : 4;
  const names = nameHashes(customers);
  const hashes = new Uint32Array(selectedRows(batch));
  for (let i = 0; i < hashes.length; i++) {
    const row = selection === undefined ? i : selection[i];
    let src = srcPort[row];
    let dst = dstPort[row];
    for (let w = row * width; w < (row + 1) * width; w++) {
      src = Math.imul(src ^ srcAddr[w], 0x9e3779b1);
      src ^= src >>> 15;
      dst = Math.imul(dst ^ dstAddr[w], 0x9e3779b1);
      dst ^= dst >>> 15;
    }
    // The customer's end and the remote's end enter by role, so both directions hash alike.
    const ours = customerSide[row] === SOURCE ? src : dst;
    const remote = customerSide[row] === SOURCE ? dst : src;
    let h = Math.imul(ours, 0x85ebca77) ^ Math.imul(remote, 0xc2b2ae3d);
    h = Math.imul(h ^ names[customer[row]] ^ protocol[row], 0x27d4eb2f);
    hashes[i] = (h ^ (h >>> 16)) >>> 0;
  }
  return hashes;
}

const hashesOfNames = new WeakMap<readonly string[], Uint32Array>();

/** Hashes of a dictionary's names, remembered by the list, which batches share. */
function nameHashes(names: readonly string[]): Uint32Array {
  let hashes = hashesOfNames.get(names);
  if (hashes === undefined) {
    hashes = Uint32Array.from(names, textHash);
    hashesOfNames.set(names, hashes);
  }
  return hashes;
}

/** FNV-1a over UTF-16 units. */
function textHash(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return h >>> 0;
}

/** Rewrites the indexes of rows `at` to `at + count` by a remap; without one they stay. */
function remap(
  indexes: Uint16Array | Uint32Array,
  at: number,
  count: number,
  to: Uint32Array | undefined,
): void {
  if (to === undefined) return;
  for (let i = at; i < at + count; i++) indexes[i] = to[indexes[i]];
}

function earliest(times: Float64Array, rows: Uint32Array): number {
  let least = Infinity;
  for (let i = 0; i < rows.length; i++) {
    if (times[rows[i]] < least) least = times[rows[i]];
  }
  return least;
}
