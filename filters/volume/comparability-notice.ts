import type { CountedWith, DayCounts } from '../../history/history.js';
import type { Notice } from '../../pipeline/notice.js';
import { sameCountries } from './comparability.js';
import type { ComparedDays } from './compared-days.js';

/** Something that is not compared, why, and on which of the earlier days. */
interface Difference {
  readonly what: string;
  readonly why: string;
  readonly days: readonly string[];
}

/** One notice that says what is not compared with which of the earlier days, and why; none where all is. */
export function comparabilityNotices({ judged, baseline, otherWindows }: ComparedDays): Notice[] {
  const differences = byReason([
    ...otherWindows.map((earlier) => otherWindow(judged, earlier)),
    ...baseline.flatMap((earlier) => otherData(judged, earlier)),
  ]);
  if (differences.length === 0) return [];
  const { day } = judged;
  const told = differences.map(({ what, why, days }) => `${what} with ${days.join(', ')} (${why})`);
  const message = `settings or reference data changed; of ${day} are not compared: ${told.join('; ')}`;
  return [{ kind: 'history-not-comparable', day, subject: 'volume-change', message }];
}

function byReason(differences: readonly Difference[]): readonly Difference[] {
  const united = new Map<string, Difference>();
  for (const { what, why, days } of differences) {
    const known = united.get(`${what} ${why}`)?.days ?? [];
    united.set(`${what} ${why}`, { what, why, days: [...known, ...days] });
  }
  return [...united.values()];
}

function otherWindow(judged: DayCounts, earlier: DayCounts): Difference {
  const why = `conversation window ${windowOf(earlier)}, now ${windowOf(judged)}`;
  return { what: 'everything', why, days: [earlier.day] };
}

function otherData(judged: DayCounts, earlier: DayCounts): Difference[] {
  const [then, now] = [earlier.countedWith, judged.countedWith];
  const days = [earlier.day];
  const differences: Difference[] = [];
  const noCountries = then.countryFeed === '' && now.countryFeed === '';
  if (!noCountries && !sameCountries(earlier, judged)) {
    differences.push({ what: 'countries', why: `${feedOf(then)}, now ${feedOf(now)}`, days });
  }
  const added = missingIn(then, now);
  if (added !== '') {
    differences.push({ what: `categories ${added}`, why: 'on no list then', days });
  }
  const gone = missingIn(now, then);
  if (gone !== '') differences.push({ what: `categories ${gone}`, why: 'on no list now', days });
  return differences;
}

/** Categories of `there` that `here` has not. */
function missingIn(here: CountedWith, there: CountedWith): string {
  return there.categories.filter((category) => !here.categories.includes(category)).join(', ');
}

function windowOf({ countedWith: { windowMs } }: DayCounts): string {
  return windowMs === null ? 'not known' : `${windowMs} ms`;
}

function feedOf({ countryFeed }: CountedWith): string {
  if (countryFeed === null) return 'country feed not known';
  return countryFeed === '' ? 'no country feed' : `country feed ${countryFeed}`;
}
