/**
 * What of two days may be compared: settings and reference data decide what is counted as what, and
 * days that differ in them differ where the traffic does not.
 */
import type { CountedWith, DayCounts, Stratum } from '../../history/history.js';

type Counted = Pick<DayCounts, 'countedWith'>;

/** Counts go once a conversation window: in windows of another length nothing can be compared. */
export function sameWindow(a: Counted, b: Counted): boolean {
  const { windowMs } = a.countedWith;
  return windowMs !== null && windowMs === b.countedWith.windowMs;
}

/**
 * Two feeds place the same address in different countries; without one nothing has any. Versions of one
 * feed are taken for the same: networks that change hands are few.
 */
export function sameCountries(a: Counted, b: Counted): boolean {
  const { countryFeed } = a.countedWith;
  return countryFeed !== null && countryFeed !== '' && countryFeed === b.countedWith.countryFeed;
}

/** Whether a stratum was counted on both days, and as the same. The days must have the same window. */
export function countsAlike(a: Counted, b: Counted, { kind, value }: Stratum): boolean {
  if (kind === 'country') return sameCountries(a, b);
  if (kind !== 'category') return true;
  return knows(a.countedWith, value) && knows(b.countedWith, value);
}

function knows({ categories }: CountedWith, category: string): boolean {
  return categories.includes(category);
}
