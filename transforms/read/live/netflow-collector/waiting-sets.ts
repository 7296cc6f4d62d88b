/** Beside the bytes themselves: the objects that hold them. */
const OVERHEAD = 256;

/** Data sets that came before their template, as a message of their own. */
interface WaitingSet {
  readonly key: string;
  readonly message: Uint8Array;
  readonly arrivedMs: number;
}

/** Data sets that wait for their template; bounded in bytes and in time, the oldest go first. */
export class WaitingSets {
  readonly #maxBytes: number;
  readonly #maxAgeMs: number;
  /** In the order in which they came. */
  readonly #all = new Set<WaitingSet>();
  /** Sets, because what goes may be one of a hundred thousand. */
  readonly #byKey = new Map<string, Set<WaitingSet>>();
  #bytes = 0;

  constructor(maxBytes: number, maxAgeMs: number) {
    this.#maxBytes = maxBytes;
    this.#maxAgeMs = maxAgeMs;
  }

  get size(): number {
    return this.#all.size;
  }

  /** Keeps a set until the template of `key` comes; returns how many had to go for it. */
  add(key: string, message: Uint8Array, arrivedMs: number): number {
    const set: WaitingSet = { key, message, arrivedMs };
    this.#all.add(set);
    const sameKey = this.#byKey.get(key);
    if (sameKey === undefined) this.#byKey.set(key, new Set([set]));
    else sameKey.add(set);
    this.#bytes += message.length + OVERHEAD;
    let dropped = 0;
    for (const oldest of this.#all) {
      if (this.#bytes <= this.#maxBytes) break;
      this.#drop(oldest);
      dropped++;
    }
    return dropped;
  }

  /** Hands out what waited for `key`, in the order in which it came. */
  take(key: string): readonly WaitingSet[] {
    const sets = this.#byKey.get(key);
    if (sets === undefined) return [];
    this.#byKey.delete(key);
    for (const set of sets) {
      this.#all.delete(set);
      this.#bytes -= set.message.length + OVERHEAD;
    }
    return [...sets];
  }

  /** Drops what has waited for too long; returns how many. */
  expire(nowMs: number): number {
    let dropped = 0;
    for (const oldest of this.#all) {
      if (nowMs - oldest.arrivedMs < this.#maxAgeMs) break;
      this.#drop(oldest);
      dropped++;
    }
    return dropped;
  }

  #drop(set: WaitingSet): void {
    this.#all.delete(set);
    this.#bytes -= set.message.length + OVERHEAD;
    const sameKey = this.#byKey.get(set.key);
    sameKey?.delete(set);
    if (sameKey?.size === 0) this.#byKey.delete(set.key);
  }
}
