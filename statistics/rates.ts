import { fewSuccesses, manySuccesses, shareOfSuccesses } from './binomial.js';

const LEVEL = 0.95;

export interface RateCounts {
  /** Events now, 0 or above, and what they are measured against (> 0), in any one unit. */
  readonly count: number;
  readonly exposure: number;
  readonly baselineCount: number;
  readonly baselineExposure: number;
  /** Variance over mean of such counts, 1 or above: 1 = Poisson. */
  readonly dispersion: number;
}

export interface RateComparison {
  /** Two-sided: twice the smaller tail, at most 1. */
  readonly pValue: number;
  /** Rate now over rate then; null where there were no events then. */
  readonly ratio: number | null;
  /** Its exact interval at 95 %; `high` null = without bound. */
  readonly low: number;
  readonly high: number | null;
}

/**
 * Compares two Poisson rates. Given the sum of both counts, the count now is binomial; its
 * probability is the share of the exposure now, if the rates are the same. Counts that vary more than
 * Poisson's are worth as much as so many fewer independent ones: both are divided by the dispersion.
 * Throws a RangeError on numbers out of their range.
 * Source: Przyborowski and Wilenski, "Homogeneity of Results in Testing Samples from Poisson Series",
 * Biometrika 31, 1940.
 */
export function compareRates(counts: RateCounts): RateComparison {
  const pValue = ratesPValue(counts);
  const { count, exposure, baselineCount, baselineExposure, dispersion } = counts;
  const factor = baselineExposure / exposure;
  return {
    pValue,
    ratio: baselineCount === 0 ? null : (count / baselineCount) * factor,
    ...ratioInterval(count / dispersion, baselineCount / dispersion, factor),
  };
}

/** The p value of `compareRates` alone, for many comparisons: the interval takes most of the time. */
export function ratesPValue(counts: RateCounts): number {
  requireCounts(counts);
  const { count, exposure, baselineCount, baselineExposure, dispersion } = counts;
  const now = count / dispersion;
  const then = baselineCount / dispersion;
  return Math.min(1, 2 * smallerTail(now, then, exposure, baselineExposure));
}

function smallerTail(now: number, then: number, exposure: number, baseline: number): number {
  // By the smaller share: next to 1 a double keeps nothing of the other.
  if (exposure > baseline) return smallerTail(then, now, baseline, exposure);
  const share = exposure / (exposure + baseline);
  return Math.min(manySuccesses(now, then, share), fewSuccesses(now, then, share));
}

/** The interval of the odds that an event is of now, times what the exposures make of them. */
function ratioInterval(
  now: number,
  then: number,
  factor: number,
): Pick<RateComparison, 'low' | 'high'> {
  const share = shareOfSuccesses(now, then, LEVEL);
  // The complement from its own interval: 1 - share would lose its digits next to 1.
  const rest = shareOfSuccesses(then, now, LEVEL);
  return {
    low: (share.low / rest.high) * factor,
    high: rest.low === 0 ? null : (share.high / rest.low) * factor,
  };
}

function requireCounts(counts: RateCounts): void {
  const { count, exposure, baselineCount, baselineExposure, dispersion } = counts;
  if (!(count >= 0 && baselineCount >= 0 && count + baselineCount < Infinity)) {
    throw new RangeError(`counts ${count} and ${baselineCount} are not both 0 or above`);
  }
  if (!(exposure > 0 && baselineExposure > 0 && exposure + baselineExposure < Infinity)) {
    throw new RangeError(`exposures ${exposure} and ${baselineExposure} are not both above 0`);
  }
  if (!(dispersion >= 1 && dispersion < Infinity)) {
    throw new RangeError(`dispersion ${dispersion} is not 1 or above`);
  }
}
