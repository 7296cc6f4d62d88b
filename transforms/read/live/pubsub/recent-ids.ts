import { createHash } from 'node:crypto';

/** As long as Beam's PubsubIO remembers. */
const REMEMBERED_MS = 10 * 60_000;
/** Some 100 bytes each, in two generations. */
const MOST_IDS = 200_000;
/** The service allows 1,024 bytes. */
const LONGEST_ID = 64;

/**
 * Ids of messages that were committed within the last ten minutes.
 *
 * Two generations: the older one is forgotten when the newer one is ten minutes old or full. So an
 * id is remembered for ten to twenty minutes, fewer where more than 200,000 come in that time; what
 * slips through is met by `dedupe`, which counts identical records once.
 */
export class RecentIds {
  #newer = new Set<string>();
  #older = new Set<string>();
  #startedMs: number;
  readonly #most: number;

  constructor(nowMs: number, most = MOST_IDS) {
    this.#startedMs = nowMs;
    this.#most = most;
  }

  add(id: string, nowMs: number): void {
    this.#age(nowMs);
    this.#newer.add(short(id));
    if (this.#newer.size >= this.#most) this.#turn(nowMs);
  }

  has(id: string, nowMs: number): boolean {
    this.#age(nowMs);
    const key = short(id);
    return this.#newer.has(key) || this.#older.has(key);
  }

  /** Ids that are remembered. */
  get size(): number {
    return this.#newer.size + this.#older.size;
  }

  #age(nowMs: number): void {
    if (nowMs - this.#startedMs < REMEMBERED_MS) return;
    // Twice the time without a message: both are too old.
    if (nowMs - this.#startedMs >= 2 * REMEMBERED_MS) this.#newer = new Set();
    this.#turn(nowMs);
  }

  #turn(nowMs: number): void {
    this.#older = this.#newer;
    this.#newer = new Set();
    this.#startedMs = nowMs;
  }
}

function short(id: string): string {
  return id.length <= LONGEST_ID ? id : createHash('sha256').update(id).digest('base64');
}
