import type { Chunk, InputSpec } from '../../../../pipeline/chunk.js';
import { FRAME_HEADER, writeDatagram } from '../../../decode/netflow/datagram-frame.js';
import type { ExporterState } from '../../../decode/netflow/exporter-state.js';
import type { Learner } from '../../../decode/netflow/learn.js';
import { encodePreamble } from '../../../decode/netflow/preamble.js';
import { SequenceGaps } from './sequence.js';

/** Beside the datagrams of a chunk: its objects, and its description where it travels. */
const CHUNK_OVERHEAD = 1024;

/** A chunk, and what a source says of it. */
export interface CollectedChunk {
  readonly chunk: Chunk;
  /** When its first datagram came, ms since 1970 UTC. */
  readonly firstArrivedMs: number;
  /** Memory that it takes. */
  readonly bytes: number;
}

/** What is known of one exporter, and its datagrams that are not handed on yet. */
export class ExporterIntake implements Learner {
  readonly gaps = new SequenceGaps();
  /** Grows whenever something is learned. */
  revision = 0;
  /** The revision whose state was handed on last. */
  savedRevision = 0;
  /** Whether a checkpoint of it was handed on. */
  stored = false;
  /** Of the datagrams that are not handed on yet, with their chunk's own; 0 = there are none. */
  pendingBytes = 0;
  readonly #state: ExporterState;
  #preamble: Uint8Array | undefined;
  readonly #datagrams: Uint8Array[] = [];
  readonly #arrivals: number[] = [];
  /** As it was before the first of them. */
  #openPreamble: Uint8Array | undefined;
  #framedBytes = 0;
  #offset = 0;

  constructor(state: ExporterState) {
    this.#state = state;
  }

  get state(): ExporterState {
    return this.#state;
  }

  toChange(): ExporterState {
    this.revision++;
    this.#preamble = undefined;
    return this.#state;
  }

  /** Length of the chunk that `take` would give. */
  get chunkBytes(): number {
    return this.#framedBytes;
  }

  /** Begins a chunk, unless one is begun: what is learned from now on it learns from its datagrams. */
  open(): void {
    if (this.#openPreamble !== undefined) return;
    this.#preamble ??= encodePreamble(this.#state);
    this.#openPreamble = this.#preamble;
  }

  /** Adds a datagram to the chunk; returns by how much it takes more memory. */
  add(datagram: Uint8Array, arrivedMs: number): number {
    this.open();
    let bytes = FRAME_HEADER + datagram.length;
    this.#framedBytes += bytes;
    if (this.pendingBytes === 0) bytes += CHUNK_OVERHEAD + (this.#openPreamble?.length ?? 0);
    this.#datagrams.push(datagram);
    this.#arrivals.push(arrivedMs);
    this.pendingBytes += bytes;
    return bytes;
  }

  /** The datagrams added since the last time, as a chunk; undefined if there are none. */
  take(input: InputSpec, uri: string, arrivedMs: number): CollectedChunk | undefined {
    const preamble = this.#openPreamble;
    this.#openPreamble = undefined;
    if (preamble === undefined || this.#datagrams.length === 0) return undefined;
    const bytes = new Uint8Array(this.#framedBytes);
    let at = 0;
    let firstArrivedMs = arrivedMs;
    this.#datagrams.forEach((datagram, i) => {
      at = writeDatagram(bytes, at, datagram, this.#arrivals[i]);
      firstArrivedMs = Math.min(firstArrivedMs, this.#arrivals[i]);
    });
    const collected: CollectedChunk = {
      chunk: { input, uri, format: 'netflow', offset: this.#offset, preamble, bytes, arrivedMs },
      firstArrivedMs,
      bytes: this.pendingBytes,
    };
    this.#offset += bytes.length;
    this.#datagrams.length = 0;
    this.#arrivals.length = 0;
    this.#framedBytes = 0;
    this.pendingBytes = 0;
    return collected;
  }
}
