import { SOURCE } from '../../pipeline/codes.js';
import { uniteDictionaries } from '../../pipeline/dictionary.js';
import {
  allocateFlowColumns,
  copyRows,
  type FlowBatch,
} from '../../pipeline/flow-batch.js';

/** Rows of one (window, shard), and the earliest event time among them. */
export interface Piece {
  readonly shard: number;
  readonly earliestMs: number;
  readonly batch: FlowBatch;
}

/** Rows collected before they are split: enough for pieces of some hundred rows, some 10 MB. */
const SPLIT_ROWS = 131_072;

/** Exporters that one split may name: their indexes have 16 bits. */
const MAX_SENSORS = 60_000;

/**
 * Collects batches of one address family and cuts them into pieces by (window, shard).
 *
 * A shard is a fixed function of the conversation, the same on every worker and engine: it is part
 * of the graph. Pieces come out in the order of window and shard.
 */
export class Splitter {
  readonly #family: 4 | 6;
  readonly #windowMs: number;
  readonly #shards: number;
  readonly #onPiece: (piece: Piece) => void;
  #batches: FlowBatch[] = [];
  #rows = 0;
  #sensors = 0;

  constructor(family: 4 | 6, windowMs: number, shards: number, onPiece: (piece: Piece) => void) {
    this.#family = family;
    this.#windowMs = windowMs;
    this.#shards = shards;
    this.#onPiece = onPiece;
  }

  add(batch: FlowBatch): void {
    if (this.#rows + batch.rows > SPLIT_ROWS || this.#sensors + batch.sensors.length > MAX_SENSORS) {
      this.flush();
    }
    this.#batches.push(batch);
    this.#rows += batch.rows;
    this.#sensors += batch.sensors.length;
  }

  /** Hands out the pieces of what was collected. */
  flush(): void {
    if (this.#rows === 0) return;
    const batches = this.#batches;
    this.#batches = [];
    this.#rows = 0;
    this.#sensors = 0;
    const shares = batches.map((batch) => this.#share(batch));
    const sensors = uniteDictionaries(batches.map((batch) => batch.sensors));
    const customers = uniteDictionaries(batches.map((batch) => batch.customers));
    const keys = new Map<number, number>();
    for (const { counts } of shares) {
      for (const [key, count] of counts) keys.set(key, (keys.get(key) ?? 0) + count);
    }
    for (const key of [...keys.keys()].sort((a, b) => a - b)) {
      const rows = keys.get(key) ?? 0;
      const columns = allocateFlowColumns(this.#family, rows);
      let at = 0;
      for (let b = 0; b < batches.length; b++) {
        const picked = shares[b].picked.get(key);
        if (picked === undefined) continue;
        copyRows(batches[b].columns, this.#family, picked, picked.length, columns, at);
        remap(columns.sensor, at, picked.length, sensors.remaps?.[b]);
        remap(columns.customer, at, picked.length, customers.remaps?.[b]);
        at += picked.length;
      }
      this.#onPiece({
        shard: key % this.#shards,
        earliestMs: earliest(columns.endMs),
        batch: {
          family: this.#family,
          rows,
          sensors: sensors.names,
          customers: customers.names,
          columns,
        },
      });
    }
  }

  /** Rows of a batch by piece; a piece's key is its window's number * shards + its shard. */
  #share(batch: FlowBatch): {
    counts: Map<number, number>;
    picked: Map<number, Uint32Array>;
  } {
    const { rows, columns } = batch;
    const { endMs } = columns;
    const windowMs = this.#windowMs;
    const shards = this.#shards;
    const rowKey = new Float64Array(rows);
    const counts = new Map<number, number>();
    const hashes = shardHashes(batch);
    // Most rows follow one of their own window: count by shard there, and by Map only on a change.
    let window = NaN;
    let local = new Uint32Array(shards);
    const keep = (): void => {
      for (let shard = 0; shard < shards; shard++) {
        if (local[shard] === 0) continue;
        const key = window * shards + shard;
        counts.set(key, (counts.get(key) ?? 0) + local[shard]);
      }
    };
    for (let i = 0; i < rows; i++) {
      const number = Math.floor(endMs[i] / windowMs);
      if (number !== window) {
        keep();
        local = local.fill(0);
        window = number;
      }
      const shard = hashes[i] % shards;
      local[shard]++;
      rowKey[i] = number * shards + shard;
    }
    keep();
    const picked = new Map<number, Uint32Array>();
    const filled = new Map<number, number>();
    let lastKey = NaN;
    let list: Uint32Array = NO_ROWS;
    let at = 0;
    for (const [key, count] of counts) picked.set(key, new Uint32Array(count));
    for (let i = 0; i < rows; i++) {
      const key = rowKey[i];
      if (key !== lastKey) {
        filled.set(lastKey, at);
        list = picked.get(key) ?? NO_ROWS;
        at = filled.get(key) ?? 0;
        lastKey = key;
      }
      list[at++] = i;
    }
    return { counts, picked };
  }
}

const NO_ROWS = new Uint32Array(0);

/**
 * A hash of each row's conversation: customer, the customer's side, the unordered pair of ip:port,
 * protocol. Multiplicative mixing with fixed odd constants; nothing of a process goes in.
 */
function shardHashes({ family, rows, columns, customers }: FlowBatch): Uint32Array {
  const { srcAddr, dstAddr, srcPort, dstPort, protocol, customer, customerSide } = columns;
  const width = family === 4 ? 1 : 4;
  const names = customers.map(textHash);
  const hashes = new Uint32Array(rows);
  for (let i = 0; i < rows; i++) {
    let src = srcPort[i];
    let dst = dstPort[i];
    for (let w = 0; w < width; w++) {
      src = Math.imul(src ^ srcAddr[i * width + w], 0x9e3779b1);
      src ^= src >>> 15;
      dst = Math.imul(dst ^ dstAddr[i * width + w], 0x9e3779b1);
      dst ^= dst >>> 15;
    }
    // The customer's end and the remote's end enter by role, so both directions hash alike.
    const ours = customerSide[i] === SOURCE ? src : dst;
    const remote = customerSide[i] === SOURCE ? dst : src;
    let h = Math.imul(ours, 0x85ebca77) ^ Math.imul(remote, 0xc2b2ae3d);
    h = Math.imul(h ^ names[customer[i]] ^ protocol[i], 0x27d4eb2f);
    hashes[i] = (h ^ (h >>> 16)) >>> 0;
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

function earliest(times: Float64Array): number {
  let least = Infinity;
  for (const time of times) if (time < least) least = time;
  return least;
}
