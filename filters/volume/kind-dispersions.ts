import { STRATUM_KINDS, type StratumKind } from '../../history/history.js';
import { textHash } from '../../pipeline/text-hash.js';
import type { ComparedDays } from './compared-days.js';
import { fitDispersion, spreadOf, type DispersionModel, type Spread } from './dispersion.js';
import { matchedCounts, type MatchedStratum } from './matched-counts.js';

/** What a change is measured against. Each has its own dispersion: time knows nothing of what the sensor lost. */
export const YARDSTICKS = ['time', 'rest'] as const;
export type Yardstick = (typeof YARDSTICKS)[number];

export type KindDispersions = Readonly<
  Record<Yardstick, Readonly<Record<StratumKind, DispersionModel>>>
>;

/** Customers that are enough to know a kind by; of more, a fixed sample. */
const MAX_CUSTOMERS = 500;

/** The dispersion of each kind of strata over all customers, from the baseline days only. */
export function kindDispersions(compared: ComparedDays): KindDispersions {
  const spreads = new Map<string, Spread[]>();
  for (const customer of sample(compared.judged.customers)) {
    const matched = matchedCounts(compared, customer);
    if (matched === undefined) continue;
    for (const stratum of matched.strata) {
      for (const yardstick of YARDSTICKS) {
        const spread = baselineSpread(stratum, yardstick);
        if (spread === undefined) continue;
        const key = `${yardstick} ${stratum.stratum.kind}`;
        const known = spreads.get(key);
        if (known === undefined) spreads.set(key, [spread]);
        else known.push(spread);
      }
    }
  }
  const models = (yardstick: Yardstick): Record<StratumKind, DispersionModel> =>
    Object.fromEntries(
      STRATUM_KINDS.map((kind) => [kind, fitDispersion(spreads.get(`${yardstick} ${kind}`) ?? [])]),
    ) as Record<StratumKind, DispersionModel>;
  return { time: models('time'), rest: models('rest') };
}

/** How a stratum's counts differ over its baseline days, against time or against all that the sensor saw. */
export function baselineSpread(
  { baseline: counts, baselineTotals, baselineWindows }: MatchedStratum,
  yardstick: Yardstick,
): Spread | undefined {
  if (yardstick === 'time')
    return spreadOf(
      counts,
      counts.map(() => 1),
      0,
    );
  // Counts of a stratum are part of the totals; files that say otherwise are damaged.
  const totals = baselineTotals.map((total, i) => Math.max(total, baselineWindows[i]));
  const all = totals.reduce((a, b) => a + b, 0);
  const own = baselineWindows.reduce((a, b) => a + b, 0);
  return all === 0 ? undefined : spreadOf(counts, totals, own / all);
}

/** Those with the smallest hashes: the same on every run, and no kind of name is preferred. */
function sample(customers: readonly string[]): readonly string[] {
  if (customers.length <= MAX_CUSTOMERS) return customers;
  return customers
    .map((customer) => ({ customer, hash: textHash(customer) }))
    .sort((a, b) => a.hash - b.hash || (a.customer < b.customer ? -1 : 1))
    .slice(0, MAX_CUSTOMERS)
    .map(({ customer }) => customer);
}
