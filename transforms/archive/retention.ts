import { rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { archivedDays, archivedFiles } from './archive-listing.js';
import { dayOf, pathOf } from './archived-name.js';

/** Files that one call removes at most: a bundle must not wait for a day of them. */
const MOST_REMOVED = 512;

/** What is removed at once. */
const AT_ONCE = 16;

/** How long an archive keeps a window. By event time: a job that catches up keeps what it needs. */
export class Retention {
  readonly #directory: string;
  /** Newest window that was seen, and before which time all is removed. */
  #newestMs = -Infinity;
  #removedBeforeMs = -Infinity;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /**
   * Removes files of windows that started more than `lookbackMs` before the newest one, the oldest
   * first; what is left of them goes with the next call. Gives how many went.
   */
  async prune(newestMs: number, lookbackMs: number): Promise<number> {
    this.#newestMs = Math.max(this.#newestMs, newestMs);
    const beforeMs = this.#newestMs - lookbackMs;
    // Listing a day costs more than all else here, and only a new window has anything to remove.
    if (!(beforeMs > this.#removedBeforeMs)) return 0;
    const removed = await removeBefore(this.#directory, beforeMs);
    if (removed < MOST_REMOVED) this.#removedBeforeMs = beforeMs;
    return removed;
  }
}

async function removeBefore(directory: string, beforeMs: number): Promise<number> {
  if (beforeMs <= 0) return 0;
  const lastDay = dayOf(beforeMs);
  let removed = 0;
  for (const day of await archivedDays(directory)) {
    if (day > lastDay) break;
    const old = (await archivedFiles(directory, day)).filter(
      ({ windowStartMs }) => windowStartMs < beforeMs,
    );
    const going = old.slice(0, MOST_REMOVED - removed);
    for (let at = 0; at < going.length; at += AT_ONCE) {
      const some = going.slice(at, at + AT_ONCE);
      await Promise.all(some.map((name) => rm(pathOf(directory, name), { force: true })));
    }
    removed += going.length;
    if (removed >= MOST_REMOVED) break;
    // Where others have put files into it, it stays.
    if (day < lastDay) await rmdir(join(directory, day)).catch(() => undefined);
  }
  return removed;
}
