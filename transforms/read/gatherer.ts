/** Collects a stream's pieces into one buffer whose front is taken away. */
export class Gatherer {
  #bytes: Uint8Array = new Uint8Array(0);
  readonly #source: AsyncIterator<Uint8Array, undefined>;
  #ended = false;

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]() as AsyncIterator<Uint8Array, undefined>;
  }

  /** What is read and not yet taken. */
  get bytes(): Uint8Array {
    return this.#bytes;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Reads one more piece; false at the end. */
  async more(): Promise<boolean> {
    if (this.#ended) return false;
    const { done, value } = await this.#source.next();
    if (done === true) {
      this.#ended = true;
      return false;
    }
    this.#bytes = this.#bytes.length === 0 ? value : Buffer.concat([this.#bytes, value]);
    return true;
  }

  /** Reads until there are `length` bytes or the end. */
  async fill(length: number): Promise<void> {
    // Collected first and joined once: joining piece by piece would copy a chunk many times over.
    const pieces: Uint8Array[] = [];
    let total = this.#bytes.length;
    try {
      while (total < length && !this.#ended) {
        const { done, value } = await this.#source.next();
        if (done === true) {
          this.#ended = true;
        } else {
          pieces.push(value);
          total += value.length;
        }
      }
    } finally {
      if (pieces.length > 0) this.#bytes = Buffer.concat([this.#bytes, ...pieces]);
    }
  }

  drop(length: number): void {
    this.#bytes = this.#bytes.subarray(length);
  }

  take(length: number): Uint8Array {
    const taken = this.#bytes.subarray(0, length);
    this.drop(length);
    return taken;
  }

  /** Drops `length` bytes, or all there are; returns how many. */
  async skip(length: number): Promise<number> {
    let skipped = 0;
    for (;;) {
      const step = Math.min(this.#bytes.length, length - skipped);
      this.drop(step);
      skipped += step;
      if (skipped === length || !(await this.more())) return skipped;
    }
  }

  /**
   * Drops everything through the first `byte`, reading on while no more than `most` bytes were
   * dropped. `found`: whether it came.
   */
  async dropThrough(byte: number, most: number): Promise<{ dropped: number; found: boolean }> {
    let dropped = 0;
    while (dropped <= most) {
      const at = this.#bytes.indexOf(byte);
      if (at >= 0) {
        this.drop(at + 1);
        return { dropped: dropped + at + 1, found: true };
      }
      dropped += this.#bytes.length;
      this.#bytes = new Uint8Array(0);
      if (!(await this.more())) break;
    }
    return { dropped, found: false };
  }

  /** All that was not taken, and what comes after it; this collects no more then. */
  async *rest(): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      do {
        if (this.#bytes.length > 0) yield this.take(this.#bytes.length);
      } while (await this.more());
    } finally {
      await this.close();
    }
  }

  async close(): Promise<void> {
    await this.#source.return?.();
  }
}
