/**
 * Seeded random numbers for generated data: the same seed gives the same numbers on every machine.
 *
 * sfc32 (C. Doty-Humphrey, PractRand): 128 bits of state, one addition, two shifts and a rotation a
 * number. Not for secrets.
 */
export class Random {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  /** `stream` makes generators of one seed that have nothing to do with each other. */
  constructor(seed: number, stream = 0) {
    this.#a = seed | 0;
    this.#b = Math.floor(seed / 2 ** 32) | 0;
    this.#c = stream | 0;
    // The first numbers of neighbouring seeds look alike; PractRand's author discards 12 to 15.
    for (let i = 0; i < 15; i++) this.next();
  }

  /** A whole number in 0..2^32-1. */
  next(): number {
    const sum = (((this.#a + this.#b) | 0) + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }

  /** In [0, 1). */
  float(): number {
    return this.next() / 4294967296;
  }

  /** A whole number in [0, below); `below` at most 2^32. */
  int(below: number): number {
    return Math.floor((this.next() / 4294967296) * below);
  }

  /** A whole number in [low, high]. */
  between(low: number, high: number): number {
    return low + this.int(high - low + 1);
  }

  /** True with probability `p`. */
  chance(p: number): boolean {
    return this.float() < p;
  }

  /** One of `items`, all as likely. */
  pick<T>(items: readonly T[]): T {
    return items[this.int(items.length)];
  }

  /** Exponential with this mean. */
  exponential(mean: number): number {
    return -Math.log(1 - this.float()) * mean;
  }

  /** Standard normal (Box and Muller). */
  normal(): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.float()));
    return radius * Math.cos(2 * Math.PI * this.float());
  }

  /** Log-normal by its median and the sigma of its logarithm. */
  logNormal(median: number, sigma: number): number {
    return median * Math.exp(sigma * this.normal());
  }

  /**
   * How many of `n` independent trials of probability `p` succeed: exact, for any n.
   * Few expected successes: gaps between them are geometric. Many: BTRS (W. Hoermann, "The
   * generation of binomial random variates", 1993).
   */
  binomial(n: number, p: number): number {
    if (n <= 0 || p <= 0) return 0;
    if (p >= 1) return n;
    if (p > 0.5) return n - this.binomial(n, 1 - p);
    return n * p < 10 ? this.#binomialByGaps(n, p) : this.#binomialByRejection(n, p);
  }

  #binomialByGaps(n: number, p: number): number {
    const scale = Math.log1p(-p);
    let successes = 0;
    let at = Math.floor(Math.log(1 - this.float()) / scale) + 1;
    while (at <= n) {
      successes++;
      at += Math.floor(Math.log(1 - this.float()) / scale) + 1;
    }
    return successes;
  }

  #binomialByRejection(n: number, p: number): number {
    const deviation = Math.sqrt(n * p * (1 - p));
    const b = 1.15 + 2.53 * deviation;
    const a = -0.0873 + 0.0248 * b + 0.01 * p;
    const c = n * p + 0.5;
    const safe = 0.92 - 4.2 / b;
    const alpha = (2.83 + 5.1 / b) * deviation;
    const odds = Math.log(p / (1 - p));
    const mode = Math.floor((n + 1) * p);
    const height = logFactorial(mode) + logFactorial(n - mode);
    for (;;) {
      const u = this.float() - 0.5;
      const v = 1 - this.float();
      const us = 0.5 - Math.abs(u);
      const k = Math.floor(((2 * a) / us + b) * u + c);
      if (us >= 0.07 && v <= safe) return k;
      if (k < 0 || k > n) continue;
      const bound = Math.log((v * alpha) / (a / (us * us) + b));
      if (bound <= height - logFactorial(k) - logFactorial(n - k) + (k - mode) * odds) return k;
    }
  }
}

const SMALL_LOG_FACTORIALS = Array.from({ length: 16 }, (_, n) => {
  let sum = 0;
  for (let i = 2; i <= n; i++) sum += Math.log(i);
  return sum;
});

/** ln(n!), by Stirling's series from 16 on (error below 1e-10). */
function logFactorial(n: number): number {
  if (n < SMALL_LOG_FACTORIALS.length) return SMALL_LOG_FACTORIALS[n];
  const r = 1 / n;
  const series = (1 / 12 - (1 / 360 - (r * r) / 1260) * r * r) * r;
  return (n + 0.5) * Math.log(n) - n + 0.5 * Math.log(2 * Math.PI) + series;
}

/** Puts `items` into random order, in place (Fisher and Yates). */
export function shuffle<T>(items: T[], random: Random): T[] {
  for (let i = items.length - 1; i > 0; i--) {
    const j = random.int(i + 1);
    const item = items[i];
    items[i] = items[j];
    items[j] = item;
  }
  return items;
}
