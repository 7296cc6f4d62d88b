const SLOTS = 256;
/** Bytes; a longer name is cut, so that a hostile one cannot grow memory. */
const MAX_NAME = 255;

/**
 * Names of sensors as strings, without making one per record: the last name seen in each of 256
 * slots by hash is kept with its bytes. Bounded whatever the input holds.
 */
export class SensorNames {
  readonly #bytes: (Uint8Array | undefined)[] = new Array<Uint8Array | undefined>(SLOTS).fill(
    undefined,
  );
  readonly #names: string[] = new Array<string>(SLOTS).fill('');
  #last = 0;

  /** The text `text[start..end)`; '' if empty. */
  of(text: Uint8Array, start: number, end: number): string {
    if (end <= start) return '';
    const cut = end - start > MAX_NAME ? start + MAX_NAME : end;
    if (this.#holds(this.#last, text, start, cut)) return this.#names[this.#last];
    let hash = 0;
    for (let i = start; i < cut; i++) hash = (Math.imul(hash, 31) + text[i]) | 0;
    const slot = (hash ^ (hash >>> 11)) & (SLOTS - 1);
    this.#last = slot;
    if (!this.#holds(slot, text, start, cut)) {
      const bytes = text.slice(start, cut);
      this.#bytes[slot] = bytes;
      this.#names[slot] = Buffer.from(bytes).toString('utf8');
    }
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
