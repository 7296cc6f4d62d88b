import type { DayCounts, History } from '../history/history.js';
import type { Notice } from '../pipeline/notice.js';
import type { FilterBase } from './filter.js';
import type { GroupDetection } from './group-filter.js';

/**
 * A risk that only a whole UTC day of one customer shows, beside the days before it. It judges the
 * history's counts of that day, which are written first, so that a run that sees a few late records
 * of a day judges the whole day.
 */
export interface DayFilter<Policy = unknown, Prepared = unknown> extends FilterBase<
  Policy,
  Prepared
> {
  readonly shape: 'day';
  /** What the day shows of one customer. */
  detect(
    customer: string,
    day: DayCounts,
    history: History,
    prepared: Prepared,
  ): Iterable<GroupDetection>;
  /** What the day shows of the sensors. */
  notices(day: DayCounts, history: History): Iterable<Notice>;
}

/** Keeps the types of a day filter's policy and prepared form together while it is declared. */
export function defineDayFilter<Policy, Prepared>(
  filter: Omit<DayFilter<Policy, Prepared>, 'shape'>,
): DayFilter<Policy, Prepared> {
  return { ...filter, shape: 'day' };
}
