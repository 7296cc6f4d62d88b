const SLOTS = 256;
/** Bytes; a longer name is cut, so that a hostile one cannot grow memory. */
const MAX_NAME = 255;

/** Bytes of a name that its first slot is found by. */
const SAMPLED = 8;

/**
 * Names of sensors as strings, without making one per record: those seen last are kept with their
 * bytes, by a hash of some of these, or where that slot is taken by a hash of all. Bounded whatever
 * the input holds.
 */
export class SensorNames {
  readonly #bytes: (Uint8Array | undefined)[] = new Array<Uint8Array | undefined>(SLOTS).fill(
    undefined,
  );
  readonly #names: string[] = new Array<string>(SLOTS).fill('');

  /** The text `text[start..end)`; '' if empty. */
  of(text: Uint8Array, start: number, end: number): string {
    if (end <= start) return '';
    const cut = end - start > MAX_NAME ? start + MAX_NAME : end;
    const sampled = slotOf(text, start, cut, (cut - start) / SAMPLED);
    if (this.#holds(sampled, text, start, cut)) return this.#names[sampled];
    const whole = slotOf(text, start, cut, 1);
    if (this.#holds(whole, text, start, cut)) return this.#names[whole];
    const slot = this.#bytes[sampled] === undefined ? sampled : whole;
    const bytes = text.slice(start, cut);
    this.#bytes[slot] = bytes;
    this.#names[slot] = Buffer.from(bytes).toString('utf8');
    return this.#names[slot];
  }

  #holds(slot: number, text: Uint8Array, start: number, end: number): boolean {
    const bytes = this.#bytes[slot];
    if (bytes?.length !== end - start) return false;
    for (let i = 0; i < bytes.length; i++) {
      if (bytes[i] !== text[start + i]) return false;
    }
    return true;
  }
}

/** Slot by the length and the bytes `step` (at least 1) apart. */
function slotOf(text: Uint8Array, start: number, end: number, step: number): number {
  let hash = end - start;
  for (let at = start; at < end; at += step < 1 ? 1 : step) {
    hash = (Math.imul(hash, 31) + text[at | 0]) | 0;
  }
  return (hash ^ (hash >>> 11)) & (SLOTS - 1);
}
