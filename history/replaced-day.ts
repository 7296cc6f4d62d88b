import type { Notice } from '../pipeline/notice.js';
import type { DaySensor } from './history.js';
import type { WrittenDay } from './store.js';

/** A new file with less than this part of the former one's conversations is spoken of. */
const USUAL_PART = 0.9;

/** Sensors that a notice names. */
const MAX_NAMED = 5;

/**
 * What the operator should know of a day's file that took the place of a larger one, or of one with
 * other sensors (`sensors` are the new one's): a rerun adds records, so less is a mistake, or another
 * configuration that writes to the same place. undefined = nothing.
 */
export function replacedNotice(
  day: string,
  { kept, conversations, offered, sensors: former }: WrittenDay,
  sensors: readonly DaySensor[],
): Notice | undefined {
  if (kept || conversations === null) return undefined;
  const there = new Set(sensors.map(named));
  const gone = former.map(named).filter((sensor) => !there.has(sensor));
  if (offered >= USUAL_PART * conversations && gone.length === 0) return undefined;
  const lost = gone.length === 0 ? '' : `, without ${listed(gone)}`;
  return {
    kind: 'history-replaced',
    day,
    subject: day,
    message:
      `the history of ${day} with ${conversations} conversations was replaced by this run's with ${offered}${lost}: ` +
      `if other inputs or another configuration wrote it, give each its own directory and run that day again`,
  };
}

/** What the operator should know of a day's file that stayed, because a run saw only `offered` conversations of that day. */
export function keptNotice(day: string, conversations: number, offered: number): Notice {
  return {
    kind: 'history-kept',
    day,
    subject: day,
    message:
      `the history of ${day} was kept: it has ${conversations} conversations, ` +
      `this run saw only ${offered} of that day; remove its file to replace it`,
  };
}

function named({ sensor, samplingRate }: DaySensor): string {
  return samplingRate === 0 ? `${sensor} (unknown rate)` : `${sensor} (1 in ${samplingRate})`;
}

function listed(sensors: readonly string[]): string {
  const more = sensors.length - MAX_NAMED;
  const first = sensors.slice(0, MAX_NAMED).join(', ');
  const what = sensors.length === 1 ? 'its sensor' : `${sensors.length} of its sensors:`;
  return `${what} ${first}${more > 0 ? ` and ${more} more` : ''}`;
}
