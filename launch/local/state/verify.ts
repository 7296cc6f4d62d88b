import type { ClassicLevel } from 'classic-level';

import {
  decodeEntry,
  decodeIndex,
  decodeMeta,
  Digest,
  keyRange,
  META_KEY,
} from './checked-entry.js';
import type { Meta } from './checked-entry.js';
import type { CommitRange, JournalContent } from './commit-journal.js';

export type Level = ClassicLevel<Buffer, Buffer>;

/** How many keys a report names. */
const NAMED_KEYS = 100;
/** Bytes and entries that are read at once. */
const READ_BYTES = 1_048_576;
const READ_ENTRIES = 512;

/** What reading a whole store has shown. */
export interface Findings {
  /** Undefined if the record of the last commit is gone. */
  readonly meta: Meta | undefined;
  /** Of the entries that are sound. */
  readonly digest: Digest;
  /** Keys whose last value is known to be gone, at most 100. */
  readonly damagedKeys: readonly string[];
  /** All of them. */
  readonly damaged: number;
  /** Groups of commits of which the journal knows and of which something is missing. */
  readonly lost: ReadonlySet<CommitRange>;
  /** LevelDB could not read all of it. */
  readonly unreadable: boolean;
}

/** Takes the sound entries, in the order of keys. */
export type Keep = (key: string, value: Uint8Array) => Promise<void> | undefined;

/** Whether nothing is missing: the entries are those of the last commit, and it is the last. */
export function isWhole(findings: Findings, journal: JournalContent): boolean {
  const { meta, digest, damaged, unreadable } = findings;
  if (damaged > 0 || unreadable) return false;
  const expected = meta ?? { commits: 0, digest: new Digest() };
  return expected.commits >= journal.commits && expected.digest.equals(digest);
}

/**
 * Reads everything and checks every entry. With `journal`, which is only asked once damage is known,
 * also says which of the last commits' keys are not as they were left.
 */
export async function verify(
  level: Level,
  journal?: JournalContent,
  keep?: Keep,
): Promise<Findings> {
  const meta = await readMeta(level);
  const digest = new Digest();
  const named = new Set<string>();
  const lost = new Set<CommitRange>();
  let damaged = 0;
  let unreadable = false;
  const pending = new Map(journal?.changes);
  // What was committed after the journal's last record may have changed any key again.
  const journalIsLast = journal !== undefined && (meta?.commits ?? 0) <= journal.commits;

  const damage = (key: string): void => {
    damaged += 1;
    const last = pending.get(key);
    if (last !== undefined) lost.add(last.commits);
    pending.delete(key);
    if (named.size < NAMED_KEYS) named.add(key);
  };
  const onUnreadable = (): void => void (unreadable = true);
  const index = readAll(level, keyRange('index'), onUnreadable);
  const indexes = index[Symbol.asyncIterator]();
  try {
    let atIndex = await indexes.next();
    for await (const [key, stored] of readAll(level, keyRange('entry'), onUnreadable)) {
      while (atIndex.done !== true && compareNames(atIndex.value[0], key) < 0) {
        const name = nameOf(atIndex.value[0]);
        // Without its index the entry would have been there; a damaged index of nothing is nothing.
        if (!namesDeletion(name)) damage(name);
        atIndex = await indexes.next();
      }
      let mark = undefined;
      if (atIndex.done !== true && compareNames(atIndex.value[0], key) === 0) {
        mark = decodeIndex(...atIndex.value);
        atIndex = await indexes.next();
      }
      const name = nameOf(key);
      const entry = decodeEntry(key, stored);
      if (entry === undefined || (mark !== undefined && mark.crc !== entry.mark.crc)) {
        damage(name);
        continue;
      }
      const last = pending.get(name);
      if (last !== undefined && last.crc !== entry.mark.crc) {
        if (last.crc === null && journalIsLast) {
          // It was deleted, and the deletion is what was lost.
          lost.add(last.commits);
          pending.delete(name);
          continue;
        }
        // An older value, which is kept: the last good one.
        damage(name);
      }
      pending.delete(name);
      digest.add(entry.mark);
      const kept = keep?.(name, entry.value);
      if (kept !== undefined) await kept;
    }
    for (; atIndex.done !== true; atIndex = await indexes.next()) {
      const name = nameOf(atIndex.value[0]);
      if (!namesDeletion(name)) damage(name);
    }
  } finally {
    await indexes.return(undefined);
  }
  for (const [key, { commits, crc }] of pending) {
    if (crc === null) continue;
    lost.add(commits);
    damaged += 1;
    if (named.size < NAMED_KEYS) named.add(key);
  }
  return { meta, digest, damagedKeys: [...named], damaged, lost, unreadable };

  function namesDeletion(key: string): boolean {
    return journalIsLast && pending.get(key)?.crc === null;
  }
}

async function readMeta(level: Level): Promise<Meta | undefined> {
  // By iterator: in a repaired LevelDB tables overlap, and a get may find the older of two.
  const range = { gte: META_KEY, lte: META_KEY };
  for await (const [, stored] of readAll(level, range, () => undefined)) return decodeMeta(stored);
  return undefined;
}

/**
 * All that LevelDB can read in `range`. It goes on behind a block that it cannot read and says so only
 * at the end, where classic-level drops what it has read last: then that is read again one by one.
 */
async function* readAll(
  level: Level,
  range: { readonly gte: Buffer; readonly lt?: Buffer; readonly lte?: Buffer },
  onUnreadable: () => void,
): AsyncGenerator<readonly [key: Buffer, stored: Buffer], undefined, undefined> {
  let last: Buffer | undefined;
  for (const atOnce of [READ_ENTRIES, 1]) {
    const { gte, ...end } = range;
    const start = last === undefined ? { gte } : { gt: last };
    const iterator = level.iterator({ ...start, ...end, highWaterMarkBytes: READ_BYTES });
    try {
      for (;;) {
        const entries = await iterator.nextv(atOnce);
        if (entries.length === 0) return;
        for (const entry of entries) {
          last = entry[0];
          yield entry;
        }
      }
    } catch {
      onUnreadable();
    } finally {
      await iterator.close();
    }
  }
}

/** By key alone, without the byte that tells entry and index apart. */
function compareNames(a: Buffer, b: Buffer): number {
  return a.compare(b, 1, b.length, 1, a.length);
}

function nameOf(key: Buffer): string {
  return key.toString('utf8', 1);
}
