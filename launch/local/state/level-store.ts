import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

import {
  decodeEntry,
  decodeIndex,
  decodeMeta,
  encodeEntry,
  encodeIndex,
  encodeMeta,
  entryKey,
  indexKey,
  keyRange,
  markOf,
  META_KEY,
  type Digest,
  type EntryMark,
} from './checked-entry.js';
import { CommitJournal, readJournal, type JournalChange } from './commit-journal.js';
import { causeMessage, DiskFullError, freeBytes, isDiskFull } from './disk-full.js';
import { cutLogAfter } from './level-log.js';
import { openLevel, openVerified, type Recovered, type Recovery } from './recovery.js';
import { claimDirectory, lockDirectory, type DirectoryLock } from './state-directory.js';
import { StateError, type Change, type StateStore } from './state-store.js';
import type { Level } from './verify.js';

export interface LevelStoreOptions {
  /** Bytes that LevelDB collects before it writes a table; it may hold twice as many. */
  readonly writeBufferBytes?: number;
  /** Whether tables are compressed (snappy). */
  readonly compression?: boolean;
  /**
   * Bytes that are left free on the disk: a commit that would leave less is refused before anything
   * of it is written. LevelDB needs room of its own to come up again. Default: 4 write buffers.
   */
  readonly reserveBytes?: number;
}

const WRITE_BUFFER_BYTES = 16 * 2 ** 20;
/** What is synced at once, at most; a single commit may be larger. */
const GROUP_BYTES = 8 * 2 ** 20;
/** Bytes and entries that are read at once. */
const READ_BYTES = 1_048_576;
const READ_ENTRIES = 256;
/** What an entry takes beyond key and value: its key twice, checksums, LevelDB's own. */
const ENTRY_OVERHEAD_BYTES = 64;

/**
 * Opens the state in `directory`, or begins one there if it is new or empty. Reads and verifies all of
 * it. What was found damaged is in `recovered`.
 *
 * StateError: in use by another process; not ours; of a newer format; nothing in it can be used.
 */
export async function openLevelStore(
  directory: string,
  options: LevelStoreOptions = {},
): Promise<LevelStore> {
  const writeBufferBytes = options.writeBufferBytes ?? WRITE_BUFFER_BYTES;
  const levelOptions = {
    writeBufferSize: writeBufferBytes,
    compression: options.compression ?? false,
    maxFileSize: Math.max(2 * 2 ** 20, writeBufferBytes / 4),
  };
  const claim = await claimDirectory(directory);
  const lock = await lockDirectory(directory);
  let opened: Recovered | undefined;
  try {
    const journal = await readJournal(directory);
    opened = await openVerified(directory, journal, levelOptions);
    const { commits, recovery } = opened;
    return new LevelStore(
      directory,
      levelOptions,
      options.reserveBytes ?? 4 * writeBufferBytes,
      lock,
      // LevelDB has two logs at most, each of a write buffer and one more batch.
      await CommitJournal.begin(directory, commits, 2 * (writeBufferBytes + GROUP_BYTES)),
      opened,
      recovery ?? noted(directory, claim.note),
    );
  } catch (error) {
    await opened?.level.close();
    await lock.close();
    if (isDiskFull(error) && !(error instanceof DiskFullError)) {
      throw new DiskFullError(`${directory}: no space left on device`, { cause: error });
    }
    throw error;
  }
}

function noted(directory: string, note: string | undefined): Recovery | undefined {
  if (note === undefined) return undefined;
  return {
    lostCommits: 0,
    damagedKeys: [],
    lostEntries: 0,
    repaired: true,
    keptAside: undefined,
    message: `${directory}: ${note}`,
  };
}

/** A commit that waits for its turn. */
interface Waiting {
  readonly changes: readonly Change[];
  readonly bytes: number;
  readonly resolve: () => void;
  readonly reject: (reason: Error) => void;
}

/** Commits that are written and synced at once. */
interface Group {
  readonly waiting: readonly Waiting[];
  /** The last change of each key. */
  readonly changes: ReadonlyMap<string, Uint8Array | null>;
  readonly bytes: number;
}

interface LevelOptions {
  readonly writeBufferSize: number;
  readonly compression: boolean;
  readonly maxFileSize: number;
}

/**
 * A state store in LevelDB that notices when it does not hold what was committed (checked-entry.ts,
 * commit-journal.ts) and outlives a full disk.
 */
export class LevelStore implements StateStore {
  /** What was damaged when the store was opened; undefined = nothing. */
  readonly recovered: Recovery | undefined;

