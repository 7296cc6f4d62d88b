/** UTC days as history names them: `2025-03-03`. */

export const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;

/** A day's name: a file's name, so nothing but digits may be in it. */
const DAY_PATTERN = /^\d{4}-\d{2}-\d{2}$/;

/** The UTC day of a time. Throws a RangeError where no year of four digits has it. */
export function dayOf(ms: number): string {
  const day = Number.isFinite(ms) ? isoDay(ms) : undefined;
  if (day === undefined) throw new RangeError(`time ${ms} is in no day of the years 0 to 9999`);
  return day;
}

/** Start of a UTC day in ms. Throws a RangeError where there is no such day (2025-02-30). */
export function dayStartMs(day: string): number {
  const ms = DAY_PATTERN.test(day) ? Date.parse(`${day}T00:00:00.000Z`) : NaN;
  if (Number.isNaN(ms) || isoDay(ms) !== day) {
    throw new RangeError(`day "${day.slice(0, 40)}", expected one such as 2025-03-03`);
  }
  return ms;
}

export function isDay(text: string): boolean {
  try {
    dayStartMs(text);
    return true;
  } catch {
    return false;
  }
}

/** Hour (0..23, UTC) of a time. */
export function hourOf(ms: number): number {
  return Math.floor((((ms % DAY_MS) + DAY_MS) % DAY_MS) / HOUR_MS);
}

function isoDay(ms: number): string | undefined {
  const date = new Date(ms);
  const text = Number.isNaN(date.getTime()) ? '' : date.toISOString().slice(0, 10);
  return DAY_PATTERN.test(text) ? text : undefined;
}
