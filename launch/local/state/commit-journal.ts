import { open, readdir, readFile, rm, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';

import { syncDirectory } from './state-directory.js';

/*
 * Which commits were acknowledged, and which keys they changed, apart from LevelDB: a log of LevelDB's
 * that lost its end looks like one that never had it. A record is written after LevelDB has synced the
 * commit and before the commit resolves, without a sync of its own: it survives a killed process, and
 * after a power failure it can only know less than LevelDB, never more.
 *
 * Segments `commits-N`; each begins with a record without keys that says the last commit before it.
 * A record is what was synced at once, one commit or several: u32 bytes of payload, u32 crc32 of
 * payload; payload: f64 first commit, f64 last commit, u32 keys, and for each u8 (1 = put, 0 =
 * deleted), u32 crc of the entry, u32 bytes of key, key. Little-endian.
 */
const SEGMENT = /^commits-(\d+)$/;
const RECORD_HEADER_BYTES = 8;
const PAYLOAD_HEADER_BYTES = 20;
const KEY_HEADER_BYTES = 9;

/** A change of the journal: `crc` of the entry, null = deleted. */
export interface JournalChange {
  readonly key: string;
  readonly crc: number | null;
}

/** Commits that were written in one batch, so are there all or none. */
export interface CommitRange {
  readonly first: number;
  readonly last: number;
}

/** What the journal says of a key's last change. */
export interface LastChange {
  readonly commits: CommitRange;
  readonly crc: number | null;
}

export interface JournalContent {
  /** Number of the last acknowledged commit; 0 = none. */
  readonly commits: number;
  /** Those the segments still speak of, in order. */
  readonly ranges: readonly CommitRange[];
  /** Whether there are any segments. */
  readonly found: boolean;
  /** The last change of each key that was changed since some while; bounded by the segments' size. */
  readonly changes: ReadonlyMap<string, LastChange>;
  /** A segment without any record, or one that is cut and was followed by another. */
  readonly damaged: boolean;
  /** The last segment ends in a record that is not whole: its commit may have been acknowledged. */
  readonly torn: boolean;
}

export async function readJournal(directory: string): Promise<JournalContent> {
  const changes = new Map<string, LastChange>();
  const ranges: CommitRange[] = [];
  const segments = await segmentsOf(directory);
  let commits = 0;
  let damaged = false;
  let torn = false;
  for (const segment of segments) {
    // An end that is not whole is only torn where nothing was written after it.
    if (torn) damaged = true;
    torn = false;
    const bytes = await readFile(join(directory, segmentName(segment)));
    let at = 0;
    let records = 0;
    while (at < bytes.length) {
      const payload = recordAt(bytes, at);
      if (payload === undefined || !readPayload(payload, changes, ranges)) {
        torn = true;
        break;
      }
      commits = Math.max(commits, payload.readDoubleLE(8));
      at += RECORD_HEADER_BYTES + payload.length;
      records++;
    }
    // The first record is synced before the segment before it is removed.
    if (records === 0 && segment === segments[0]) damaged = true;
  }
  return { commits, ranges, found: segments.length > 0, changes, damaged, torn };
}

function recordAt(bytes: Buffer, at: number): Buffer | undefined {
  if (at + RECORD_HEADER_BYTES > bytes.length) return undefined;
  const start = at + RECORD_HEADER_BYTES;
  const end = start + bytes.readUInt32LE(at);
  if (end > bytes.length || end - start < PAYLOAD_HEADER_BYTES) return undefined;
  const payload = bytes.subarray(start, end);
  return crc32(payload) === bytes.readUInt32LE(at + 4) ? payload : undefined;
}

function readPayload(
  payload: Buffer,
  changes: Map<string, LastChange>,
  ranges: CommitRange[],
): boolean {
  const commits = { first: payload.readDoubleLE(0), last: payload.readDoubleLE(8) };
  let at = PAYLOAD_HEADER_BYTES;
  for (let left = payload.readUInt32LE(16); left > 0; left--) {
    if (at + KEY_HEADER_BYTES > payload.length) return false;
    const crc = payload[at] === 0 ? null : payload.readUInt32LE(at + 1);
    const end = at + KEY_HEADER_BYTES + payload.readUInt32LE(at + 5);
    if (end > payload.length) return false;
    changes.set(payload.toString('utf8', at + KEY_HEADER_BYTES, end), { commits, crc });
    at = end;
  }
  // A segment's first record says where it begins and is no commit of its own.
  if (at > PAYLOAD_HEADER_BYTES) ranges.push(commits);
  return true;
}

function encodeRecord({ first, last }: CommitRange, changes: readonly JournalChange[]): Buffer {
  let size = RECORD_HEADER_BYTES + PAYLOAD_HEADER_BYTES;
  for (const { key } of changes) size += KEY_HEADER_BYTES + Buffer.byteLength(key);
  const record = Buffer.allocUnsafe(size);
  record.writeUInt32LE(size - RECORD_HEADER_BYTES, 0);
  record.writeDoubleLE(first, RECORD_HEADER_BYTES);
  record.writeDoubleLE(last, RECORD_HEADER_BYTES + 8);
  record.writeUInt32LE(changes.length, RECORD_HEADER_BYTES + 16);
  let at = RECORD_HEADER_BYTES + PAYLOAD_HEADER_BYTES;
  for (const { key, crc } of changes) {
    record[at] = crc === null ? 0 : 1;
    record.writeUInt32LE(crc ?? 0, at + 1);
    const bytes = record.write(key, at + KEY_HEADER_BYTES);
    record.writeUInt32LE(bytes, at + 5);
    at += KEY_HEADER_BYTES + bytes;
  }
  record.writeUInt32LE(crc32(record.subarray(RECORD_HEADER_BYTES)), 4);
  return record;
}

/** Writes the journal. One writer a directory. */
export class CommitJournal {
  /** Bytes of entries after which a segment is full: as many as LevelDB may hold in its logs. */
  readonly #coverBytes: number;
  readonly #directory: string;
  #segment: number;
  #file: FileHandle;
  #end: number;
  #covered = 0;

  private constructor(
    directory: string,
    coverBytes: number,
    segment: number,
    file: FileHandle,
    end: number,
  ) {
    this.#directory = directory;
    this.#coverBytes = coverBytes;
    this.#segment = segment;
    this.#file = file;
    this.#end = end;
  }

  /** Begins a new segment after `commits` and removes the older ones: the state has been verified. */
  static async begin(
    directory: string,
    commits: number,
    coverBytes: number,
  ): Promise<CommitJournal> {
    const older = await segmentsOf(directory);
    const segment = (older.at(-1) ?? 0) + 1;
    const { file, end } = await createSegment(directory, segment, commits);
    await removeSegments(directory, older);
    return new CommitJournal(directory, coverBytes, segment, file, end);
  }

  /**
   * `bytes` is what LevelDB wrote for the commits. A full disk is no error here: they are in LevelDB,
   * and a journal that lags detects less but nothing wrong.
   */
  async append(
    commits: CommitRange,
    changes: readonly JournalChange[],
    bytes: number,
  ): Promise<void> {
    try {
      if (this.#covered >= this.#coverBytes) await this.#rotate(commits.first - 1);
      const record = encodeRecord(commits, changes);
      const { bytesWritten } = await this.#file.write(record, 0, record.length, this.#end);
      if (bytesWritten < record.length) throw new Error('journal record is not whole');
      this.#end += record.length;
      this.#covered += bytes;
    } catch {
      // The next record goes to the same place; what is left of this one must not stand behind it.
      await this.#file.truncate(this.#end).catch(() => undefined);
    }
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  async #rotate(commits: number): Promise<void> {
    const { file, end } = await createSegment(this.#directory, this.#segment + 1, commits);
    const full = this.#file;
    this.#file = file;
    this.#end = end;
    this.#segment += 1;
    this.#covered = 0;
    await full.close();
    const segments = await segmentsOf(this.#directory);
    await removeSegments(
      this.#directory,
      segments.filter((segment) => segment < this.#segment - 1),
    );
  }
}

async function createSegment(
  directory: string,
  segment: number,
  commits: number,
): Promise<{ file: FileHandle; end: number }> {
  const path = join(directory, segmentName(segment));
  const file = await open(path, 'w');
  try {
    const record = encodeRecord({ first: commits, last: commits }, []);
    await file.write(record, 0, record.length, 0);
    await file.sync();
    await syncDirectory(directory);
    return { file, end: record.length };
  } catch (error) {
    await file.close();
    await rm(path, { force: true });
    throw error;
  }
}

async function removeSegments(directory: string, segments: readonly number[]): Promise<void> {
  for (const segment of segments) await rm(join(directory, segmentName(segment)), { force: true });
}

/** Oldest first. */
async function segmentsOf(directory: string): Promise<number[]> {
  const segments: number[] = [];
  for (const name of await readdir(directory)) {
    const match = SEGMENT.exec(name);
    if (match !== null) segments.push(Number(match[1]));
  }
  return segments.sort((a, b) => a - b);
}

function segmentName(segment: number): string {
  return `commits-${String(segment).padStart(8, '0')}`;
}