  readonly #directory: string;
  readonly #options: LevelOptions;
  readonly #reserveBytes: number;
  readonly #lock: DirectoryLock;
  readonly #journal: CommitJournal;
  /** Undefined between a failed write and the reopening that it makes necessary. */
  #level: Level | undefined;
  #reopening: Promise<Level> | undefined;
  #commits: number;
  #digest: Digest;
  #queue: Waiting[] = [];
  #writing: Promise<void> | undefined;
  #closed = false;

  constructor(
    directory: string,
    options: LevelOptions,
    reserveBytes: number,
    lock: DirectoryLock,
    journal: CommitJournal,
    { level, commits, digest }: Recovered,
    recovered: Recovery | undefined,
  ) {
    this.#directory = directory;
    this.#options = options;
    this.#reserveBytes = reserveBytes;
    this.#lock = lock;
    this.#journal = journal;
    this.#level = level;
    this.#commits = commits;
    this.#digest = digest;
    this.recovered = recovered;
  }

  get commits(): number {
    return this.#commits;
  }

  /** The store as it is when the first entry is asked for; later commits do not show. */
  async *entries(
    prefix: string,
  ): AsyncGenerator<readonly [key: string, value: Uint8Array], void, undefined> {
    this.#assertOpen();
    const level = this.#level ?? (await this.#reopen());
    const iterator = level.iterator({
      ...keyRange('entry', prefix),
      highWaterMarkBytes: READ_BYTES,
    });
    try {
      for (;;) {
        const entries = await iterator.nextv(READ_ENTRIES).catch((error: unknown) => {
          throw this.#failure('cannot be read', error);
        });
        if (entries.length === 0) return;
        for (const [key, stored] of entries) {
          const entry = decodeEntry(key, stored);
          const name = key.toString('utf8', 1);
          if (entry === undefined) {
            throw new StateError(
              `${this.#directory}: entry ${JSON.stringify(name)} is damaged: restart to recover`,
            );
          }
          yield [name, entry.value];
        }
      }
    } finally {
      await iterator.close();
    }
  }

  /**
   * Commits that are waiting while one is being synced are written and synced together, in order. The
   * values must not be changed before it resolves. DiskFullError: nothing of it is kept, it may be
   * tried again, and the store can go on. Empty `changes` count as a commit.
   */
  async commit(changes: readonly Change[]): Promise<void> {
    this.#assertOpen();
    let bytes = 0;
    for (const { key, value } of changes) {
      // As UTF-8 two different keys with half a surrogate pair are the same.
      if (/\p{Surrogate}/u.test(key)) {
        throw new StateError(`key ${JSON.stringify(key)} is not well-formed Unicode`);
      }
      bytes += 3 * key.length + (value?.length ?? 0) + ENTRY_OVERHEAD_BYTES;
    }
    await new Promise<void>((resolve, reject) => {
      this.#queue.push({ changes, bytes, resolve, reject });
      this.#writing ??= this.#writeQueue();
    });
  }

