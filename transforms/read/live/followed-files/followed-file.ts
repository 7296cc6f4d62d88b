import type { BigIntStats } from 'node:fs';
import type { Progress } from './progress.js';

/**
 * What must come before a file is read on, other than its growth:
 * `settled`: it is compressed or binary and is read once nobody writes it any more;
 * `recognized`: so little is there that its format does not show; `quiet`: its last line has no end;
 * `retry`: it could not be read.
 */
export type Waits = 'nothing' | 'settled' | 'recognized' | 'quiet' | 'retry';

export interface Patience {
  /** A file that did not change for so long, ms, is taken for complete. */
  readonly settledMs: number;
  /** After so long, ms, its last line is taken without a line feed, and a cut gzip for cut. */
  readonly quietMs: number;
}

/** A file is the same while its device and inode are, whatever its name. */
export function identityOf({ dev, ino }: BigIntStats): string {
  return `${dev}:${ino}`;
}

/** What a file shows of having been written. */
export function shapeOf({ size, mtimeNs }: BigIntStats): string {
  return `${size}@${mtimeNs}`;
}

/** One file that is followed. Times are of a clock that is never set. */
export class FollowedFile {
  readonly identity: string;
  path: string;
  progress: Progress;
  waits: Waits = 'nothing';
  /** The reason that was counted when it could not be read. */
  problem = '';
  mtimeMs = 0;
  /** It could not be opened under its name; until it is seen again. */
  gone = false;
  /** When all files were looked at and it was not among them; undefined = it is there. */
  missingSince: number | undefined;
  /** It is found only outside of what is followed, as the rest of a file that was rotated away. */
  astray = false;
  #shape = '';
  #readShape: string;
  #unchangedSince = 0;
  #retryAt = 0;

  constructor(identity: string, progress: Progress) {
    this.identity = identity;
    this.path = progress.path;
    this.progress = progress;
    this.#readShape = progress.readWhole;
  }

  /** It was seen at `path`; `wallMs` is the time of the clock that dates files. */
  seen(path: string, stats: BigIntStats, now: number, wallMs: number): void {
    const shape = shapeOf(stats);
    this.path = path;
    this.missingSince = undefined;
    this.gone = false;
    if (shape === this.#shape) return;
    this.mtimeMs = Number(stats.mtimeMs);
    // What is old when it is first seen was complete long ago.
    const age = this.#shape === '' ? Math.max(0, wallMs - this.mtimeMs) : 0;
    this.#unchangedSince = now - age;
    this.#shape = shape;
  }

  isSettled(now: number, { settledMs }: Patience): boolean {
    return now - this.#unchangedSince >= settledMs;
  }

  isQuiet(now: number, { quietMs }: Patience): boolean {
    return now - this.#unchangedSince >= quietMs;
  }

  /** Whether there may be something to read. */
  isDue(now: number, patience: Patience): boolean {
    if (this.gone || this.missingSince !== undefined) return false;
    if (this.#shape === '') return false;
    const changed = this.#shape !== this.#readShape;
    switch (this.waits) {
      case 'nothing':
        return changed;
      case 'settled':
        return this.isSettled(now, patience);
      case 'recognized':
        return changed || this.isSettled(now, patience);
      case 'quiet':
        return changed || this.isQuiet(now, patience);
      case 'retry':
        return now >= this.#retryAt;
    }
  }

  /** It was read as far as it can be while it is as `stats` say. */
  read(stats: BigIntStats, waits: Waits): void {
    this.#readShape = shapeOf(stats);
    this.waits = waits;
    this.problem = '';
  }

  retryAt(time: number): void {
    this.waits = 'retry';
    this.#retryAt = time;
  }
}
