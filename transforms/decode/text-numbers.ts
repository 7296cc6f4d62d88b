/** Numbers as text, read from bytes. What is not a number is NaN or -1: nothing here throws or allocates. */

/** 2^64 has 20 digits; more are not a counter. */
const MAX_COUNT_DIGITS = 20;

/** Non-negative decimal integer in `text[start..end)`; NaN if it is none. */
export function parseCount(text: Uint8Array, start: number, end: number): number {
  if (end <= start || end - start > MAX_COUNT_DIGITS) return NaN;
  let value = 0;
  for (let i = start; i < end; i++) {
    const digit = text[i] - 48;
    if (digit < 0 || digit > 9) return NaN;
    value = value * 10 + digit;
  }
  return value;
}

/** Port 0..65535, decimal or hexadecimal with `0x` (Argus); -1 if it is none. */
export function parsePort(text: Uint8Array, start: number, end: number): number {
  const port = isHex(text, start, end)
    ? parseHex(text, start + 2, end)
    : parseCount(text, start, end);
  return port >= 0 && port <= 0xffff ? port : -1;
}

/** Whether the text begins with `0x`. */
export function isHex(text: Uint8Array, start: number, end: number): boolean {
  return end - start > 2 && text[start] === 48 && (text[start + 1] | 32) === 120;
}

/** Hexadecimal digits without prefix, at most 8; -1 if they are none. */
export function parseHex(text: Uint8Array, start: number, end: number): number {
  if (end <= start || end - start > 8) return -1;
  let value = 0;
  for (let i = start; i < end; i++) {
    const c = text[i];
    const digit = c <= 57 ? c - 48 : (c | 32) - 87;
    if (digit < 0 || digit > 15 || (c > 57 && digit < 10)) return -1;
    value = value * 16 + digit;
  }
  return value;
}

/**
 * Non-negative decimal with optional fraction and exponent (`0.5`, `2.1e-06`); NaN if it is none.
 * Exact to a few units in the last place, which is enough for durations; times use `parseTime`.
 */
export function parseDecimal(text: Uint8Array, start: number, end: number): number {
  let value = 0;
  let digits = 0;
  let scale = 0;
  let i = start;
  let point = false;
  for (; i < end; i++) {
    const c = text[i];
    if (c === 46) {
      if (point) return NaN;
      point = true;
      continue;
    }
    const digit = c - 48;
    if (digit < 0 || digit > 9) break;
    digits++;
    // Above 2^53 further digits of a fraction change nothing.
    if (point && value > 9e14) continue;
    value = value * 10 + digit;
    if (point) scale++;
  }
  if (digits === 0 || digits > 400) return NaN;
  let exponent = 0;
  if (i < end) {
    if ((text[i] | 32) !== 101) return NaN;
    const sign = text[i + 1];
    const signed = sign === 45 || sign === 43;
    const magnitude = parseCount(text, signed ? i + 2 : i + 1, end);
    if (!(magnitude <= 308)) return NaN;
    exponent = sign === 45 ? -magnitude : magnitude;
  }
  const power = exponent - scale;
  if (power === 0) return value;
  const result = power < 0 ? value / 10 ** -power : value * 10 ** power;
  return Number.isFinite(result) ? result : NaN;
}

/** Seconds as text to whole milliseconds, rounded to the nearest; NaN if it is no duration. */
export function parseDurationMs(text: Uint8Array, start: number, end: number): number {
  return Math.round(parseDecimal(text, start, end) * 1000);
}
