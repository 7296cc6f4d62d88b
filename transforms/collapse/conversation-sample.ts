import { textHash } from '../../pipeline/text-hash.js';

/**
 * Estimates how many conversations there were from sightings of them by window, in bounded memory,
 * whatever the order and grouping of sightings; one that comes again changes nothing.
 *
 * Distinct endpoints are not enough: a busy client runs out of ports within a day and takes them
 * again. So it samples cells of (conversation key, eight windows): the cells with the smallest hashes,
 * each with one bit a window, and in those counts the windows that start a conversation.
 * Standard error 1.4 % or less above 8,192 cells, none below. Source: bottom-k sketches, Cohen and
 * Kaplan, 2007.
 */
const CELLS = 8192;

/** Windows of a cell; before them come bits for the last two windows of the cell before. */
const WINDOWS = 8;
const CONTEXT = 2;

export class ConversationSample {
  /** Windows seen, by hash of the cell. Holds all hashes up to the CELLS + 1 smallest. */
  readonly #cells = new Map<number, number>();
  #greatest = Infinity;

  static fromText(text: string): ConversationSample {
    const sample = new ConversationSample();
    const bytes = Buffer.from(text, 'base64');
    for (let at = 0; at + 10 <= bytes.length; at += 10) {
      sample.#see(bytes.readDoubleLE(at), bytes.readUInt16LE(at + 8));
    }
    return sample;
  }

  toText(): string {
    const kept = this.#smallest();
    const bytes = Buffer.alloc(kept.length * 10);
    kept.forEach((cell, i) => {
      bytes.writeDoubleLE(cell, i * 10);
      bytes.writeUInt16LE(this.#cells.get(cell) ?? 0, i * 10 + 8);
    });
    return bytes.toString('base64');
  }

  /** Adds the sighting of `key` in the window of that number. */
  add(key: string, window: number): void {
    const block = Math.floor(window / WINDOWS);
    const place = window - block * WINDOWS;
    this.#see(textHash(`${key} ${block}`), 1 << (place + CONTEXT));
    // The next cell must know whether its first windows go on with a conversation.
    const context = place - WINDOWS + CONTEXT;
    if (context >= 0) this.#see(textHash(`${key} ${block + 1}`), 1 << context);
  }

  merge(other: ConversationSample): void {
    for (const [cell, seen] of other.#cells) this.#see(cell, seen);
  }

  /** The estimate, a whole number. */
  count(): number {
    const kept = this.#smallest();
    const all = kept.length <= CELLS;
    let starts = 0;
    for (const cell of all ? kept : kept.slice(0, CELLS)) {
      starts += startsIn(this.#cells.get(cell) ?? 0);
    }
    return all ? starts : Math.round(starts / kept[CELLS]);
  }

  #see(cell: number, seen: number): void {
    if (cell > this.#greatest) return;
    const cells = this.#cells;
    cells.set(cell, (cells.get(cell) ?? 0) | seen);
    if (cells.size <= CELLS * 2) return;
    const kept = this.#smallest();
    this.#greatest = kept[CELLS];
    for (const known of cells.keys()) if (known > this.#greatest) cells.delete(known);
  }

  /** The CELLS + 1 smallest hashes in order: so many tell a full sample from one that lacks some. */
  #smallest(): number[] {
    return [...this.#cells.keys()].sort((a, b) => a - b).slice(0, CELLS + 1);
  }
}

/** Windows that no window follows on: neither the one before nor the one before that was seen. */
function startsIn(seen: number): number {
  let starts = 0;
  for (let bit = CONTEXT; bit < WINDOWS + CONTEXT; bit++) {
    if (((seen >>> (bit - CONTEXT)) & 0b111) === 0b100) starts++;
  }
  return starts;
}
