import { readObject } from '../../objects/read-object.js';
import type { ObjectVersion } from '../../objects/list-objects.js';
import type { ByteSource } from './chunks.js';
import { Gatherer } from './gatherer.js';
import { HEAD_BYTES } from './recognize.js';

/** Bytes after a range that are asked for with it: a chunk's worth, for the record that its end cuts. */
const BEYOND_BYTES = 1 << 20;

/**
 * An object of Cloud Storage, or a range of it. Of one that is read from its first byte on the head
 * is the beginning of the same request that gives all: a request costs more than a small file.
 */
export class ObjectSource implements ByteSource {
  readonly kind = 'file';
  readonly #object: ObjectVersion;
  readonly #start: number;
  readonly #until: number;
  #first: Gatherer | undefined;
  #head: Promise<Uint8Array> | undefined;

  /** [start, end): the range whose records are wanted. */
  constructor(object: ObjectVersion, start: number, end: number) {
    this.#object = object;
    this.#start = start;
    this.#until = Math.min(object.size, end + BEYOND_BYTES);
  }

  /** Begins to read, so that the bytes are there when their turn comes. */
  fetchAhead(): void {
    this.head(HEAD_BYTES).catch(() => undefined);
  }

  async head(length: number): Promise<Uint8Array> {
    this.#head ??= this.#readHead();
    return (await this.#head).subarray(0, length);
  }

  async #readHead(): Promise<Uint8Array> {
    const until = this.#start === 0 ? this.#until : Math.min(HEAD_BYTES, this.#object.size);
    const reader = new Gatherer(readObject(this.#object, 0, { until }));
    if (this.#start === 0) this.#first = reader;
    await reader.fill(HEAD_BYTES);
    // What is taken from the reader later may not change what is shown here.
    const head = reader.bytes.slice(0, HEAD_BYTES);
    if (this.#start > 0) await reader.close();
    return head;
  }

  async *open(start: number): AsyncGenerator<Uint8Array, void, undefined> {
    const first = start === 0 ? this.#first : undefined;
    this.#first = undefined;
    yield* first?.rest() ?? readObject(this.#object, start, { until: this.#until });
  }

  /** Ends what was fetched ahead and not used. */
  async close(): Promise<void> {
    const first = this.#first;
    this.#first = undefined;
    await first?.close();
  }
}
