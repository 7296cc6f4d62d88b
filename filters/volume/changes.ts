import { benjaminiHochberg } from '../../statistics/multiple-tests.js';
import { compareRates, type RateComparison, type RateCounts } from '../../statistics/rates.js';
import type { Stratum } from '../../history/history.js';
import { dispersionOf } from './dispersion.js';
import { baselineSpread, type KindDispersions, type Yardstick } from './kind-dispersions.js';
import type { MatchedCounts, MatchedStratum, SeenElsewhere } from './matched-counts.js';

/**
 * What a rise's dispersion is multiplied with. Bursts have a longer upper tail than the test's
 * distribution, and the dispersion is itself estimated, from few days. Without it one seed
 * (2, see volume-change.ts) has 18 false customer-days in 1,000, of 10 stated; with it 7.
 */
const UPPER_TAIL = 1.25;

export interface ChangeLimits {
  /** On the larger side: of the judged day, or what the baseline lets expect. */
  readonly minConversations: number;
  /** Of a rise; a fall must be to its inverse. */
  readonly minRatio: number;
  readonly falseDiscoveryRate: number;
}

/** A stratum whose volume changed. */
export interface Change {
  readonly name: string;
  readonly stratum: Stratum;
  readonly change: 'rise' | 'fall';
  readonly count: number;
  /** What the baseline lets expect in the same hours, by the yardstick that shows the smaller change. */
  readonly expected: number;
  readonly baselineCount: number;
  /** UTC days of the baseline, oldest first, and all that the sensor saw on them in the hours compared. */
  readonly days: readonly string[];
  readonly baselineTotal: number;
  readonly comparison: RateComparison;
  readonly dispersion: number;
  /** Benjamini-Hochberg, over `tests`. */
  readonly adjusted: number;
  readonly tests: number;
}

type Tested = Omit<Change, 'adjusted' | 'tests'>;

/**
 * The strata of a customer whose volume changed, by name.
 *
 * A change has to show by two yardsticks, and the larger p value is its own. Against *time*: more or
 * fewer conversations than in the same hours of the earlier days. Against the *rest*: more or fewer
 * for all else that the sensor saw. Neither would do alone. By time, a sensor that lost half its data
 * is a fall of everything. By the rest, one customer that trebles on a sensor that hardly sees others
 * is a fall of all the others. A test that must succeed twice errs no more often than either where
 * that one's assumption holds, so an alarm is false at the stated rate whether sensors or neighbours
 * misbehave. Source: Berger, "Multiparameter hypothesis testing and acceptance sampling", 1982
 * (intersection-union test).
 *
 * All strata with a conversation count as tests, also those too small or too steady to be reported.
 */
export function changesOf(
  matched: MatchedCounts,
  dispersions: KindDispersions,
  limits: ChangeLimits,
): Change[] {
  const tested = matched.strata.map((stratum) => testStratum(matched, stratum, dispersions));
  const adjusted = benjaminiHochberg(tested.map((test) => test?.comparison.pValue ?? 1));
  return tested.flatMap((test, i) => {
    if (test === undefined || adjusted[i] > limits.falseDiscoveryRate) return [];
    if (!largeEnough(test.change, test, limits)) return [];
    if (movedElsewhere(matched.elsewhere(matched.strata[i]), test, limits)) return [];
    return [{ ...test, adjusted: adjusted[i], tests: tested.length }];
  });
}

/** undefined = the yardsticks do not agree that it changed, or one cannot be had. */
function testStratum(
  matched: MatchedCounts,
  stratum: MatchedStratum,
  dispersions: KindDispersions,
): Tested | undefined {
  // Against what a history may have left out, each direction has its own most cautious counts.
  return (
    testChange('rise', stratum.count, stratum.baselineAtMost, matched, stratum, dispersions) ??
    testChange('fall', stratum.countAtMost, stratum.baseline, matched, stratum, dispersions)
  );
}

