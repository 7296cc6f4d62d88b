/** Opened values within a budget of bytes: those not asked for longest go first. */
export class ByteCache {
  readonly #limit: number;
  readonly #values = new Map<string, { readonly value: unknown; readonly bytes: number }>();
  #bytes = 0;

  /** `limit` in bytes; the value last opened is kept even where it alone is larger. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** The value under `key`, opened where it is not there. One key has one type. */
  get<Value extends { readonly byteLength: number }>(key: string, open: () => Value): Value {
    const known = this.#values.get(key);
    this.#values.delete(key);
    if (known !== undefined) {
      this.#values.set(key, known);
      return known.value as Value;
    }
    const value = open();
    const bytes = value.byteLength;
    this.#values.set(key, { value, bytes });
    this.#bytes += bytes;
    this.#cut();
    return value;
  }

  #cut(): void {
    for (const [key, { bytes }] of this.#values) {
      if (this.#bytes <= this.#limit || this.#values.size === 1) return;
      this.#values.delete(key);
      this.#bytes -= bytes;
    }
  }
}
