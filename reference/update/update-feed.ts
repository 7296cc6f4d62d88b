/**
 * One feed of an update: asks its source, judges what came, and remembers. A feed that fails keeps
 * its last good version; one that lost too many entries keeps it until somebody confirms.
 */
import { createReadStream } from 'node:fs';
import { findFeedFiles, type FeedFileRef } from '../feed-files.js';
import { feedReading, fingerprintOf, type FeedReading } from '../feed-source.js';
import { parseRemoteUri, remoteFileName } from '../remote-uri.js';
import { everyMs, REMOTE_FEED, type FeedSpec } from '../spec.js';
import { FeedCache } from './feed-cache.js';
import type { CachedFile, FeedState, FeedVersion, Validators } from './feed-state.js';
import { fetchGcs, type GcsClientOptions } from './fetch-gcs.js';
import { fetchHttp } from './fetch-http.js';
import type { Fetched, FetchLimits, Take } from './fetching.js';
import { lostTooMany, readVersion } from './judge-version.js';

/** A failed feed is asked again after this, then after twice as long and so on, at most `every`. */
const RETRY_MS = 60_000;
const MOST_DOUBLINGS = 20;

type FeedStatus = 'updated' | 'unchanged' | 'not due' | 'failed' | 'held back';

/** What became of a feed in an update. */
export interface FeedOutcome {
  readonly name: string;
  readonly status: FeedStatus;
  /** When its source last said that the version in use is what it has, ms since 1970; null = there is none. */
  readonly checkedMs: number | null;
  /** Entries of the version in use before and after; null = there was none. */
  readonly entriesBefore: number | null;
  readonly entriesAfter: number | null;
  /** Why it failed or is held back. */
  readonly problem: string | null;
}

interface FeedUpdateOptions {
  readonly snapshotDirectory: string;
  /** Folder that relative URIs are relative to. */
  readonly baseDir: string;
  readonly nowMs: number;
  /** Take what is held back. */
  readonly confirmed: boolean;
  /** Ask also if it is not due, and for everything, known or not. */
  readonly force: boolean;
  readonly timeOuts: Omit<FetchLimits, 'maxBytes'>;
  readonly gcs?: GcsClientOptions;
}

/** Rejects only where the cache itself cannot be read or written. */
export async function updateFeed(feed: FeedSpec, options: FeedUpdateOptions): Promise<FeedOutcome> {
  const cache = new FeedCache(options.snapshotDirectory, feed);
  const began = await usable(await cache.readOrBegin(), cache);
  await cache.removeOld(began, options.nowMs);
  const update = new FeedUpdate(feed, options, cache, began);
  const { state, status } = await update.run();
  await cache.write(state);
  if (began.current !== null && state.current !== began.current) {
    await cache.release(began.current, options.nowMs);
  }
  return {
    name: feed.name,
    status,
    checkedMs: state.current === null ? null : state.checkedMs,
    entriesBefore: began.current?.entries ?? null,
    entriesAfter: state.current?.entries ?? null,
    problem: problemOf(state),
  };
}

/** The state without versions whose copies are gone or damaged: they are fetched again. */
async function usable(state: FeedState, cache: FeedCache): Promise<FeedState> {
  const sound = async (version: FeedVersion | null): Promise<FeedVersion | null> =>
    version !== null && (await cache.isSound(version)) ? version : null;
  const current = await sound(state.current);
  const heldBack = current === null ? null : await sound(state.heldBack);
  const lost = current !== state.current || heldBack !== state.heldBack;
  return { ...state, current, heldBack, ...(lost ? { attemptedMs: null, unusable: null } : {}) };
}

function problemOf({ error, heldBack, current }: FeedState): string | null {
  if (error !== null) return error;
  if (heldBack === null || current === null) return null;
  return (
    `has ${heldBack.entries} entries, had ${current.entries}; ` +
    `the former are used until --confirm`
  );
}

interface Step {
  readonly state: FeedState;
  readonly status: FeedStatus;
}

