import { createHash } from 'node:crypto';
import type { Notice } from '../../pipeline/notice.js';
import type { Reject } from '../../pipeline/reject.js';

/** Decides which lines are worth their place in a file that grows for months. */
export interface Admission<T> {
  /** Whether `value` is to be written at `nowMs` (ms since 1970 UTC); it then counts as written. */
  admit(value: T, nowMs: number): boolean;
  /** `value` was admitted and could not be written. */
  release(value: T): void;
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** Rejects of one file and reason that an hour keeps. */
const REJECTS_AN_HOUR = 100;

/** Kinds of rejects, or notices, that are told apart; names of files come from outside. */
const MOST_TOLD_APART = 10_000;

/** The first rejects of each file and reason in each UTC hour: a sensor gone mad fills no disk. */
export class FirstRejects implements Admission<Reject> {
  readonly #counts = new Map<string, number>();
  #hour = NaN;

  admit(reject: Reject, nowMs: number): boolean {
    const hour = Math.floor(nowMs / HOUR_MS);
    if (hour !== this.#hour) this.#counts.clear();
    this.#hour = hour;
    const key = this.#key(reject);
    const count = this.#counts.get(key) ?? 0;
    if (count >= REJECTS_AN_HOUR) return false;
    this.#counts.set(key, count + 1);
    return true;
  }

  release(reject: Reject): void {
    const key = this.#key(reject);
    const count = this.#counts.get(key);
    if (count !== undefined) this.#counts.set(key, count - 1);
  }

  /** Beyond the most that are told apart all others share one key. */
  #key({ file, reason }: Reject): string {
    // Messages of one subscription differ after the `#`.
    const key = JSON.stringify([file.split('#', 1)[0], reason]);
    return this.#counts.has(key) || this.#counts.size < MOST_TOLD_APART ? key : '';
  }
}

/** Equal notices once in each UTC day; a restart forgets which were told. */
export class NewNotices implements Admission<Notice> {
  readonly #told = new Set<string>();
  #day = NaN;

  admit(notice: Notice, nowMs: number): boolean {
    const day = Math.floor(nowMs / DAY_MS);
    if (day !== this.#day) this.#told.clear();
    this.#day = day;
    const key = digest(notice);
    if (this.#told.has(key)) return false;
    // So many are no news; those told longest ago may be told once more.
    for (const oldest of this.#told) {
      if (this.#told.size < MOST_TOLD_APART) break;
      this.#told.delete(oldest);
    }
    this.#told.add(key);
    return true;
  }

  release(notice: Notice): void {
    this.#told.delete(digest(notice));
  }
}

function digest(notice: Notice): string {
  return createHash('sha256').update(JSON.stringify(notice)).digest('base64');
}