function testChange(
  change: 'rise' | 'fall',
  count: number,
  baseline: readonly number[],
  matched: MatchedCounts,
  stratum: MatchedStratum,
  dispersions: KindDispersions,
): Tested | undefined {
  const baselineCount = sum(baseline);
  const yards = yardsFor(matched, stratum, count, baseline);
  const changed = yards.every(({ expected }) =>
    change === 'rise' ? count > expected : count < expected,
  );
  if (yards.length === 0 || !changed) return undefined;
  const results = yards.map(({ yardstick, expected, precision, exposure, baselineExposure }) => {
    const own = baselineSpread(stratum, yardstick);
    const kind = dispersions[yardstick][stratum.stratum.kind];
    const usual = dispersionOf(kind, baselineCount / baseline.length, own) * precision;
    const dispersion = change === 'rise' ? usual * UPPER_TAIL : usual;
    const rates = { count, exposure, baselineCount, baselineExposure, dispersion };
    return { expected, dispersion, comparison: compareByChance(rates, change) };
  });
  // Reported is the yardstick that shows less; the p value is the larger, whosever it is.
  const [least] = results.sort((a, b) =>
    change === 'rise' ? b.expected - a.expected : a.expected - b.expected,
  );
  const pValue = Math.max(...results.map(({ comparison }) => comparison.pValue));
  const comparison = { ...least.comparison, pValue };
  const { name, stratum: kind, days } = stratum;
  const baselineTotal = sum(stratum.baselineTotals);
  return {
    ...least,
    name,
    stratum: kind,
    change,
    count,
    baselineCount,
    days,
    baselineTotal,
    comparison,
  };
}

/** One yardstick, laid at one stratum. */
interface Yard {
  readonly yardstick: Yardstick;
  readonly exposure: number;
  readonly baselineExposure: number;
  /** Conversations of the judged day, if nothing changed. */
  readonly expected: number;
  /** What the dispersion is multiplied with, for what chance does to the exposure itself. */
  readonly precision: number;
}

/** Both; none where nothing else was seen: a sensor that fails could not be told from a change. */
function yardsFor(
  matched: MatchedCounts,
  stratum: MatchedStratum,
  count: number,
  baseline: readonly number[],
): Yard[] {
  const baselineCount = sum(baseline);
  // Totals count a conversation once a window, so what is taken out of them does too.
  const own = stratum.windows + (count - stratum.count);
  const baselineOwn = sum(stratum.baselineWindows) + (baselineCount - sum(stratum.baseline));
  const baselineTotal = sum(stratum.baselineTotals);
  const all = matched.total + baselineTotal;
  const rest = matched.total - own;
  const baselineRest = baselineTotal - baselineOwn;
  if (rest <= 0 || baselineRest <= 0) return [];
  return [
    {
      yardstick: 'time',
      exposure: 1,
      baselineExposure: baseline.length,
      expected: baselineCount / baseline.length,
      precision: 1,
    },
    {
      yardstick: 'rest',
      exposure: rest,
      baselineExposure: baselineRest,
      expected: (baselineCount * rest) / baselineRest,
      // The rest is counted too: where it is small, its own chance counts (delta method).
      precision: all / (rest + baselineRest),
    },
  ];
}

/**
 * The exact test, where both counts are divided by the dispersion d. A count then goes in steps of d
 * conversations, and the test takes a whole step for as extreme as what was seen, though counts go in
 * steps of one. For a fall, where a few conversations are all that is left, that is nearly all the
 * power: half the difference, (d - 1) / 2 conversations, is given back. Not for a rise: counts that
 * vary more than Poisson's have a longer upper tail, which needs it. At d = 1 both are exact.
 */
function compareByChance(rates: RateCounts, change: 'rise' | 'fall'): RateComparison {
  const exact = compareRates(rates);
  if (change === 'rise') return exact;
  const back = Math.min(rates.count, (rates.dispersion - 1) / 2);
  const { pValue } = compareRates({
    ...rates,
    count: rates.count - back,
    baselineCount: rates.baselineCount + back,
  });
  return { ...exact, pValue };
}

/** Whether it is worth a word, however sure it is. */
function largeEnough(
  change: 'rise' | 'fall',
  counts: SeenElsewhere,
  limits: ChangeLimits,
): boolean {
  const { count, expected } = counts;
  const [larger, smaller] = change === 'rise' ? [count, expected] : [expected, count];
  return larger >= limits.minConversations && larger >= smaller * limits.minRatio;
}

/**
 * Whether another sensor shows the opposite: then the traffic took another way (a route, a load
 * balancer), and its volume did not change. Sizes cannot be compared: how many conversations a sensor
 * sees is not in proportion to its rate.
 */
function movedElsewhere(
  elsewhere: readonly SeenElsewhere[],
  test: Tested,
  limits: ChangeLimits,
): boolean {
  const opposite = test.change === 'rise' ? 'fall' : 'rise';
  return elsewhere.some((counts) => largeEnough(opposite, counts, limits));
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
