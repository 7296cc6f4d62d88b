/**
 * Copies of one feed inside the snapshot directory: `feeds/<name>/state.json`, and beside it each
 * file under the hash of its content. A copy is written before the state that names it, so a crash
 * in between leaves the former state and a file that nobody names.
 */
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { replaceFile, syncDirectory } from '../atomic-file.js';
import { hashFile, type FeedFileRef } from '../feed-files.js';
import {
  firstState,
  parseFeedState,
  type CachedFile,
  type FeedState,
  type FeedVersion,
} from './feed-state.js';

const STATE_FILE = 'state.json';

/** What nobody names stays so long: a run that began before may still read it. */
const KEEP_MS = 3_600_000;

export class FeedCache {
  readonly #folder: string;
  readonly #source: string;

  constructor(snapshotDirectory: string, feed: { readonly name: string; readonly uri: string }) {
    this.#folder = join(snapshotDirectory, 'feeds', feed.name);
    this.#source = createHash('sha256').update(feed.uri).digest('hex');
  }

  /** The state; undefined where there is none of this URI. */
  async read(): Promise<FeedState | undefined> {
    let text: string;
    try {
      text = await readFile(join(this.#folder, STATE_FILE), 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
    const state = parseFeedState(text);
    return state?.source === this.#source ? state : undefined;
  }

  async readOrBegin(): Promise<FeedState> {
    await mkdir(this.#folder, { recursive: true });
    return (await this.read()) ?? firstState(this.#source);
  }

  async write(state: FeedState): Promise<void> {
    await replaceFile(join(this.#folder, STATE_FILE), `${JSON.stringify(state, undefined, 2)}\n`);
  }

  /** The version's files as readers take them. */
  refs({ files }: FeedVersion): readonly FeedFileRef[] {
    return files.map(({ name, bytes, mtimeMs, sha256 }) => {
      return { name, path: join(this.#folder, sha256), bytes, mtimeMs };
    });
  }

  /** Whether all copies are there and are what they were. */
  async isSound(version: FeedVersion): Promise<boolean> {
    try {
      for (const [i, ref] of this.refs(version).entries()) {
        if ((await stat(ref.path)).size !== ref.bytes) return false;
        if ((await hashFile(ref)) !== version.files[i].sha256) return false;
      }
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
      throw error;
    }
  }

  /** Copies `content` as the file `name`; nothing is left of it where its source fails. */
  async add(
    name: string,
    content: AsyncIterable<Uint8Array>,
    mtimeMs: number,
  ): Promise<CachedFile> {
    const temporary = join(this.#folder, `.incoming-${randomBytes(6).toString('hex')}`);
    const hash = createHash('sha256');
    let bytes = 0;
    try {
      const file = await open(temporary, 'wx');
      try {
        for await (const chunk of content) {
          hash.update(chunk);
          bytes += chunk.length;
          await file.writeFile(chunk);
        }
        await file.sync();
      } finally {
        await file.close();
      }
      const sha256 = hash.digest('hex');
      await rename(temporary, join(this.#folder, sha256));
      await syncDirectory(this.#folder);
      return { name, bytes, mtimeMs, sha256 };
    } finally {
      await rm(temporary, { force: true });
    }
  }

  /** Starts the time after which copies that no state names are removed. */
  async release(version: FeedVersion, nowMs: number): Promise<void> {
    for (const { path } of this.refs(version)) {
      await utimes(path, nowMs / 1000, nowMs / 1000).catch(() => undefined);
    }
  }

  /** Removes what `state` does not name and nobody can still be reading. */
  async removeOld({ current, heldBack }: FeedState, nowMs: number): Promise<void> {
    const named = new Set([STATE_FILE]);
    for (const version of [current, heldBack]) {
      for (const { sha256 } of version?.files ?? []) named.add(sha256);
    }
    for (const name of await readdir(this.#folder)) {
      if (named.has(name)) continue;
      const path = join(this.#folder, name);
      const age = await stat(path).then(
        ({ mtimeMs }) => nowMs - mtimeMs,
        () => 0,
      );
      if (age > KEEP_MS) await rm(path, { force: true, recursive: true });
    }
  }
}
