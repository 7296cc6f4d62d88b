/** Typed arrays that grow while a feed is read, so that millions of entries are no objects. */

export class U32Builder {
  #values = new Uint32Array(1024);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(value: number): void {
    if (this.#length === this.#values.length) {
      const grown = new Uint32Array(this.#values.length * 2);
      grown.set(this.#values);
      this.#values = grown;
    }
    this.#values[this.#length++] = value;
  }

  /** The values so far; a view that is good until the next push. */
  view(): Uint32Array {
    return this.#values.subarray(0, this.#length);
  }
}

export class F64Builder {
  #values = new Float64Array(1024);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(value: number): void {
    if (this.#length === this.#values.length) {
      const grown = new Float64Array(this.#values.length * 2);
      grown.set(this.#values);
      this.#values = grown;
    }
    this.#values[this.#length++] = value;
  }

  /** The values so far; a view that is good until the next push. */
  view(): Float64Array {
    return this.#values.subarray(0, this.#length);
  }
}

/** Gives each distinct text a number, and at the end the numbers in the order of the texts, so that reading order leaves no trace. */
export class TextBuilder {
  readonly #ids = new Map<string, number>();

  get size(): number {
    return this.#ids.size;
  }

  id(text: string): number {
    const known = this.#ids.get(text);
    if (known !== undefined) return known;
    const id = this.#ids.size;
    this.#ids.set(text, id);
    return id;
  }

  /** The texts in code unit order, and for each number given out its place in that order. */
  sorted(): { readonly texts: readonly string[]; readonly place: Uint32Array } {
    const texts = [...this.#ids.keys()].sort();
    const place = new Uint32Array(texts.length);
    texts.forEach((text, at) => {
      place[this.#ids.get(text) ?? 0] = at;
    });
    return { texts, place };
  }
}
