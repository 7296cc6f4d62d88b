import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Finding } from '../../pipeline/finding.js';
import { syncDirectory } from './durable-directory.js';
import { findingKey } from './finding-key.js';
import { MAX_LINE_BYTES, recoverLines, recoveryMessages, writeAll } from './stored-lines.js';

/** Bytes that one write takes: what is put is not held twice. */
const PIECE_BYTES = 1 << 20;

/** What a revision is to a file: its finding's first, newer than what it has, or none of both. */
export type Novelty = 'first' | 'newer' | 'old';

/**
 * The file of one finding window, and the highest revision of each finding in it. Changed in two
 * steps: what `append` wrote is kept by `keep` or taken back by `undo`.
 */
export class WindowFile {
  readonly #path: string;
  readonly #onMessage: (message: string) => void;
  /** By key; undefined = the file is yet to be read. */
  #revisions: Map<string, number> | undefined;
  /** Bytes of the file that are known to be on disk. */
  #length = 0;
  /** What is beyond them is of an append that failed. */
  #spoilt = false;
  #appended:
    { readonly revisions: ReadonlyMap<string, number>; readonly length: number } | undefined;

  constructor(path: string, onMessage: (message: string) => void) {
    this.#path = path;
    this.#onMessage = onMessage;
  }

  /** Findings that are known. */
  get findings(): number {
    return this.#revisions?.size ?? 0;
  }

  /**
   * Appends what is newer than what the file has, and syncs it. Says of each of `findings` what it
   * was to the file. Where it throws the file may have more than it should until `undo`.
   */
  async append(findings: readonly Finding[]): Promise<readonly Novelty[]> {
    const handle = await open(this.#path, constants.O_RDWR | constants.O_CREAT);
    try {
      const known = await this.#known(handle);
      const revisions = new Map<string, number>();
      const novelties = findings.map(({ id, revision, status }): Novelty => {
        const key = findingKey(id);
        const last = revisions.get(key) ?? known.get(key);
        if (last === undefined ? status === 'withdrawn' : revision <= last) return 'old';
        revisions.set(key, revision);
        return last === undefined ? 'first' : 'newer';
      });
      if (revisions.size === 0) return novelties;
      this.#spoilt = true;
      const taken = findings.filter((_, i) => novelties[i] !== 'old');
      const length = await appendLines(handle, taken, this.#length);
      await handle.sync();
      this.#appended = { revisions, length };
      return novelties;
    } finally {
      await handle.close();
    }
  }

  /** What was appended stays. */
  keep(): void {
    if (this.#appended === undefined) return;
    for (const [key, revision] of this.#appended.revisions) this.#revisions?.set(key, revision);
    this.#length = this.#appended.length;
    this.#appended = undefined;
    this.#spoilt = false;
  }

  /** What was appended goes: now, or where that fails before the next is appended. */
  async undo(): Promise<void> {
    this.#appended = undefined;
    if (!this.#spoilt) return;
    try {
      const handle = await open(this.#path, 'r+');
      try {
        await handle.truncate(this.#length);
      } finally {
        await handle.close();
      }
      this.#spoilt = false;
    } catch {
      // It stays spoilt.
    }
  }

  /** Revisions by key; the file then has `#length` bytes. */
  async #known(handle: FileHandle): Promise<ReadonlyMap<string, number>> {
    const found = await handle.stat();
    if (!found.isFile()) throw new Error(`${this.#path} is no regular file`);
    if (this.#revisions !== undefined) {
      if (this.#spoilt && found.size >= this.#length) {
        await handle.truncate(this.#length);
        this.#spoilt = false;
        return this.#revisions;
      }
      if (found.size === this.#length) return this.#revisions;
      // Somebody else has changed or removed it.
    }
    return this.#read(handle);
  }

  async #read(handle: FileHandle): Promise<ReadonlyMap<string, number>> {
    this.#revisions = undefined;
    const revisions = new Map<string, number>();
    const recovered = await recoverLines(handle, (value) => {
      const { id, revision } = (value ?? {}) as {
        readonly id?: unknown;
        readonly revision?: unknown;
      };
      if (typeof id !== 'string' || typeof revision !== 'number') return false;
      const key = findingKey(id);
      revisions.set(key, Math.max(revision, revisions.get(key) ?? revision));
      return true;
    });
    for (const message of recoveryMessages(this.#path, recovered)) this.#onMessage(message);
    // A crash may have come between a write, or the making of the file, and its sync. What is read
    // here counts as put from now on, so it has to be on disk.
    await handle.sync();
    await syncDirectory(dirname(this.#path));
    this.#revisions = revisions;
    this.#length = recovered.length;
    this.#spoilt = false;
    return revisions;
  }
}

/** Gives the length of the file after it. */
async function appendLines(
  handle: FileHandle,
  findings: readonly Finding[],
  length: number,
): Promise<number> {
  let at = length;
  let lines: Buffer[] = [];
  let bytes = 0;
  const flush = async (): Promise<void> => {
    await writeAll(handle, Buffer.concat(lines, bytes), at);
    at += bytes;
    lines = [];
    bytes = 0;
  };
  for (const finding of findings) {
    const line = Buffer.from(`${JSON.stringify(finding)}\n`);
    if (line.length > MAX_LINE_BYTES) {
      // Written it would be lost: nobody reads so long a line.
      throw new RangeError(
        `finding ${finding.id} has ${line.length} bytes, the most is ${MAX_LINE_BYTES}`,
      );
    }
    lines.push(line);
    bytes += line.length;
    if (bytes >= PIECE_BYTES) await flush();
  }
  if (bytes > 0) await flush();
  return at;
}
