import type { CountedWith, DayCounts } from '../../history/history.js';
import type { Notice } from '../../pipeline/notice.js';
import { sameCountries } from './comparability.js';
import type { ComparedDays } from './compared-days.js';

/** One notice that says what is not compared with which of the earlier days, and why; none where all is. */
export function comparabilityNotices(compared: ComparedDays): Notice[] {
  const { judged, baseline, otherWindows } = compared;
  interface Difference {
    readonly what: string;
    readonly why: string;
    readonly days: string[];
  }
  const differences = new Map<string, Difference>();
  const tell = ({ day }: DayCounts, what: string, why: string): void => {
    const known = differences.get(`${what} ${why}`);
    if (known === undefined) differences.set(`${what} ${why}`, { what, why, days: [day] });
    else known.days.push(day);
  };
  for (const earlier of otherWindows) {
    tell(
      earlier,
      'everything',
      `conversation window ${windowOf(earlier)}, now ${windowOf(judged)}`,
    );
  }
  for (const earlier of baseline) {
    const [then, now] = [earlier.countedWith, judged.countedWith];
    const noCountries = then.countryFeed === '' && now.countryFeed === '';
    if (!noCountries && !sameCountries(earlier, judged)) {
      tell(earlier, 'countries', `${feedOf(then)}, now ${feedOf(now)}`);
    }
    const added = missingIn(then, now);
    if (added !== '') tell(earlier, `categories ${added}`, 'on no list then');
    const gone = missingIn(now, then);
    if (gone !== '') tell(earlier, `categories ${gone}`, 'on no list now');
  }
  if (differences.size === 0) return [];
  const { day } = judged;
  const told = [...differences.values()].map(
    ({ what, why, days }) => `${what} with ${days.join(', ')} (${why})`,
  );
  const message = `settings or reference data changed; of ${day} are not compared: ${told.join('; ')}`;
  return [{ kind: 'history-not-comparable', day, subject: 'volume-change', message }];
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