class FeedUpdate {
  readonly #feed: FeedSpec;
  readonly #options: FeedUpdateOptions;
  readonly #cache: FeedCache;
  readonly #began: FeedState;
  readonly #reading: FeedReading;
  readonly #readingKey: string;

  constructor(feed: FeedSpec, options: FeedUpdateOptions, cache: FeedCache, began: FeedState) {
    this.#feed = feed;
    this.#options = options;
    this.#cache = cache;
    this.#began = began;
    this.#reading = feedReading(feed);
    const { kind, category, format, columns } = this.#reading;
    const sorted = Object.entries(columns).sort(([a], [b]) => (a < b ? -1 : 1));
    this.#readingKey = JSON.stringify([kind, category, format, sorted]);
  }

  async run(): Promise<Step> {
    const { confirmed, force, nowMs } = this.#options;
    let state = this.#began;
    let status: FeedStatus = 'not due';
    if (confirmed && state.heldBack !== null) {
      const { heldBack } = state;
      state = { ...taken(state, heldBack), checkedMs: heldBack.fetchedMs };
      status = 'updated';
    }
    if (!force && nowMs < dueMs(this.#feed, state))
      return { state, status: statusOf(state, status) };
    try {
      const asked = await this.#ask(state);
      // What was confirmed is new, whether or not its source has it still.
      return status === 'updated' && asked.status === 'unchanged' ? { ...asked, status } : asked;
    } catch (error) {
      const failed = {
        ...state,
        attemptedMs: nowMs,
        failures: state.failures + 1,
        error: error instanceof Error ? error.message : String(error),
        unusable: error instanceof UnusableFilesError ? error.fingerprint : null,
      };
      return { state: failed, status: 'failed' };
    }
  }

  /** Throws where the source fails, or what it has cannot be used. */
  async #ask(state: FeedState): Promise<Step> {
    const found = await (isOfThisMachine(this.#feed) ? this.#look(state) : this.#fetch(state));
    const { nowMs } = this.#options;
    const asked: FeedState = {
      ...state,
      attemptedMs: nowMs,
      failures: 0,
      error: null,
      unusable: null,
    };
    if (found === 'as before') {
      return { state: { ...asked, checkedMs: nowMs, heldBack: null }, status: 'unchanged' };
    }
    if (found === 'still held back') return { state: asked, status: 'held back' };
    const version = await this.#judged(found);
    if (version.files.some(differsFrom(state.current))) {
      const before = await this.#entriesNow(state.current);
      if (before !== null && lostTooMany(before, version.entries)) {
        return { state: { ...asked, heldBack: version }, status: 'held back' };
      }
      return { state: { ...taken(asked, version), checkedMs: nowMs }, status: 'updated' };
    }
    return { state: { ...taken(asked, version), checkedMs: nowMs }, status: 'unchanged' };
  }

  /** Asks a remote source for other content than the newest that was fetched. */
  async #fetch(state: FeedState): Promise<Found> {
    const { nowMs, timeOuts, force, gcs } = this.#options;
    const remote = parseRemoteUri(this.#feed.uri);
    if (remote === undefined) throw new Error(`${this.#reading.uri} is no URL that can be fetched`);
    const newest = state.heldBack ?? state.current;
    const known = force ? {} : (newest?.validators ?? {});
    const limits = { ...timeOuts, maxBytes: this.#maxBytes };
    const take: Take<CachedFile> = (content) =>
      this.#cache.add(remoteFileName(remote), content, nowMs);
    const answer: Fetched<CachedFile> =
      remote.scheme === 'gs'
        ? await fetchGcs(remote, known, limits, take, gcs)
        : await fetchHttp(remote.url, known, limits, take);
    if (!answer.changed) return state.heldBack === null ? 'as before' : 'still held back';
    return { files: [answer.taken], validators: answer.validators };
  }

  /** Looks at files of this machine, and copies them where they are others by name, size or time. */
  async #look(state: FeedState): Promise<Found> {
    const { reader } = this.#reading;
    const { name, uri } = this.#feed;
    const { baseDir } = this.#options;
    const files = await findFeedFiles(name, baseDir, uri, (path) => reader.takes?.(path) ?? true);
    const fingerprint = fingerprintOf(files);
    const isThatOf = (version: FeedVersion | null): version is FeedVersion =>
      version !== null && fingerprint === fingerprintOf(version.files);
    if (isThatOf(state.current)) return 'as before';
    if (isThatOf(state.heldBack)) return 'still held back';
    if (fingerprint === state.unusable && state.error !== null) {
      throw new UnusableFilesError(state.error, fingerprint);
    }
    const copies: CachedFile[] = [];
    for (const file of files) copies.push(await this.#copy(file, state.current));
    return { files: copies, validators: {}, fingerprint };
  }

  async #copy(file: FeedFileRef, current: FeedVersion | null): Promise<CachedFile> {
    const known = current?.files.find(
      ({ name, bytes, mtimeMs }) =>
        name === file.name && bytes === file.bytes && mtimeMs === file.mtimeMs,
    );
    return known ?? (await this.#cache.add(file.name, createReadStream(file.path), file.mtimeMs));
  }

  async #judged({ files, validators, fingerprint }: FoundFiles): Promise<FeedVersion> {
    const unread = {
      files: [...files],
      entries: 0,
      reading: this.#readingKey,
      fetchedMs: this.#options.nowMs,
      validators,
    };
    try {
      return { ...unread, entries: await this.#count(unread) };
    } catch (error) {
      if (fingerprint === undefined) throw error;
      throw new UnusableFilesError((error as Error).message, fingerprint, { cause: error });
    }
  }

  /** Entries of the version in use as this configuration reads it; null where it cannot. */
  async #entriesNow(current: FeedVersion | null): Promise<number | null> {
    if (current === null || current.reading === this.#readingKey) return current?.entries ?? null;
    return await this.#count(current).catch(() => null);
  }

  async #count(version: FeedVersion): Promise<number> {
    const hashes = version.files.map(({ sha256 }) => sha256);
    return await readVersion(this.#reading, this.#cache.refs(version), hashes, this.#maxBytes);
  }

  get #maxBytes(): number {
    if (isOfThisMachine(this.#feed)) return Infinity;
    return this.#feed.maxBytes ?? REMOTE_FEED.maxBytes.default;
  }
}

interface FoundFiles {
  readonly files: readonly CachedFile[];
  readonly validators: Validators;
  /** Of files of this machine. */
  readonly fingerprint?: string;
}

type Found = FoundFiles | 'as before' | 'still held back';

/** Files of this machine that are no such feed; they are not read again while they are the same. */
class UnusableFilesError extends Error {
  override readonly name = 'UnusableFilesError';
  readonly fingerprint: string;

  constructor(message: string, fingerprint: string, options?: ErrorOptions) {
    super(message, options);
    this.fingerprint = fingerprint;
  }
}

function isOfThisMachine({ uri }: FeedSpec): boolean {
  return parseRemoteUri(uri) === undefined;
}

function taken(state: FeedState, version: FeedVersion): FeedState {
  return { ...state, current: version, heldBack: null, failures: 0, error: null, unusable: null };
}

function differsFrom(current: FeedVersion | null): (file: CachedFile, i: number) => boolean {
  return ({ name, sha256 }, i) => {
    const other = current?.files.at(i);
    return name !== other?.name || sha256 !== other.sha256;
  };
}

/** When the feed is to be asked again, ms since 1970. Files of this machine are always. */
function dueMs(feed: FeedSpec, { attemptedMs, failures }: FeedState): number {
  if (attemptedMs === null || isOfThisMachine(feed)) return 0;
  if (failures === 0) return attemptedMs + everyMs(feed);
  const wait = RETRY_MS * 2 ** Math.min(failures - 1, MOST_DOUBLINGS);
  return attemptedMs + Math.min(wait, everyMs(feed));
}

/** Of a feed that is not asked: what its last attempt left. */
function statusOf({ failures, heldBack }: FeedState, otherwise: FeedStatus): FeedStatus {
  if (failures > 0) return 'failed';
  return heldBack === null ? otherwise : 'held back';
}
