/** What a key held in the object scanned last. */
export const ABSENT = 0;
export const STRING = 1;
export const NUMBER = 2;
/** true, false, null, an object or an array. */
export const OTHER = 3;

const MAX_DEPTH = 32;
const QUOTE = 34;
const BACKSLASH = 92;

/**
 * Finds the values of known keys in one line that is one JSON object, as places in the bytes:
 * no strings, no objects. `JSON.parse` takes 1.8 us a record, this a fraction, and it would round
 * nanoseconds (they exceed 2^53).
 *
 * Keys may come in any order; the last of equal keys wins, as in `JSON.parse`; unknown keys are
 * passed over, whatever they hold (nested values only have their strings and brackets checked, to a
 * depth of 32). Keys written with escapes are unknown ones; escapes in values stay as they are.
 */
export class JsonScanner {
  /** By slot: what was found (ABSENT, STRING, ...) and where; a string without its quotes. */
  readonly kinds: Uint8Array;
  readonly starts: Int32Array;
  readonly ends: Int32Array;

  readonly #keys: readonly Uint8Array[];
  readonly #slots: readonly number[];
  /** Open addressing by hash of the key: index into `#keys` plus one. */
  readonly #table: Uint16Array;
  readonly #brackets = new Uint8Array(MAX_DEPTH);

  /** `keys` maps each key to its slot, 0 ... slots - 1; several keys may share one. */
  constructor(keys: Readonly<Record<string, number>>, slots: number) {
    this.kinds = new Uint8Array(slots);
    this.starts = new Int32Array(slots);
    this.ends = new Int32Array(slots);
    const entries = Object.entries(keys);
    this.#keys = entries.map(([key]) => Buffer.from(key, 'utf8'));
    this.#slots = entries.map(([, slot]) => slot);
    let size = 16;
    while (size < entries.length * 4) size *= 2;
    this.#table = new Uint16Array(size);
    this.#keys.forEach((key, index) => {
      let at = hashOf(key) & (size - 1);
      while (this.#table[at] !== 0) at = (at + 1) & (size - 1);
      this.#table[at] = index + 1;
    });
  }

  /** Whether `slot` holds a string or a number, not empty. */
  has(slot: number): boolean {
    const kind = this.kinds[slot];
    return (kind === STRING || kind === NUMBER) && this.ends[slot] > this.starts[slot];
  }

  /** Scans `text[start..end)`; false if it is not one object. */
  scan(text: Uint8Array, start: number, end: number): boolean {
    this.kinds.fill(ABSENT);
    let i = skipSpace(text, start, end);
    if (i >= end || text[i] !== 123) return false;
    i = skipSpace(text, i + 1, end);
    if (i < end && text[i] === 125) return skipSpace(text, i + 1, end) === end;
    for (;;) {
      if (i >= end || text[i] !== QUOTE) return false;
      const keyStart = i + 1;
      let hash = 0;
      let escaped = false;
      for (i = keyStart; i < end && text[i] !== QUOTE; i++) {
        const c = text[i];
        if (c < 32) return false;
        if (c === BACKSLASH) {
          escaped = true;
          i++;
        }
        hash = (Math.imul(hash, 31) + c) | 0;
      }
      if (i >= end) return false;
      const slot = escaped ? -1 : this.#slotOf(text, keyStart, i, hash);
      i = skipSpace(text, i + 1, end);
      if (i >= end || text[i] !== 58) return false;
      i = skipSpace(text, i + 1, end);
      if (i >= end) return false;

      const c = text[i];
      let kind: number;
      let valueStart = i;
      let valueEnd: number;
      if (c === QUOTE) {
        kind = STRING;
        valueStart = i + 1;
        valueEnd = stringEnd(text, valueStart, end);
        if (valueEnd < 0) return false;
        i = valueEnd + 1;
      } else if (c === 45 || (c >= 48 && c <= 57)) {
        kind = NUMBER;
        i++;
        while (i < end && isNumberByte(text[i])) i++;
        valueEnd = i;
      } else {
        kind = OTHER;
        i = c === 123 || c === 91 ? this.#nestedEnd(text, i, end) : literalEnd(text, i, end);
        if (i < 0) return false;
        valueEnd = i;
      }
      if (slot >= 0) {
        this.kinds[slot] = kind;
        this.starts[slot] = valueStart;
        this.ends[slot] = valueEnd;
      }

      i = skipSpace(text, i, end);
      if (i >= end) return false;
      if (text[i] === 125) return skipSpace(text, i + 1, end) === end;
      if (text[i] !== 44) return false;
      i = skipSpace(text, i + 1, end);
    }
  }

  #slotOf(text: Uint8Array, start: number, end: number, hash: number): number {
    const table = this.#table;
    const mask = table.length - 1;
    for (let at = hash & mask; table[at] !== 0; at = (at + 1) & mask) {
      const index = table[at] - 1;
      const key = this.#keys[index];
      if (key.length !== end - start) continue;
      let k = 0;
      while (k < key.length && key[k] === text[start + k]) k++;
      if (k === key.length) return this.#slots[index];
    }
    return -1;
  }

  /** End of the object or array that begins at `start`; -1 if it has none or lies too deep. */
  #nestedEnd(text: Uint8Array, start: number, end: number): number {
    const brackets = this.#brackets;
    let depth = 0;
    for (let i = start; i < end; i++) {
      const c = text[i];
      if (c === QUOTE) {
        i = stringEnd(text, i + 1, end);
        if (i < 0) return -1;
      } else if (c === 123 || c === 91) {
        if (depth === MAX_DEPTH) return -1;
        // `}` and `]` are each two above what opens them.
        brackets[depth++] = c + 2;
      } else if (c === 125 || c === 93) {
        if (brackets[--depth] !== c) return -1;
        if (depth === 0) return i + 1;
      }
    }
    return -1;
  }
}

function hashOf(key: Uint8Array): number {
  let hash = 0;
  for (const c of key) hash = (Math.imul(hash, 31) + c) | 0;
  return hash;
}

function skipSpace(text: Uint8Array, start: number, end: number): number {
  let i = start;
  while (i < end && (text[i] === 32 || text[i] === 9 || text[i] === 13)) i++;
  return i;
}

/** Place of the closing quote of a string whose first character is at `start`; -1 if it has none. */
function stringEnd(text: Uint8Array, start: number, end: number): number {
  for (let i = start; i < end; i++) {
    const c = text[i];
    if (c === QUOTE) return i;
    if (c === BACKSLASH) i++;
    else if (c < 32) return -1;
  }
  return -1;
}

function isNumberByte(c: number): boolean {
  return (c >= 48 && c <= 57) || c === 46 || c === 43 || c === 45 || (c | 32) === 101;
}

const LITERALS: readonly Uint8Array[] = ['true', 'false', 'null'].map((word) => Buffer.from(word));

function literalEnd(text: Uint8Array, start: number, end: number): number {
  for (const word of LITERALS) {
    if (word[0] !== text[start]) continue;
    if (start + word.length > end) return -1;
    for (let k = 1; k < word.length; k++) {
      if (text[start + k] !== word[k]) return -1;
    }
    return start + word.length;
  }
  return -1;
}
