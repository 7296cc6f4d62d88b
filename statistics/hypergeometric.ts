import logTerm from '@stdlib/stats-base-dists-hypergeometric-logpmf';

/** The largest population: the time is its square root, a second here at worst. */
const MAX_POPULATION = 1e12;

/** What is left of a sum no longer matters below this part of it. */
const NEGLIGIBLE = 2 ** -54;

/**
 * P(X >= k), where X of `draws` that are drawn without replacement are among the `successes` of a
 * `population`. All are whole numbers. Throws a RangeError where successes or draws exceed the
 * population.
 *
 * The terms are summed from k away from the mean, each from the one before. The first is the
 * library's, a sum of factorials' logarithms; it decides the relative error, about 2e-14 of the
 * population: 6e-10 at 1e5 (worst measured), 7e-9 at 1e6, 1e-5 at 1e9, 2 % at 1e12.
 */
export function hypergeometricUpperTail(
  k: number,
  population: number,
  successes: number,
  draws: number,
): number {
  requireWhole('population', population, MAX_POPULATION);
  requireWhole('successes', successes, population);
  requireWhole('draws', draws, population);
  requireWhole('k', k, Number.MAX_SAFE_INTEGER);
  const failures = population - successes;
  if (k <= Math.max(0, draws - failures)) return 1;
  if (k > Math.min(successes, draws)) return 0;
  if (k > draws * (successes / population)) {
    const rest = sumFrom((i) => {
      const x = k + i;
      return ((successes - x) / (x + 1)) * ((draws - x) / (failures - draws + x + 1));
    });
    return Math.min(1, Math.exp(logTerm(k, population, successes, draws) + Math.log(rest)));
  }
  // Below the mean the tail is the large side: the small one is summed, downwards from k - 1.
  const rest = sumFrom((i) => {
    const x = k - 1 - i;
    return (x / (successes - x + 1)) * ((failures - draws + x) / (draws - x + 1));
  });
  return Math.max(0, 1 - Math.exp(logTerm(k - 1, population, successes, draws) + Math.log(rest)));
}

/** 1 + r0 + r0 r1 + ..., for ratios that never grow and end at 0. */
function sumFrom(ratioAt: (i: number) => number): number {
  let sum = 1;
  let term = 1;
  for (let i = 0; ; i++) {
    const ratio = ratioAt(i);
    term *= ratio;
    sum += term;
    // As no later ratio is greater, what follows is below a geometric series.
    if (term * ratio <= (1 - ratio) * sum * NEGLIGIBLE) return sum;
  }
}

function requireWhole(name: string, value: number, max: number): void {
  if (Number.isInteger(value) && value >= 0 && value <= max) return;
  throw new RangeError(`${name} ${value} is not a whole number within 0 to ${max}`);
}
