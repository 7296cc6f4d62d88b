import { statSync, watch, type FSWatcher } from 'node:fs';
import { join } from 'node:path';

/** Directories beyond it are only looked at from time to time. */
const MOST_WATCHED = 1000;

/** Paths beyond it are not remembered one by one. */
const MOST_CHANGED = 10_000;

type Note = (event: string, name: string | null) => void;

interface Watched {
  readonly watcher: FSWatcher;
  readonly inode: number;
}

/**
 * Tells what changes in directories: one inotify watch a directory, where chokidar takes one a file
 * and 100,000 files would need more than Linux allows by default (8,192 to 65,536).
 */
export class WatchedDirectories {
  readonly #changed: () => void;
  readonly #warn: (message: string) => void;
  readonly #start: (directory: string, note: Note) => FSWatcher;
  readonly #watched = new Map<string, Watched>();
  #paths = new Set<string>();
  #anything = false;
  #failed = false;

  /** `start` watches one directory; for tests, which cannot exhaust inotify. */
  constructor(
    changed: () => void,
    warn: (message: string) => void,
    start: (directory: string, note: Note) => FSWatcher = watch,
  ) {
    this.#changed = changed;
    this.#warn = warn;
    this.#start = start;
  }

  /** Whether changes go unseen, and must be looked for more often. */
  get failed(): boolean {
    return this.#failed;
  }

  /** Watches these directories and no others. Those that are not there are left out. */
  follow(directories: ReadonlySet<string>): void {
    for (const [directory, { watcher }] of this.#watched) {
      if (directories.has(directory)) continue;
      watcher.close();
      this.#watched.delete(directory);
    }
    for (const directory of directories) this.#follow(directory);
  }

  /** What changed since the last call; undefined where it cannot be said. */
  take(): ReadonlySet<string> | undefined {
    const paths = this.#anything ? undefined : this.#paths;
    this.#paths = new Set();
    this.#anything = false;
    return paths;
  }

  close(): void {
    this.follow(new Set());
  }

  #follow(directory: string): void {
    const known = this.#watched.get(directory);
    try {
      const stats = statSync(directory, { throwIfNoEntry: false });
      // A directory that was made anew is another one, and its watch is dead.
      if (known !== undefined && stats?.ino !== known.inode) {
        known.watcher.close();
        this.#watched.delete(directory);
      } else if (known !== undefined) {
        return;
      }
      if (stats === undefined) return;
      if (this.#watched.size >= MOST_WATCHED) {
        this.#fail(directory, `${MOST_WATCHED} are, which is the most`);
        return;
      }
      const watcher = this.#start(directory, (_event, name) => this.#note(directory, name));
      watcher.on('error', (error) => {
        watcher.close();
        this.#watched.delete(directory);
        this.#fail(directory, error.message);
      });
      this.#watched.set(directory, { watcher, inode: stats.ino });
    } catch (error) {
      this.#fail(directory, reasonOf(error as NodeJS.ErrnoException));
    }
  }

  #note(directory: string, name: string | null): void {
    if (name === null || this.#paths.size >= MOST_CHANGED) this.#anything = true;
    else this.#paths.add(join(directory, name));
    this.#changed();
  }

  #fail(directory: string, reason: string): void {
    if (!this.#failed) {
      this.#warn(`${directory} cannot be watched (${reason}): it is looked at every few seconds`);
    }
    this.#failed = true;
  }
}

function reasonOf({ code, message }: NodeJS.ErrnoException): string {
  if (code === 'ENOSPC') return 'no inotify watch is left, see sysctl fs.inotify.max_user_watches';
  if (code === 'EMFILE') {
    return 'no inotify instance is left, see sysctl fs.inotify.max_user_instances';
  }
  return message;
}
