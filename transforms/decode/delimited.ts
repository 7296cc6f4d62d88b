/** What the delimited text formats (CSV, Argus, Zeek TSV) share: header lines and the places of fields. */

const LF = 10;
const CR = 13;
const SPACE = 32;
const QUOTE = 34;

/** More columns than any tool writes (nfdump: 48); further ones are passed over. */
export const MAX_COLUMNS = 256;

export const COMMA = 44;
export const SEMICOLON = 59;
export const TAB = 9;
export const PIPE = 124;

/** Place of the line feed that ends the line at `start`, or the length of `text` if it has none. */
export function lineEnd(text: Uint8Array, start: number): number {
  const at = text.indexOf(LF, start);
  return at < 0 ? text.length : at;
}

/** `end` without the carriage return before it. */
export function withoutReturn(text: Uint8Array, start: number, end: number): number {
  return end > start && text[end - 1] === CR ? end - 1 : end;
}

/** Length of a UTF-8 byte order mark at the beginning of `text`. */
export function bomLength(text: Uint8Array): number {
  return text[0] === 0xef && text[1] === 0xbb && text[2] === 0xbf ? 3 : 0;
}

export interface Header {
  readonly separator: number;
  /** Lower case, without quotes and spaces around. */
  readonly names: readonly string[];
}

/** The header in `text[start..end)`: its separator is whichever of `separators` it has most of. */
export function parseHeader(
  text: Uint8Array,
  start: number,
  end: number,
  separators: readonly number[],
): Header {
  const line = text.subarray(start, withoutReturn(text, start, end));
  let separator = separators[0];
  let most = 0;
  for (const candidate of separators) {
    let count = 0;
    for (const c of line) if (c === candidate) count++;
    if (count > most) {
      most = count;
      separator = candidate;
    }
  }
  const names = Buffer.from(line)
    .toString('utf8')
    .split(String.fromCharCode(separator), MAX_COLUMNS)
    .map((name) =>
      name
        .trim()
        .replace(/^"(.*)"$/, '$1')
        .trim()
        .toLowerCase(),
    );
  return { separator, names };
}

/**
 * The slot of each column by its name, 0 for columns of no interest; the first of several columns
 * for one slot wins. `slots` has lower-case names.
 */
export function slotsOf(
  names: readonly string[],
  slots: ReadonlyMap<string, number>,
): { readonly byColumn: Uint8Array; readonly found: ReadonlySet<number>; readonly last: number } {
  const byColumn = new Uint8Array(MAX_COLUMNS);
  const found = new Set<number>();
  let last = -1;
  names.forEach((name, column) => {
    const slot = slots.get(name);
    if (slot === undefined || found.has(slot)) return;
    byColumn[column] = slot;
    found.add(slot);
    last = column;
  });
  return { byColumn, found, last };
}

/** Places of the fields of one line, by slot, without quotes and spaces around. */
export class Fields {
  readonly starts: Int32Array;
  readonly ends: Int32Array;
  /** Columns that the line has. */
  columns = 0;

  constructor(slots: number) {
    this.starts = new Int32Array(slots);
    this.ends = new Int32Array(slots);
  }

  clear(): void {
    this.starts.fill(0);
    this.ends.fill(0);
  }

  /** Splits `text[start..end)`, a line without its end. Fields in quotes may hold the separator. */
  split(
    text: Uint8Array,
    start: number,
    end: number,
    separator: number,
    byColumn: Uint8Array,
  ): void {
    const { starts, ends } = this;
    let column = 0;
    let i = start;
    for (;;) {
      let from = i;
      if (i < end && text[i] === QUOTE) {
        i++;
        while (i < end && text[i] !== QUOTE) i++;
        // A quote that nothing closes is a character like any other.
        if (i === end) i = from;
      }
      while (i < end && text[i] !== separator) i++;
      let to = i;
      const slot = column < MAX_COLUMNS ? byColumn[column] : 0;
      if (slot > 0) {
        while (from < to && text[from] === SPACE) from++;
        while (to > from && text[to - 1] === SPACE) to--;
        if (to - from >= 2 && text[from] === QUOTE && text[to - 1] === QUOTE) {
          from++;
          to--;
        }
        starts[slot] = from;
        ends[slot] = to;
      }
      column++;
      if (i >= end) break;
      i++;
    }
    this.columns = column;
  }
}

/** Whether `text[start..end)` is `word`. */
export function isWord(text: Uint8Array, start: number, end: number, word: Uint8Array): boolean {
  if (end - start !== word.length) return false;
  for (let i = 0; i < word.length; i++) {
    if (text[start + i] !== word[i]) return false;
  }
  return true;
}
