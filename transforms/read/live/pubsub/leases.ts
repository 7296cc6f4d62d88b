import type { Subscriber } from './subscriber.js';

/**
 * Seconds for which a message is ours, the least that the service gives: so long those that a
 * killed process held do not come again. One that expires comes twice, which does no harm.
 */
export const LEASE_SECONDS = 10;
const EXTEND_MS = 3_000;
/** Waits for company: a commit covers many messages. */
const FLUSH_MS = 20;
/** A request may have 512 KiB; an id has some 200 bytes. */
const MOST_IDS = 1000;
const MOST_ID_BYTES = 400 * 1024;

type Change = 'ack' | 'nack' | 'extend';

/**
 * Messages that are ours for the time being: extends their leases until each is acknowledged or
 * given back, in requests of many.
 *
 * A request that fails is counted (`pubsub/ack-failures`, `pubsub/nack-failures`,
 * `pubsub/extend-failures`, by messages) and not repeated: its messages come again.
 */
export class Leases {
  readonly #subscriber: Subscriber;
  readonly #count: (name: string, by: number) => void;
  /** By ack id: since when, ms of the process's clock; in that order. */
  readonly #held = new Map<string, number>();
  readonly #waiting: Record<'ack' | 'nack', Batch> = { ack: new Batch(), nack: new Batch() };
  readonly #requests = new Set<Promise<void>>();
  readonly #extender: NodeJS.Timeout;
  #flusher: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(subscriber: Subscriber, count: (name: string, by: number) => void) {
    this.#subscriber = subscriber;
    this.#count = count;
    this.#extender = setInterval(() => {
      this.#extend();
    }, EXTEND_MS);
  }

  /** Messages that are neither acknowledged nor given back. */
  get held(): number {
    return this.#held.size;
  }

  /** Takes a message that was just received. */
  hold(ackId: string): void {
    if (!this.#closed) this.#held.set(ackId, performance.now());
  }

  /** Acknowledges soon; what is not held any more is left. */
  ack(ackId: string): void {
    this.#settle('ack', ackId);
  }

  /** Gives a message back soon: the service delivers it again. */
  nack(ackId: string): void {
    this.#settle('nack', ackId);
  }

  /** Gives back what is still held; resolves when all requests are answered, or after `limitMs`. */
  async close(limitMs: number): Promise<void> {
    this.#closed = true;
    clearInterval(this.#extender);
    for (const ackId of [...this.#held.keys()]) this.nack(ackId);
    this.#flush();
    let timer: NodeJS.Timeout | undefined;
    const limit = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, limitMs);
    });
    await Promise.race([Promise.all(this.#requests), limit]);
    clearTimeout(timer);
  }

  #settle(change: 'ack' | 'nack', ackId: string): void {
    if (!this.#held.delete(ackId)) return;
    const batch = this.#waiting[change];
    if (batch.add(ackId)) this.#request(change, batch.take());
    this.#flusher ??= setTimeout(() => {
      this.#flush();
    }, FLUSH_MS);
  }

  #flush(): void {
    clearTimeout(this.#flusher);
    this.#flusher = undefined;
    for (const change of ['ack', 'nack'] as const) {
      const ids = this.#waiting[change].take();
      if (ids.length > 0) this.#request(change, ids);
    }
  }

  #extend(): void {
    const before = performance.now() - EXTEND_MS / 2;
    const batch = new Batch();
    for (const [ackId, since] of this.#held) {
      if (since > before) break;
      if (batch.add(ackId)) this.#request('extend', batch.take());
    }
    const rest = batch.take();
    if (rest.length > 0) this.#request('extend', rest);
  }

  #request(change: Change, ids: readonly string[]): void {
    const answered =
      change === 'ack'
        ? this.#subscriber.acknowledge(ids)
        : this.#subscriber.modifyAckDeadline(ids, change === 'nack' ? 0 : LEASE_SECONDS);
    const request = answered
      .catch((error: unknown) => {
        this.#count(`pubsub/${change}-failures`, failed(error, ids.length));
      })
      .finally(() => {
        this.#requests.delete(request);
      });
    this.#requests.add(request);
  }
}

/** Ack ids for one request. */
class Batch {
  #ids: string[] = [];
  #bytes = 0;

  /** True when it is full. */
  add(id: string): boolean {
    this.#ids.push(id);
    this.#bytes += id.length;
    return this.#ids.length >= MOST_IDS || this.#bytes >= MOST_ID_BYTES;
  }

  take(): readonly string[] {
    const ids = this.#ids;
    this.#ids = [];
    this.#bytes = 0;
    return ids;
  }
}

/** How many of a request's messages failed: with exactly-once delivery the error names them. */
function failed(error: unknown, all: number): number {
  const named = (error as { errorInfoMetadata?: unknown }).errorInfoMetadata;
  const ids = typeof named === 'object' && named !== null ? Object.keys(named).length : 0;
  return ids > 0 ? Math.min(ids, all) : all;
}
