import { open, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { ConversationBatch } from '../../pipeline/conversation-batch.js';
import { makeDirectory, syncDirectory } from '../write/durable-directory.js';
import { packBatch } from './archived-file.js';
import { nameOf, pathOf, UNFINISHED } from './archived-name.js';

/** Files that are brought to disk at once: a disk does several in hardly more than the time of one. */
const AT_ONCE = 8;

/** Files that wait to be brought to disk together. */
const MOST_WAITING = 256;

/** Writes the batches of one bundle to an archive; what `finish` has not seen may not last. */
export class ArchiveWriter {
  readonly #directory: string;
  readonly #made = new Set<string>();
  /** Paths whose temporary files are written. */
  readonly #waiting = new Set<string>();
  /** Days with new names that may not be on disk yet. */
  readonly #unsynced = new Set<string>();
  #newestMs = -Infinity;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Start of the newest window that was added. */
  get newestMs(): number {
    return this.#newestMs;
  }

  /**
   * Adds a batch, which replaces an earlier version of it. Says whether it is kept: a window beyond
   * the year 9999 has no place. The batch is read before this first waits.
   */
  async add(batch: ConversationBatch): Promise<boolean> {
    const name = nameOf(batch.origin);
    if (name === undefined) return false;
    const packed = packBatch(batch);
    const day = join(this.#directory, name.day);
    if (!this.#made.has(day)) {
      await makeDirectory(day);
      this.#made.add(day);
    }
    const path = pathOf(this.#directory, name);
    await writeFile(temporaryOf(path), await packed);
    this.#waiting.add(path);
    this.#newestMs = Math.max(this.#newestMs, name.windowStartMs);
    if (this.#waiting.size >= MOST_WAITING) await this.finish();
    return true;
  }

  /** Brings what was added to disk, under its names. Where that failed it may be called again. */
  async finish(): Promise<void> {
    const waiting = [...this.#waiting];
    for (let at = 0; at < waiting.length; at += AT_ONCE) {
      // Of those that fail another try has to know.
      await Promise.all(
        waiting.slice(at, at + AT_ONCE).map(async (path) => {
          await place(path);
          this.#waiting.delete(path);
          this.#unsynced.add(dirname(path));
        }),
      );
    }
    for (const day of this.#unsynced) await syncDirectory(day);
    this.#unsynced.clear();
  }
}

/** The same at every try: a bundle that fails again and again, on a full disk, leaves one. */
function temporaryOf(path: string): string {
  return `${path}${UNFINISHED}`;
}

async function place(path: string): Promise<void> {
  const handle = await open(temporaryOf(path), 'r+');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(temporaryOf(path), path);
}