  /** Of files; what LevelDB is about to delete included. */
  async size(): Promise<number> {
    const path = join(this.#directory, 'level');
    const sizes = (await readdir(path)).map((name) =>
      // A table may go away between the two calls.
      stat(join(path, name)).then(
        ({ size }) => size,
        () => 0,
      ),
    );
    return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
  }

  /** Waits for commits under way. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#writing;
    await this.#reopening?.catch(() => undefined);
    await this.#level?.close();
    this.#level = undefined;
    await this.#journal.close();
    await this.#lock.close();
  }

  async #writeQueue(): Promise<void> {
    while (this.#queue.length > 0) {
      const group = this.#nextGroup();
      try {
        await this.#writeWithRoom(group);
        for (const { resolve } of group.waiting) resolve();
      } catch (error) {
        const failure = this.#failure('commit failed', error);
        for (const { reject } of group.waiting) reject(failure);
      }
    }
    this.#writing = undefined;
  }

  #nextGroup(): Group {
    const changes = new Map<string, Uint8Array | null>();
    let bytes = 0;
    let taken = 0;
    for (const waiting of this.#queue) {
      if (taken > 0 && bytes + waiting.bytes > GROUP_BYTES) break;
      for (const { key, value } of waiting.changes) changes.set(key, value);
      bytes += waiting.bytes;
      taken += 1;
    }
    return { waiting: this.#queue.splice(0, taken), changes, bytes };
  }

  /**
   * LevelDB answers a write with the error of a compaction that ran out of room long ago, although
   * there may be room again: then it is opened anew by now, and the write is tried once more.
   */
  async #writeWithRoom(group: Group): Promise<void> {
    await this.#assertRoom(group.bytes);
    try {
      await this.#write(group);
    } catch (error) {
      if (!isDiskFull(error) || this.#level === undefined) throw error;
      await this.#assertRoom(group.bytes);
      await this.#write(group);
    }
  }

  async #write({ waiting, changes, bytes }: Group): Promise<void> {
    const level = this.#level ?? (await this.#reopen());
    const digest = this.#digest.copy();
    const journal: JournalChange[] = [];
    const previous = await this.#marks(level, [...changes.keys()]);
    const first = this.#commits + 1;
    const last = this.#commits + waiting.length;

    const operations: Operation[] = [];
    let at = 0;
    for (const [key, value] of changes) {
      const before = previous[at++];
      if (before !== undefined) digest.remove(before);
      const stored = entryKey(key);
      const index = indexKey(key);
      if (value === null) {
        journal.push({ key, crc: null });
        operations.push({ type: 'del', key: stored }, { type: 'del', key: index });
      } else {
        const mark = markOf(stored, value);
        digest.add(mark);
        journal.push({ key, crc: mark.crc });
        operations.push(
          { type: 'put', key: stored, value: encodeEntry(value, mark) },
          { type: 'put', key: index, value: encodeIndex(index, mark) },
        );
      }
    }
    // First in the batch: level-log.ts looks for it there.
    operations.unshift({
      type: 'put',
      key: META_KEY,
      value: encodeMeta({ commits: last, digest }),
    });
    try {
      await level.batch(operations, { sync: true });
    } catch (error) {
      await this.#undo(level);
      throw error;
    }
    this.#commits = last;
    this.#digest = digest;
    await this.#journal.append({ first, last }, journal, bytes);
  }

  /** What the entries of `keys` are now; undefined where there is none. */
  async #marks(level: Level, keys: readonly string[]): Promise<(EntryMark | undefined)[]> {
    const indexes = keys.map(indexKey);
    const stored = await level.getMany(indexes);
    return indexes.map((index, at) => {
      const bytes = stored[at];
      if (bytes === undefined) return undefined;
      const mark = decodeIndex(index, bytes);
      if (mark === undefined) {
        throw new StateError(
          `${this.#directory}: index of ${JSON.stringify(keys[at])} is damaged: restart to recover`,
        );
      }
      return mark;
    });
  }

  /**
   * After a failed write LevelDB refuses some later writes and would append others behind a torn
   * record, where they are lost; and the failed batch may be in its log. So it is closed, the batch
   * is taken out, and it is opened again, now or when there is room.
   */
  async #undo(level: Level): Promise<void> {
    this.#level = undefined;
    await level.close();
    await this.#reopen().catch(() => undefined);
  }

  async #reopen(): Promise<Level> {
    this.#assertOpen();
    this.#reopening ??= this.#openAgain().finally(() => {
      this.#reopening = undefined;
    });
    return await this.#reopening;
  }

  async #openAgain(): Promise<Level> {
    const path = join(this.#directory, 'level');
    try {
      await cutLogAfter(path, this.#commits);
      const level = await openLevel(path, { ...this.#options, createIfMissing: false });
      const stored = await level.get(META_KEY);
      const meta = stored === undefined ? undefined : decodeMeta(stored);
      if ((meta?.commits ?? 0) !== this.#commits) {
        await level.close();
        throw new StateError(
          `${this.#directory}: has commit ${meta?.commits ?? 0}, expected ${this.#commits}: restart to recover`,
        );
      }
      this.#level = level;
      return level;
    } catch (error) {
      throw this.#failure('cannot be opened again', error);
    }
  }

  async #assertRoom(bytes: number): Promise<void> {
    const free = await freeBytes(this.#directory);
    if (free < bytes + this.#reserveBytes) {
      throw new DiskFullError(
        `${this.#directory}: no space left on device: ${free} bytes free, commit of ${bytes} bytes must leave ${this.#reserveBytes}`,
      );
    }
  }

  #failure(what: string, error: unknown): StateError {
    if (error instanceof StateError) return error;
    const message = `${this.#directory}: ${what}: ${causeMessage(error)}`;
    return isDiskFull(error)
      ? new DiskFullError(message, { cause: error })
      : new StateError(message, { cause: error });
  }

  #assertOpen(): void {
    if (this.#closed) throw new StateError(`${this.#directory}: state store is closed`);
  }
}

type Operation =
  | { readonly type: 'put'; readonly key: Buffer; readonly value: Buffer }
  | { readonly type: 'del'; readonly key: Buffer };
