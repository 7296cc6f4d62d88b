/** Values by number, the oldest dropped beyond a limit: decoded entries of the rows that hit. */
export class BoundedCache<Value> {
  readonly #values = new Map<number, Value>();
  readonly #limit: number;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get(id: number, decode: (id: number) => Value): Value {
    const known = this.#values.get(id);
    if (known !== undefined) return known;
    const value = decode(id);
    if (this.#values.size >= this.#limit) {
      for (const oldest of this.#values.keys()) {
        this.#values.delete(oldest);
        break;
      }
    }
    this.#values.set(id, value);
    return value;
  }
}
