import { constants } from 'node:fs';
import { open, rename, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Admission } from './admission.js';
import { makeDirectory } from './durable-directory.js';
import { OneAtATime } from './one-at-a-time.js';
import { recoverLines, recoveryMessages, writeAll } from './stored-lines.js';
import { WriteError } from './write-error.js';

export interface AppendedLinesOptions<T> {
  readonly admission: Admission<T>;
  /** Bytes that a file may have; the next line begins a new one. */
  readonly maxBytes?: number;
  /** Full files that are kept beside it: `.1` is the newest. */
  readonly kept?: number;
  /** What was found wrong with the file, and done about it. */
  readonly onMessage?: (message: string) => void;
  /** Ms since 1970 UTC. */
  readonly now?: () => number;
}

const MAX_BYTES = 64 << 20;
const KEPT = 4;

/** Bytes that one write takes. */
const PIECE_BYTES = 1 << 20;

/**
 * A file of JSON lines that a job appends to for as long as it runs: rejects.ndjson, notices.ndjson.
 * Its admission decides what is written; a full file becomes `.1`, that one `.2`, and the last goes,
 * so that 5 x 64 MiB are the most.
 *
 * Lines are handed to the system and not synced: they tell what the counters tell, and a power
 * failure may take the last of them. What a crash left at the end of the file is cut off.
 */
export class AppendedLines<T> {
  readonly #path: string;
  readonly #options: Required<AppendedLinesOptions<T>>;
  readonly #turns = new OneAtATime();
  /** Bytes of whole lines; undefined = the file is yet to be read. */
  #length: number | undefined;
  /** What is beyond them is of an append that failed. */
  #spoilt = false;
  #closed = false;

  private constructor(path: string, options: Required<AppendedLinesOptions<T>>) {
    this.#path = path;
    this.#options = options;
  }

  /** Makes the file, and folders above it, where they are missing. Throws a WriteError. */
  static async open<T>(path: string, options: AppendedLinesOptions<T>): Promise<AppendedLines<T>> {
    const lines = new AppendedLines<T>(path, {
      maxBytes: MAX_BYTES,
      kept: KEPT,
      onMessage: () => undefined,
      now: Date.now,
      ...options,
    });
    try {
      await makeDirectory(dirname(path));
      await lines.#withFile(() => Promise.resolve());
    } catch (error) {
      throw new WriteError(path, error);
    }
    return lines;
  }

  /**
   * Appends those that are admitted, and gives how many. Throws a WriteError where they cannot be
   * written: then none is, but for those that filled a file before, and the same may be appended
   * again.
   */
  append(values: readonly T[]): Promise<number> {
    return this.#turns.run(() => this.#append(values));
  }

  /** Brings what was appended to disk. */
  close(): Promise<void> {
    return this.#turns.run(async () => {
      if (this.#closed) return;
      this.#closed = true;
      try {
        await this.#withFile((handle) => handle.sync());
      } catch (error) {
        throw new WriteError(this.#path, error);
      }
    });
  }

  async #append(values: readonly T[]): Promise<number> {
    if (this.#closed) throw new Error(`lines are appended to ${this.#path}, which is closed`);
    const { admission, now } = this.#options;
    const nowMs = now();
    const admitted = values.filter((value) => admission.admit(value, nowMs));
    let written = 0;
    try {
      while (written < admitted.length) {
        written += await this.#fillFile(admitted, written);
        if (written < admitted.length) await this.#rotate();
      }
    } catch (error) {
      for (const value of admitted.slice(written)) admission.release(value);
      throw new WriteError(this.#path, error);
    }
    return admitted.length;
  }

  /** Writes values from `first` on, as many as the file has room for, or none; gives how many. */
  #fillFile(values: readonly T[], first: number): Promise<number> {
    return this.#withFile(async (handle, length) => {
      let end = length;
      let at = first;
      while (at < values.length) {
        const { bytes, lines } = this.#piece(values, at, end);
        if (lines === 0) break;
        this.#spoilt = true;
        await writeAll(handle, bytes, end);
        end += bytes.length;
        at += lines;
      }
      this.#length = end;
      this.#spoilt = false;
      return at - first;
    });
  }

  /** Lines from `first` on that one write takes, of a file that has `length` bytes. */
  #piece(
    values: readonly T[],
    first: number,
    length: number,
  ): { readonly bytes: Buffer; readonly lines: number } {
    const lines: Buffer[] = [];
    let bytes = 0;
    while (first + lines.length < values.length && bytes < PIECE_BYTES) {
      const line = Buffer.from(`${JSON.stringify(values[first + lines.length])}\n`);
      const full = length + bytes + line.length > this.#options.maxBytes;
      // An empty file has room for any line.
      if (full && length + bytes > 0) break;
      lines.push(line);
      bytes += line.length;
    }
    return { bytes: Buffer.concat(lines, bytes), lines: lines.length };
  }

  async #rotate(): Promise<void> {
    this.#length = undefined;
    const { kept } = this.#options;
    for (let older = kept; older > 0; older--) {
      const newer = older === 1 ? this.#path : `${this.#path}.${older - 1}`;
      await rename(newer, `${this.#path}.${older}`).catch((error: unknown) => {
        // Not so many are there yet.
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      });
    }
  }

  /** Opens the file, as `length` bytes of whole lines, for as long as `use` takes. */
  async #withFile<R>(use: (handle: FileHandle, length: number) => Promise<R>): Promise<R> {
    const handle = await open(this.#path, constants.O_RDWR | constants.O_CREAT);
    try {
      return await use(handle, await this.#wholeLines(handle));
    } finally {
      await handle.close();
    }
  }

  async #wholeLines(handle: FileHandle): Promise<number> {
    const found = await handle.stat();
    if (!found.isFile()) throw new Error(`${this.#path} is no regular file`);
    if (this.#length !== undefined && this.#spoilt && found.size >= this.#length) {
      await handle.truncate(this.#length);
      this.#spoilt = false;
      return this.#length;
    }
    if (this.#length !== found.size) {
      // At the start, or somebody else has changed or moved it.
      const recovered = await recoverLines(handle, () => true);
      for (const message of recoveryMessages(this.#path, recovered))
        this.#options.onMessage(message);
      this.#length = recovered.length;
      this.#spoilt = false;
    }
    return this.#length;
  }
}
