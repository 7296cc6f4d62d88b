/** What a day was counted with, as a state gathers it and as JSON. */
import { SHARED_CATEGORIES } from '../reference/categories.js';
import type { Reference } from '../reference/reference.js';
import type { CountedWith } from './history.js';

/** Where nothing was counted, nothing is known. */
export const COUNTED_WITH_NOTHING: CountedWith = {
  windowMs: null,
  countryFeed: null,
  categories: [],
};

/** Of conversations in windows of `windowMs` that were joined with `reference`. */
export function countedWith(windowMs: number, { countries, tags }: Reference): CountedWith {
  const shared = new Set<string>(SHARED_CATEGORIES);
  return {
    windowMs: isWindow(windowMs) ? windowMs : null,
    countryFeed: countries.feed,
    categories: tags.categories.filter((category) => !shared.has(category)).sort(),
  };
}

/**
 * Of a day that was counted with both, in any order and grouping: what differs is not known of the
 * day as a whole, and a category is known on it only if both knew it.
 */
export function countedWithBoth(a: CountedWith, b: CountedWith): CountedWith {
  const others = new Set(b.categories);
  return {
    windowMs: a.windowMs === b.windowMs ? a.windowMs : null,
    countryFeed: a.countryFeed === b.countryFeed ? a.countryFeed : null,
    categories: a.categories.filter((category) => others.has(category)),
  };
}

/** Reads it from JSON that may come from anywhere. Throws a RangeError. */
export function parseCountedWith(json: unknown): CountedWith {
  const { windowMs, countryFeed, categories } = (json ?? {}) as Record<string, unknown>;
  if (windowMs !== null && !isWindow(windowMs)) {
    throw new RangeError('countedWith: windowMs is no number of milliseconds');
  }
  if (countryFeed !== null && typeof countryFeed !== 'string') {
    throw new RangeError('countedWith: countryFeed is no text');
  }
  if (!Array.isArray(categories) || !categories.every((name) => typeof name === 'string')) {
    throw new RangeError('countedWith: categories are no list of texts');
  }
  return { windowMs, countryFeed, categories: [...new Set(categories)].sort() };
}

function isWindow(ms: unknown): ms is number {
  return Number.isSafeInteger(ms) && (ms as number) > 0;
}
