import { z } from 'zod';
import type { DayCounts, History } from '../history/history.js';
import { dayStartMs } from '../history/utc-day.js';
import { REASON, type Confidence } from '../pipeline/codes.js';
import type { Evidence, Severity, VolumeEvidence } from '../pipeline/finding.js';
import { defineDayFilter } from './day-filter.js';
import type { GroupDetection } from './group-filter.js';
import { Tally } from './tally.js';
import { changesOf, type Change } from './volume/changes.js';
import { comparabilityNotices } from './volume/comparability-notice.js';
import { comparedDays, MIN_BASELINE_DAYS, type ComparedDays } from './volume/compared-days.js';
import { kindDispersions, type KindDispersions } from './volume/kind-dispersions.js';
import { matchedCounts, type MatchedCounts } from './volume/matched-counts.js';
import { sensorNotices } from './volume/sensor-notices.js';
import { namesThreat, toldOnce, type ToldChange } from './volume/told-once.js';

const HOUR_MS = 3_600_000;

/** From this ratio on, and from nothing, a rise is large. */
const LARGE_RATIO = 10;

/** Strata that the evidence of one finding names. */
const MAX_STRATA = 10;

/** Days of a full baseline. */
const FULL_BASELINE = 4;

/**
 * The number of conversations with a kind of remote (a country, a service, a list, a network) rose or
 * fell, beyond what days usually differ by.
 *
 * In: the history's counts of established conversations of a UTC day, beside the same weekday of the
 * last four weeks; nothing of a customer that was not there on two of them. A conversation counts once
 * a day, however many windows it shows in (see `dayStrata`), and on both days where it lasts over
 * midnight; where there are too many to tell apart (from some 900 of a stratum on), once a window.
 * Out: few findings a customer and day: each change once (see `toldOnce`); subject `country:BR`, indicator `rise` or `fall`.
 *
 * Test: two rates, exact conditional binomial, both counts divided by the dispersion of the stratum
 * (see `dispersionOf`), Benjamini-Hochberg over all strata of the customer and day. Counts are those of
 * one sensor at one rate in hours in which it saw traffic on all days compared (see `matchedCounts`).
 *
 * Exposure: a change must show against time and against the rest of what the sensor saw, of all
 * customers, without the stratum itself (see `changesOf`). So a sensor that stops, loses data or
 * changes its rate raises nothing, and neither does a neighbour, however large. What that costs: where
 * one customer is nearly all that a sensor sees and changes as a whole, this cannot be told from the
 * sensor, and is not found; and an hour in which a sensor saw nothing at all is not compared, so that
 * traffic that only that hour has, on a sensor of little else, goes unseen.
 *
 * Not comparable: days that were counted in other conversation windows, countries on days with another
 * feed of countries, categories on days whose lists did not have them. They are left out, with one notice
 * a day. And a category is told only where a network, a service or a country of the customer changed
 * with it: an address that is put on a list today changes no traffic (see `toldOnce`).
 *
 * Measured on generated days, with variances of up to four times the mean, days that differ by 25 %
 * and one relation in four of sessions that last up to all day (`launch/evaluate/null-days.ts`, seeds 1,
 * 2, 3, 11 and 909 of 1,000 customer-days each without a change): 2, 7, 4, 3 and 3 customer-days with a
 * false finding, 0.4 % of all, where 1 % is stated (counted once a window, seed 2 has 60). Of planted
 * changes (200 each) were found, by conversations of an ordinary day:
 *
 *                   5    10    20    50   100   500
 *     x 10         81    97   100   100   100   100 %
 *     x 3           2     5    15    42    51    73 %
 *     x 1/3         0     0     0     0     1     5 %
 *     x 1/10        0     0     0    22    51    88 %
 *
 * A fall leaves little to go by.
 *
 * Source: Przyborowski and Wilenski, 1940 (test); Benjamini and Hochberg, 1995.
 * Known false positives: what does happen but is no risk: monthly jobs, migrations, new software,
 * holidays that one customer alone keeps. And a large network that a new version of the feed of
 * countries places elsewhere.
 */
export const volumeChange = defineDayFilter({
  id: 'volume-change',
  attempts: false,
  // More records of a day may undo a fall.
  early: false,

  policy: z.strictObject({
    /** Below five, a change is one host's whim whatever a test says. */
    minConversations: z
      .number({ error: 'expected a number of conversations, 1 or above' })
      .min(1, { error: 'expected a number of conversations, 1 or above' })
      .default(5)
      .describe('conversations that the day has, or a usual day would have, at least'),
    /** With enough conversations 1 % more is significant, but no change. */
    minRatio: z
      .number({ error: 'expected a ratio of 1 or above' })
      .min(1, { error: 'expected a ratio of 1 or above' })
      .default(2)
      .describe('a rise is at least to this many times what is usual, a fall to its inverse'),
    falseDiscoveryRate: z
      .number({ error: 'expected a share above 0 and up to 0.5' })
      .gt(0, { error: 'expected a share above 0 and up to 0.5' })
      .max(0.5, { error: 'expected a share above 0 and up to 0.5' })
      .default(0.01)
      .describe('share of the days without any change on which something may be reported'),
  }),

  describe: ({ minConversations, minRatio, falseDiscoveryRate }) =>
    `Volume with a country, service, list or network that rose to at least ${minRatio} times what is ` +
    `usual for the weekday or fell to 1/${minRatio}, of at least ${minConversations} conversations, ` +
    `at a false discovery rate of ${falseDiscoveryRate * 100} % per customer and day.`,

  prepare: (policy) => policy,

  *detect(customer, day, history, limits) {
    const { compared, dispersions } = comparisonOf(day, history);
    const matched = matchedCounts(compared, customer);
    if (matched === undefined) return;
    for (const told of toldOnce(changesOf(matched, dispersions(), limits))) {
      yield detection(customer, day.day, matched, told, limits.falseDiscoveryRate);
    }
  },

  notices(day, history) {
    const { compared } = comparisonOf(day, history);
    return [...comparabilityNotices(compared), ...sensorNotices(compared)];
  },

  severityOf,

  summarize({ customer, evidence }) {
    const [lead, ...others] = evidence.filter((entry) => entry.type === 'volume');
    const { change, stratum, count, expected, ratio, baselineDays, hours } = lead;
    const verb = change === 'rise' ? 'rose' : 'fell';
    const times = ratio === null ? 'from none' : `${rounded(ratio)} times what is usual`;
    const also =
      others.length === 0
        ? ''
        : `; ${others.length} other ${others.length === 1 ? 'count shows' : 'counts show'} it too`;
    return (
      `Conversations of ${customer} with ${stratum} ${verb}: ${rounded(count)} against ${rounded(expected)} ` +
      `expected (${times}) in ${hours} ${hours === 1 ? 'hour' : 'hours'}, by ${baselineDays.length} days of the same weekday${also}.`
    );
  },
});

