import { BITMAP_WORDS, bitsSet, conversationsOf } from '../../history/conversation-bitmap.js';
import type { Random } from '../generate/random.js';

/** Conversation windows of an hour. */
const WINDOWS = 12;
const HOURS = 24;

/** So many conversations fill any bitmap beyond what can be told. */
const FILLS_BITMAP = 3_000;

/** What sensors see of one relation's conversations on a day, some of which last many windows. */
export class ConversationClumps {
  /** [sensor * 24 + hour]: conversations once a window, and those seen for the first time. */
  readonly #windows: Float64Array;
  readonly #begun: Float64Array;
  readonly #sensors: number;

  constructor(sensors: number) {
    this.#sensors = sensors;
    this.#windows = new Float64Array(sensors * HOURS);
    this.#begun = new Float64Array(sensors * HOURS);
  }

  /**
   * Conversations that begin in an hour and last `meanWindows` on average, cut off at midnight; each
   * sensor sees each window with the probability `share(sensor, hour)`.
   */
  add(
    random: Random,
    conversations: number,
    hour: number,
    meanWindows: number,
    share: (sensor: number, hour: number) => number,
  ): void {
    if (meanWindows > 1) {
      for (let i = 0; i < conversations; i++) this.#addLong(random, hour, meanWindows, share);
      return;
    }
    for (let sensor = 0; sensor < this.#sensors; sensor++) {
      const seen = random.binomial(conversations, share(sensor, hour));
      this.#windows[sensor * HOURS + hour] += seen;
      this.#begun[sensor * HOURS + hour] += seen;
    }
  }

  /** Calls `tell` for each sensor and hour with a conversation. */
  seen(tell: (sensor: number, hour: number, windows: number, begun: number) => void): void {
    this.#windows.forEach((windows, slot) => {
      if (windows > 0) tell(Math.floor(slot / HOURS), slot % HOURS, windows, this.#begun[slot]);
    });
  }

  #addLong(
    random: Random,
    hour: number,
    meanWindows: number,
    share: (sensor: number, hour: number) => number,
  ): void {
    const start = hour * WINDOWS + random.int(WINDOWS);
    const length = 1 + Math.floor(random.exponential(meanWindows));
    const end = Math.min(HOURS * WINDOWS, start + length);
    for (let sensor = 0; sensor < this.#sensors; sensor++) {
      let known = false;
      for (let at = start; at < end;) {
        const hourNow = Math.floor(at / WINDOWS);
        const next = Math.min(end, (hourNow + 1) * WINDOWS);
        const seen = random.binomial(next - at, share(sensor, hourNow));
        at = next;
        if (seen === 0) continue;
        this.#windows[sensor * HOURS + hourNow] += seen;
        if (!known) this.#begun[sensor * HOURS + hourNow]++;
        known = true;
      }
    }
  }
}

/** The number of conversations that a bitmap of the history tells of so many; NaN = too many. */
export function toldByBitmap(random: Random, conversations: number): number {
  if (conversations > FILLS_BITMAP) return NaN;
  const bitmap = new Uint32Array(BITMAP_WORDS);
  for (let i = 0; i < conversations; i++) {
    const bit = random.int(BITMAP_WORDS * 32);
    bitmap[bit >>> 5] |= 1 << (bit & 31);
  }
  return conversationsOf(bitsSet(bitmap, 0));
}
