import { textHash } from '../pipeline/text-hash.js';

/**
 * Maps and sets of texts that are cut to a bound without regard to the order in which texts come:
 * those with the smallest hashes stay. A text that was dropped can never come back, because the
 * greatest hash kept only falls; so what is kept is whole, and merging in any order gives the same.
 * Source: bottom-k sketches, Cohen and Kaplan, 2007.
 */
export class BoundedMap<Value> {
  readonly #limit: number;
  readonly #add: (into: Value, from: Value) => Value;
  readonly #values = new Map<string, Value>();
  /** Hashes above this were dropped. */
  #greatest = Infinity;

  /** Keeps up to `limit` texts; `add` makes one value of two of the same text. */
  constructor(limit: number, add: (into: Value, from: Value) => Value) {
    this.#limit = limit;
    this.#add = add;
  }

  /** Texts that are kept: of all, if no more than the limit ever came. */
  get size(): number {
    this.#cut(0);
    return this.#values.size;
  }

  /** How many distinct texts there were; an estimate (standard error 1/sqrt(limit)) where some were dropped. */
  get distinct(): number {
    this.#cut(0);
    if (this.#greatest === Infinity) return this.#values.size;
    return Math.round((this.#values.size - 1) / this.#greatest);
  }

  /** Whether texts were dropped, so that `distinct` is an estimate. */
  get estimated(): boolean {
    this.#cut(0);
    return this.#greatest !== Infinity;
  }

  add(text: string, value: Value): void {
    const known = this.#values.get(text);
    if (known !== undefined) {
      this.#values.set(text, this.#add(known, value));
      return;
    }
    if (this.#greatest !== Infinity && textHash(text) > this.#greatest) return;
    this.#values.set(text, value);
    this.#cut(this.#limit);
  }

  merge(from: BoundedMap<Value>): void {
    if (from.#greatest < this.#greatest) {
      this.#greatest = from.#greatest;
      this.#dropAbove();
    }
    for (const [text, value] of from.#values) this.add(text, value);
  }

  /** In the order of the texts. */
  entries(): [string, Value][] {
    this.#cut(0);
    return [...this.#values].sort(([a], [b]) => (a < b ? -1 : 1));
  }

  get(text: string): Value | undefined {
    return this.#values.get(text);
  }

  /** Plain JSON, where values are. */
  save(): { readonly greatest: number | null; readonly entries: readonly [string, Value][] } {
    this.#cut(0);
    return {
      greatest: this.#greatest === Infinity ? null : this.#greatest,
      entries: [...this.#values],
    };
  }

  /** Takes in what `save` gave. */
  restore(json: unknown): this {
    const { greatest, entries } = json as ReturnType<BoundedMap<Value>['save']>;
    if (greatest !== null && greatest < this.#greatest) {
      this.#greatest = greatest;
      this.#dropAbove();
    }
    for (const [text, value] of entries) this.add(text, value);
    return this;
  }

  /** Cuts to the limit once it is exceeded by more than `slack`. */
  #cut(slack: number): void {
    if (this.#values.size <= this.#limit + slack) return;
    const hashes = [...this.#values.keys()].map(textHash).sort((a, b) => a - b);
    this.#greatest = hashes[this.#limit - 1];
    this.#dropAbove();
  }

  #dropAbove(): void {
    for (const text of this.#values.keys()) {
      if (textHash(text) > this.#greatest) this.#values.delete(text);
    }
  }
}

/** A set of texts, bounded in the same way. */
export class BoundedSet {
  readonly #map: BoundedMap<null>;

  constructor(limit: number) {
    this.#map = new BoundedMap<null>(limit, () => null);
  }

  get size(): number {
    return this.#map.size;
  }

  get distinct(): number {
    return this.#map.distinct;
  }

  get estimated(): boolean {
    return this.#map.estimated;
  }

  add(text: string): void {
    this.#map.add(text, null);
  }

  merge(from: BoundedSet): void {
    this.#map.merge(from.#map);
  }

  /** Sorted. */
  texts(): string[] {
    return this.#map.entries().map(([text]) => text);
  }

  save(): unknown {
    return this.#map.save();
  }

  restore(json: unknown): this {
    this.#map.restore(json);
    return this;
  }
}
