import { createHash } from 'node:crypto';
import { closeSync, fstatSync, readFileSync, readSync } from 'node:fs';
import { access, constants, mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { replaceFile } from './atomic-file.js';
import { decodeCandidates, encodeCandidates } from './candidates.js';
import { DIGEST_BYTES, openDay } from './day-file.js';
import { HistoryError } from './history-error.js';
import { checkReplaceable, openRegularFile, readRegularFile } from './regular-file.js';
import type { EarlierCandidate } from './history.js';
import {
  KEEP_RATIO,
  type ExistingDay,
  type FileRef,
  type HistoryFiles,
  type HistoryRef,
  type HistoryStore,
  type WrittenDay,
} from './store.js';
import { HistoryStorageError } from './storage-error.js';
import { CANDIDATES_FILE, DAY_FILE, MOST_BYTES } from './stored-file.js';
import { dayStartMs, isDay } from './utc-day.js';

const DAY_SUFFIX = DAY_FILE.suffix;
const CANDIDATES_SUFFIX = CANDIDATES_FILE.suffix;

/** History in a directory of this machine. */
export class LocalHistoryStore implements HistoryStore, HistoryFiles {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  async prepare(): Promise<void> {
    try {
      await mkdir(this.#directory, { recursive: true });
      await access(this.#directory, constants.W_OK);
    } catch (cause) {
      const problem = `expected a directory that can be written, got ${(cause as Error).message}`;
      throw new HistoryStorageError(this.#directory, problem, { cause });
    }
  }

  async listDays(): Promise<readonly string[]> {
    return (await this.#list()).days;
  }

  async describe(): Promise<HistoryRef> {
    const { days, candidates } = await this.#list();
    return {
      directory: this.#directory,
      days: days.flatMap((day) => this.#describe(day, DAY_SUFFIX, lastBytes)),
      candidates: candidates.flatMap((day) => this.#describe(day, CANDIDATES_SUFFIX, wholeDigest)),
    };
  }

  /** They are here. */
  bring(): Promise<HistoryFiles> {
    return Promise.resolve(this);
  }

  readDay(day: string): Uint8Array {
    const path = this.#path(day, DAY_SUFFIX);
    try {
      return readRegularFile(path);
    } catch (cause) {
      throw new HistoryError(path, day, (cause as Error).message, { cause });
    }
  }

  async writeDay(
    day: string,
    pieces: readonly Uint8Array[],
    conversations: number,
  ): Promise<WrittenDay> {
    const path = this.#path(day, DAY_SUFFIX);
    const bytes = pieces.reduce((sum, piece) => sum + piece.byteLength, 0);
    if (bytes > MOST_BYTES) {
      throw new RangeError(`history ${path}: ${bytes} bytes, a day may have ${MOST_BYTES}`);
    }
    await checkReplaceable(path);
    const existing = this.#existing(day, path);
    const kept = existing !== null && existing.conversations > KEEP_RATIO * conversations;
    if (!kept) await replaceFile(path, pieces);
    return {
      kept,
      conversations: existing?.conversations ?? null,
      offered: conversations,
      sensors: existing?.sensors ?? [],
    };
  }

  readCandidates(day: string, sha256?: string): readonly EarlierCandidate[] {
    const path = this.#path(day, CANDIDATES_SUFFIX);
    let bytes: Uint8Array;
    try {
      bytes = readRegularFile(path);
    } catch (cause) {
      const none = (cause as NodeJS.ErrnoException).code === 'ENOENT';
      if (none && sha256 === undefined) return [];
      throw new HistoryError(path, day, (cause as Error).message, { cause });
    }
    if (sha256 !== undefined && sha256 !== digestOf(bytes)) {
      throw new HistoryError(path, day, `is not the file of sha256 ${sha256} that was asked for`);
    }
    return decodeCandidates(bytes, day, path);
  }

  async writeCandidates(day: string, candidates: readonly EarlierCandidate[]): Promise<void> {
    const path = this.#path(day, CANDIDATES_SUFFIX);
    await checkReplaceable(path);
    await replaceFile(path, [encodeCandidates(day, candidates)]);
  }

  /** The day's file; null where there is none or it is damaged. */
  #existing(day: string, path: string): ExistingDay | null {
    try {
      const file = openDay(this.readDay(day), path);
      return file.day === day ? file : null;
    } catch (error) {
      if (error instanceof HistoryError) return null;
      throw error;
    }
  }

  /** Throws a RangeError where `day` is none: it becomes a part of a path. */
  #path(day: string, suffix: string): string {
    dayStartMs(day);
    return join(this.#directory, `${day}${suffix}`);
  }

  async #list(): Promise<{ days: string[]; candidates: string[] }> {
    let names: string[];
    try {
      names = await readdir(this.#directory);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { days: [], candidates: [] };
      throw error;
    }
    const daysWith = (suffix: string): string[] =>
      names
        .filter((name) => name.endsWith(suffix))
        .map((name) => name.slice(0, -suffix.length))
        .filter(isDay)
        .sort();
    return { days: daysWith(DAY_SUFFIX), candidates: daysWith(CANDIDATES_SUFFIX) };
  }

  /** The file's size and digest; one that cannot be read is named all the same, for whoever opens it to report. */
  #describe(day: string, suffix: string, digest: (fd: number, bytes: number) => string): FileRef[] {
    let fd: number;
    try {
      fd = openRegularFile(this.#path(day, suffix));
    } catch (error) {
      // Removed since it was listed.
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      return [{ day, bytes: 0, sha256: '' }];
    }
    try {
      const { size } = fstatSync(fd);
      return [{ day, bytes: size, sha256: digest(fd, size) }];
    } finally {
      closeSync(fd);
    }
  }
}

/** The digest that a day's file ends with: cheap, and checked when the day is opened. */
function lastBytes(fd: number, bytes: number): string {
  const digest = Buffer.alloc(Math.min(DIGEST_BYTES, bytes));
  const read = readSync(fd, digest, 0, digest.length, bytes - digest.length);
  return digest.toString('hex', 0, read);
}

function wholeDigest(fd: number): string {
  return digestOf(readFileSync(fd));
}

function digestOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
