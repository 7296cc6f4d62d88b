/**
 * How much more counts differ from day to day than chance (Poisson) would make them: variance over
 * mean. Few days say little about one stratum, many strata say a lot about their kind; so each
 * stratum's own value is drawn towards that of its kind.
 * Source: McCullagh and Nelder, Generalized Linear Models, 1989, section 4.5.2 (quasi-likelihood);
 * Smyth, "Linear models and empirical Bayes methods", 2004 (shrinkage).
 */

/** One stratum's own dispersion over its baseline days. */
export interface Spread {
  /** Conversations of a mean day. */
  readonly mean: number;
  /** Pearson's chi-square over its degrees of freedom. */
  readonly value: number;
  readonly degrees: number;
}

/** Dispersion of a kind of strata; it grows with the mean, because whole days are busy or quiet. */
export interface DispersionModel {
  readonly base: number;
  /** Added for each conversation of a mean day: the squared day-to-day variation of rates. */
  readonly slope: number;
}

/** Below this mean the chi-square hardly differs from what any single conversation gives. */
const MIN_MEAN = 2;

/** What a kind is taken for before any stratum is known, and how many degrees of freedom that is worth. */
const PRIOR = { value: 4, degrees: 12 };

/** Degrees of freedom that the kind's dispersion counts against a stratum's own. */
const KIND_DEGREES = 6;

/** A stratum's chi-square counts in its kind up to this many times what is usual: one that did change tells nothing of the rest. */
const OUTLIER = 8;

/**
 * Pearson's chi-square of counts over exposures, for equal rates. `share` is what of the exposure the
 * stratum is itself: a part of a whole varies less than a count does. undefined where counts are too
 * small to say.
 */
export function spreadOf(
  counts: readonly number[],
  exposures: readonly number[],
  share: number,
): Spread | undefined {
  const count = sum(counts);
  const mean = count / counts.length;
  if (counts.length < 2 || mean < MIN_MEAN || share >= 1) return undefined;
  const rate = count / sum(exposures);
  let chiSquare = 0;
  for (let i = 0; i < counts.length; i++) {
    const expected = rate * exposures[i];
    // A day on which nothing else was seen does not say how much was to be expected.
    if (expected === 0) return undefined;
    chiSquare += (counts[i] - expected) ** 2 / (expected * (1 - share));
  }
  const degrees = counts.length - 1;
  return { mean, value: chiSquare / degrees, degrees };
}

/**
 * Base and slope of a kind: least squares of the strata's values over their means, reweighted by the
 * fit, because a chi-square's error is proportional to itself. Neither is below what is possible
 * (base 1, slope 0).
 */
export function fitDispersion(spreads: readonly Spread[]): DispersionModel {
  let model: DispersionModel = { base: PRIOR.value, slope: 0 };
  const ROUNDS = 12;
  for (let round = 0; round < ROUNDS; round++) model = refit(spreads, model);
  return model;
}

function refit(spreads: readonly Spread[], known: DispersionModel): DispersionModel {
  let weights = PRIOR.degrees / known.base ** 2;
  let x = 0;
  let xx = 0;
  let y = weights * PRIOR.value;
  let xy = 0;
  for (const { mean, value, degrees } of spreads) {
    const usual = known.base + known.slope * mean;
    const weight = degrees / usual ** 2;
    const capped = Math.min(value, OUTLIER * usual);
    weights += weight;
    x += weight * mean;
    xx += weight * mean * mean;
    y += weight * capped;
    xy += weight * mean * capped;
  }
  const determinant = weights * xx - x * x;
  const slope = determinant <= 0 ? 0 : Math.max(0, (weights * xy - x * y) / determinant);
  const base = (y - slope * x) / weights;
  if (base >= 1) return { base, slope };
  return { base: 1, slope: xx === 0 ? 0 : Math.max(0, (xy - x) / xx) };
}

/**
 * The dispersion to test a stratum with: its own, drawn towards its kind's at its mean, and never
 * below that. Three days that happen to agree are no proof of steadiness: taken at their word they
 * would be the false alarms.
 */
export function dispersionOf(
  model: DispersionModel,
  mean: number,
  own: Spread | undefined,
): number {
  const usual = model.base + model.slope * mean;
  if (own === undefined) return usual;
  const drawn = (KIND_DEGREES * usual + own.degrees * own.value) / (KIND_DEGREES + own.degrees);
  return Math.max(usual, drawn);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
