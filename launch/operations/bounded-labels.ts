/** What stands for all label sets that were one too many. */
const OTHER = 'other';

/** Characters of a label value that are shown. */
const MAX_CHARACTERS = 200;

/**
 * The label sets that one metric may have: those that came first, all others as `other`. Label
 * values come from data, and whoever stores metrics pays for each set for as long as it keeps them.
 * A set that was admitted stays, so that a counter never jumps between its own name and `other`.
 */
export class BoundedLabels {
  readonly #admitted = new Set<string>();
  readonly #limit: number;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** `values` themselves (cut where they are long), or as many `other`. */
  admit(values: readonly string[]): readonly string[] {
    const shown = values.map((value) => value.slice(0, MAX_CHARACTERS));
    const key = JSON.stringify(shown);
    if (this.#admitted.has(key)) return shown;
    if (this.#admitted.size >= this.#limit) return values.map(() => OTHER);
    this.#admitted.add(key);
    return shown;
  }
}
