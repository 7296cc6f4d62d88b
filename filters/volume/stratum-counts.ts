import type { CustomerCounts, Stratum } from '../../history/history.js';

/**
 * What one sensor saw of a customer's strata on one day, in some of its hours.
 *
 * The history counts a conversation once in each window of five minutes in which it shows; a test
 * that takes counts for independent wants it once. So windows are multiplied with how many
 * conversations a window stood for on that day, in that stratum: one session of two hours in 24
 * windows is one.
 */
export interface DayStrata {
  readonly counts: ReadonlyMap<string, StratumCount>;
  /** The most windows that there may have been, where the history leaves out small networks and services. */
  leftOut(name: string, stratum: Stratum): number;
}

export interface StratumCount {
  readonly stratum: Stratum;
  /** Conversations, once a window, in the hours. */
  readonly windows: number;
  /** Different ones, whole, never more than windows; NaN where the history cannot tell. */
  readonly conversations: number;
}

/** `hours`: bits, of UTC. `sensor`: index into the day's sensors. */
export function dayStrata(
  customer: CustomerCounts | undefined,
  sensor: number,
  hours: number,
): DayStrata {
  interface Sums {
    readonly stratum: Stratum;
    readonly ofDay: number;
    windows: number;
    allWindows: number;
  }
  const sums = new Map<string, Sums>();
  for (const row of rowsOf(customer)) {
    if (row.sensor !== sensor) continue;
    const name = stratumName(row.stratum);
    let known = sums.get(name);
    if (known === undefined) {
      known = { stratum: row.stratum, ofDay: row.conversations, windows: 0, allWindows: 0 };
      sums.set(name, known);
    }
    known.allWindows += row.count;
    if (((hours >>> row.hour) & 1) === 1) known.windows += row.count;
  }
  const counts = new Map<string, StratumCount>();
  for (const [name, { stratum, ofDay, windows, allWindows }] of sums) {
    if (windows === 0) continue;
    const conversations = conversationsIn(windows, ofDay, allWindows);
    counts.set(name, { stratum, windows, conversations });
  }
  const most = customer?.leftOut ?? 0;
  const kept = new Set(most > 0 ? customer?.strata.map(stratumName) : []);
  return {
    counts,
    leftOut: (name, { kind }) =>
      (kind === 'network' || kind === 'service') && !kept.has(name) ? most : 0,
  };
}

/**
 * Conversations of a stratum on each of several days: windows on all of them, where one day had too
 * many conversations to tell. Windows beside conversations would be a change of the measure. What that
 * costs: hundreds of sessions that last all day, and become thousands of short ones in as many
 * windows, go unseen.
 */
export function comparable(days: readonly DayStrata[], name: string): number[] {
  const counts = days.map((day) => day.counts.get(name));
  const told = counts.every((count) => !Number.isNaN(count?.conversations));
  return counts.map((count) => (told ? count?.conversations : count?.windows) ?? 0);
}

/** The day's share of the windows; what shows in the hours at all is one at least. */
function conversationsIn(windows: number, ofDay: number, allWindows: number): number {
  if (Number.isNaN(ofDay)) return NaN;
  return Math.max(1, Math.round(windows * Math.min(1, ofDay / allWindows)));
}

/** `country:BR`. */
function stratumName({ kind, value }: Stratum): string {
  return `${kind}:${value}`;
}

/** The columns of a customer, row by row. */
export function* rowsOf(counts: CustomerCounts | undefined): Iterable<{
  readonly stratum: Stratum;
  readonly sensor: number;
  readonly hour: number;
  readonly count: number;
  readonly conversations: number;
}> {
  if (counts === undefined) return;
  for (let i = 0; i < counts.count.length; i++) {
    yield {
      stratum: counts.strata[counts.stratum[i]],
      sensor: counts.sensor[i],
      hour: counts.hour[i],
      count: counts.count[i],
      conversations: counts.conversations[i],
    };
  }
}
