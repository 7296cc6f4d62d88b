/** Bound of the relative error of a quantile. */
const ERROR = 0.02;

/** Ratio of a bucket's upper bound to its lower one. */
const GAMMA = (1 + ERROR) / (1 - ERROR);
const LOG_GAMMA = Math.log(GAMMA);

/** Ms that are told apart at the ends: below the first all is one, above the second (a year) too. */
const LEAST_MS = 1;
const MOST_MS = 366 * 24 * 3600 * 1000;

const BUCKETS = indexOf(MOST_MS) + 1;

/**
 * Latencies in buckets of growing width: a quantile is at most 2 % off, whatever was observed, in
 * 5 kB. Below a millisecond it is at most one millisecond off.
 *
 * Source: Masson, Rim, Lee, "DDSketch", VLDB 2019, section 2.
 */
export class LatencyHistogram {
  readonly #buckets = new Float64Array(BUCKETS);
  readonly #listeners: ((ms: number) => void)[] = [];
  #count = 0;
  #least = Infinity;
  #most = 0;

  /** Observations so far. */
  get count(): number {
    return this.#count;
  }

  /**
   * Adds one latency, ms. A negative one, from a clock that was set back, counts as 0; one that is
   * no number is left out.
   */
  observe(ms: number): void {
    if (Number.isNaN(ms)) return;
    const taken = Math.min(Math.max(ms, 0), MOST_MS);
    this.#buckets[indexOf(taken)]++;
    this.#count++;
    this.#least = Math.min(this.#least, taken);
    this.#most = Math.max(this.#most, taken);
    for (const listener of this.#listeners) listener(taken);
  }

  /** `listener` gets every later observation, ms, finite and not negative. */
  onObserve(listener: (ms: number) => void): void {
    this.#listeners.push(listener);
  }

  /** The latency that the share `p` (0 to 1) of all observations did not exceed, ms; NaN of none. */
  quantile(p: number): number {
    if (!(p >= 0 && p <= 1)) throw new RangeError(`quantile ${p} is not from 0 to 1`);
    if (this.#count === 0) return NaN;
    const rank = Math.max(1, Math.ceil(p * this.#count));
    let seen = 0;
    let index = 0;
    for (; index < BUCKETS - 1; index++) {
      seen += this.#buckets[index];
      if (seen >= rank) break;
    }
    // Least and greatest are known exactly.
    return Math.min(Math.max(middleOf(index), this.#least), this.#most);
  }
}

function indexOf(ms: number): number {
  return ms <= LEAST_MS ? 0 : Math.ceil(Math.log(ms / LEAST_MS) / LOG_GAMMA);
}

/** The value of a bucket that is equally far, in proportion, from both its bounds. */
function middleOf(index: number): number {
  return index === 0 ? LEAST_MS : (2 * LEAST_MS * GAMMA ** index) / (GAMMA + 1);
}