interface Comparison {
  readonly history: History;
  readonly compared: ComparedDays;
  /** Reads all customers, so only when asked for. */
  readonly dispersions: () => KindDispersions;
}

/** What all customers of a day share; as long as the day is held. */
const comparisons = new WeakMap<DayCounts, Comparison>();

function comparisonOf(day: DayCounts, history: History): Comparison {
  const known = comparisons.get(day);
  if (known?.history === history) return known;
  const compared = comparedDays(day, history);
  let dispersions: KindDispersions | undefined;
  const made = {
    history,
    compared,
    dispersions: () => (dispersions ??= kindDispersions(compared)),
  };
  comparisons.set(day, made);
  return made;
}

function detection(
  customer: string,
  day: string,
  matched: MatchedCounts,
  told: ToldChange,
  falseDiscoveryRate: number,
): GroupDetection {
  const { lead } = told;
  const named = [lead, ...told.others].slice(0, MAX_STRATA);
  const evidence: readonly Evidence[] = [
    ...named.map((change) => volumeEvidence(change, matched)),
    {
      type: 'history',
      days: matched.days.length,
      from: matched.days[0],
      to: matched.days[matched.days.length - 1],
    },
  ];
  const aboutService = lead.stratum.kind === 'service';
  return {
    severity: severityOf(evidence),
    confidence: confidenceOf(lead, falseDiscoveryRate),
    customer,
    subject: lead.name,
    customerAddress: null,
    customerPort: null,
    // The history counts a service where the customer is its client.
    role: aboutService ? 'client' : 'unknown',
    remoteAddress: null,
    remotePort: null,
    service: aboutService ? lead.stratum.value : '-',
    indicator: lead.change,
    evidence,
    tally: tallyOf(day, matched, lead.count),
  };
}

function volumeEvidence(change: Change, matched: MatchedCounts): VolumeEvidence {
  const { ratio, low, high, pValue } = change.comparison;
  return {
    type: 'volume',
    stratum: change.name,
    change: change.change,
    count: change.count,
    expected: change.expected,
    baselineCount: change.baselineCount,
    baselineDays: change.days,
    hours: matched.hours.length,
    sensor: matched.sensor.sensor,
    samplingRate: matched.sensor.samplingRate,
    exposure: matched.total,
    baselineExposure: change.baselineTotal,
    ratio,
    ratioLow: low,
    ratioHigh: high,
    dispersion: change.dispersion,
    pValue,
    adjusted: change.adjusted,
    tests: change.tests,
  };
}

/** That of the gravest stratum. A fall is a fact to know, rarely a risk. */
function severityOf(evidence: readonly Evidence[]): Severity {
  const rises = evidence.filter((entry) => entry.type === 'volume' && entry.change === 'rise');
  const large = rises.some(
    (entry) => entry.type === 'volume' && (entry.ratio === null || entry.ratio >= LARGE_RATIO),
  );
  const threat = rises.some((entry) => entry.type === 'volume' && namesThreat(entry.stratum));
  if (threat) return large ? 'high' : 'medium';
  return large ? 'medium' : 'low';
}

/** High only by a full baseline and far from the limit; two days show little of what is usual. */
function confidenceOf({ adjusted, days }: Change, falseDiscoveryRate: number): Confidence {
  if (days.length <= MIN_BASELINE_DAYS) return 'low';
  return days.length >= FULL_BASELINE && adjusted <= falseDiscoveryRate / 100 ? 'high' : 'medium';
}

/** The judged conversations, from the first hour compared to the last. The history keeps no bytes. */
function tallyOf(day: string, { sensor, hours }: MatchedCounts, count: number): Tally {
  const startMs = dayStartMs(day);
  return Tally.restore({
    conversations: count,
    records: count,
    firstMs: startMs + hours[0] * HOUR_MS,
    lastMs: startMs + (hours[hours.length - 1] + 1) * HOUR_MS - 1,
    reason: REASON.unknown,
    counters: [
      {
        sensor: sensor.sensor,
        samplingRate: sensor.samplingRate,
        outPackets: 0,
        outBytes: 0,
        inPackets: 0,
        inBytes: 0,
      },
    ],
  });
}

/** To three digits, for a sentence. */
function rounded(count: number): string {
  return String(Number(count.toPrecision(3)));
}
