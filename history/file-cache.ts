import { lstat, mkdir, readdir, readFile, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { replaceFile } from './atomic-file.js';

/** A file that no run has asked for in this time goes: no reference of a run can still name it. */
const UNUSED_MS = 7 * 24 * 60 * 60 * 1000;

const SHA256 = /^[0-9a-f]{64}$/;

/** A file by its content. */
export interface CachedFile {
  /** Hexadecimal, 32 bytes. */
  readonly sha256: string;
  readonly suffix: string;
  /** Whether `bytes` are the file of this digest. */
  isSound(bytes: Uint8Array): boolean;
  /** Brings its bytes from where it lies; what it throws, `path` throws. They must be sound. */
  load(): Promise<Uint8Array>;
}

/**
 * Files named by their content in a directory of this machine that the processes of a user share:
 * each is brought once. They appear whole, by rename, and are checked once by each process, so a file
 * that was damaged here is brought again. Files that were not asked for in seven days are removed.
 */
export class FileCache {
  readonly #directory: string;
  readonly #files = new Map<string, Promise<void>>();
  #ready: Promise<void> | undefined;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Path of the file, which is there then. Throws a RangeError where its digest is none. */
  async path(file: CachedFile): Promise<string> {
    if (!SHA256.test(file.sha256)) throw new RangeError(`sha256 "${file.sha256.slice(0, 64)}"`);
    await (this.#ready ??= this.#prepare());
    const name = `${file.sha256}${file.suffix}`;
    const path = join(this.#directory, name);
    const known = this.#files.get(name);
    if (known !== undefined) {
      await known;
      if (await touched(path)) return path;
    }
    const brought = bring(path, file);
    this.#files.set(name, brought);
    try {
      await brought;
    } catch (error) {
      if (this.#files.get(name) === brought) this.#files.delete(name);
      throw error;
    }
    return path;
  }

  async #prepare(): Promise<void> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    const stats = await lstat(this.#directory);
    // The system's temporary directory is everybody's: another user may have been here first.
    const own = process.getuid === undefined || stats.uid === process.getuid();
    if (!stats.isDirectory() || !own) {
      throw new Error(
        `${this.#directory} is not a directory of this user; remove it, or set TMPDIR to another place`,
      );
    }
    const oldest = Date.now() - UNUSED_MS;
    for (const name of await readdir(this.#directory)) {
      const path = join(this.#directory, name);
      // Another process may sweep at the same time.
      const used = await stat(path).catch(() => undefined);
      if (used !== undefined && used.mtimeMs < oldest) await rm(path, { force: true });
    }
  }
}

async function bring(path: string, file: CachedFile): Promise<void> {
  const there = await readFile(path).catch(() => undefined);
  if (there !== undefined && file.isSound(there) && (await touched(path))) return;
  await replaceFile(path, [await file.load()]);
}

/** Marks the file as used now; false where it is gone. */
async function touched(path: string): Promise<boolean> {
  const now = new Date();
  try {
    await utimes(path, now, now);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}
