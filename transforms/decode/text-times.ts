/** Times as text, read from bytes to milliseconds since 1970 UTC. What is no time is NaN. */

const DAY_MS = 86_400_000;

/**
 * The time in `text[start..end)` in whole milliseconds, rounded to the nearest (half up); NaN if it
 * is none.
 *
 * Epoch numbers are seconds, milliseconds, microseconds or nanoseconds by their count of integer
 * digits (at most 11, 14, 17, 20), each with an optional fraction; digits are cut, never divided as
 * a float, because nanoseconds exceed 2^53. Civil times are `YYYY-MM-DD` or `YYYY/MM/DD`, `T` or a
 * space, `HH:MM:SS`, an optional fraction, and `Z`, an offset or nothing (UTC).
 */
export function parseTime(text: Uint8Array, start: number, end: number): number {
  if (end - start > 4) {
    const c = text[start + 4];
    if (c === 45 || c === 47) return parseCivil(text, start, end);
  }
  return parseEpoch(text, start, end);
}

function parseEpoch(text: Uint8Array, from: number, end: number): number {
  let start = from;
  while (start + 1 < end && text[start] === 48 && isDigit(text[start + 1])) start++;
  let integerEnd = start;
  while (integerEnd < end && isDigit(text[integerEnd])) integerEnd++;
  const digits = integerEnd - start;
  if (digits === 0 || digits > 20) return NaN;
  if (integerEnd < end) {
    if (text[integerEnd] !== 46) return NaN;
    for (let i = integerEnd + 1; i < end; i++) {
      if (!isDigit(text[i])) return NaN;
    }
  }
  const keep =
    digits <= 11 ? digits + 3 : digits <= 14 ? digits : digits <= 17 ? digits - 3 : digits - 6;
  let value = 0;
  for (let d = 0; d < keep; d++) value = value * 10 + digitAt(text, start, integerEnd, end, d);
  return digitAt(text, start, integerEnd, end, keep) >= 5 ? value + 1 : value;
}

/** Digit number `d` of a decimal number as if it had no point, 0 behind its end. */
function digitAt(
  text: Uint8Array,
  start: number,
  integerEnd: number,
  end: number,
  d: number,
): number {
  const at = start + d;
  if (at < integerEnd) return text[at] - 48;
  return at + 1 < end ? text[at + 1] - 48 : 0;
}

function parseCivil(text: Uint8Array, start: number, end: number): number {
  if (end - start < 19) return NaN;
  const dash = text[start + 4];
  const separator = text[start + 10];
  if (text[start + 7] !== dash) return NaN;
  if (separator !== 32 && separator !== 84 && separator !== 116) return NaN;
  if (text[start + 13] !== 58 || text[start + 16] !== 58) return NaN;
  const year = twoDigits(text, start) * 100 + twoDigits(text, start + 2);
  const month = twoDigits(text, start + 5);
  const day = twoDigits(text, start + 8);
  const hour = twoDigits(text, start + 11);
  const minute = twoDigits(text, start + 14);
  const second = twoDigits(text, start + 17);
  // Comparisons with NaN are false. Second 60 is a leap second: the first of the next minute.
  if (!(year >= 0 && month >= 1 && month <= 12 && day >= 1 && day <= daysInMonth(year, month)))
    return NaN;
  if (!(hour <= 23 && minute <= 59 && second <= 60)) return NaN;
  let millis = 0;
  let i = start + 19;
  if (i < end && text[i] === 46) {
    const first = ++i;
    let scale = 100;
    let roundUp = 0;
    for (; i < end && isDigit(text[i]); i++) {
      if (i - first < 3) {
        millis += (text[i] - 48) * scale;
        scale /= 10;
      } else if (i - first === 3 && text[i] >= 53) {
        roundUp = 1;
      }
    }
    if (i === first) return NaN;
    millis += roundUp;
  }
  const offset = i === end ? 0 : offsetMinutes(text, i, end);
  return (
    daysFromCivil(year, month, day) * DAY_MS +
    ((hour * 60 + minute - offset) * 60 + second) * 1000 +
    millis
  );
}

/** `Z`, `+HH`, `+HHMM` or `+HH:MM` (or `-`), in minutes east of UTC; NaN if it is none. */
function offsetMinutes(text: Uint8Array, start: number, end: number): number {
  const sign = text[start];
  const length = end - start;
  if (length === 1) return (sign | 32) === 122 ? 0 : NaN;
  if (sign !== 43 && sign !== 45) return NaN;
  if (length !== 3 && length !== 5 && !(length === 6 && text[start + 3] === 58)) return NaN;
  const hours = twoDigits(text, start + 1);
  const minutes = length === 3 ? 0 : twoDigits(text, end - 2);
  if (!(hours <= 23 && minutes <= 59)) return NaN;
  return (sign === 45 ? -1 : 1) * (hours * 60 + minutes);
}

/** Days since 1970-01-01 of a date of the Gregorian calendar. Year, month 1..12, day 1..31. */
export function daysFromCivil(year: number, month: number, day: number): number {
  // Years begin in March, so that the leap day is a year's last.
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  const dayOfEra =
    yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - 719_468;
}

function daysInMonth(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

function twoDigits(text: Uint8Array, at: number): number {
  const tens = text[at] - 48;
  const ones = text[at + 1] - 48;
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : NaN;
}

function isDigit(c: number): boolean {
  return c >= 48 && c <= 57;
}
