/** Feeds as a snapshot is compiled from them: with their files, whether of this machine or fetched. */
import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import { FeedCounter, countsByName } from './feed-counter.js';
import type { FeedFileRef } from './feed-files.js';
import { fileContent, findFeedFiles, hashFile } from './feed-files.js';
import type { FeedReader } from './feeds/feed-reader.js';
import { FeedError } from './feeds/feed-reader.js';
import { FEED_READERS } from './feeds/registry.js';
import type { FeedReport } from './manifest.js';
import { isRemote, shownUri } from './remote-uri.js';
import type { SnapshotBuilder } from './snapshot-builder.js';
import type { FeedColumns, FeedKind, FeedSpec, ReferenceSpec } from './spec.js';
import { FeedCache } from './update/feed-cache.js';
import type { FeedState } from './update/feed-state.js';

/** Digits of a hash that name a version, of a feed or of a snapshot. */
export const VERSION_DIGITS = 16;

/** How a feed is read. */
export interface FeedReading {
  readonly name: string;
  readonly kind: FeedKind;
  readonly category: string | undefined;
  readonly format: string;
  /** As it may be shown. */
  readonly uri: string;
  readonly columns: FeedColumns;
  readonly reader: FeedReader;
}

interface FeedSource extends FeedReading {
  readonly files: readonly FeedFileRef[];
  /** Time of the newest file, or when a remote feed was last known to be as it is; ms since 1970. */
  readonly fetchedMs: number;
}

export interface HashedSource extends FeedSource {
  readonly sha256: string;
  readonly fileHashes: readonly string[];
}

/** Throws a FeedError where there is no such format. */
export function feedReading(feed: FeedSpec): FeedReading {
  const { name, kind, category, format, uri, columns = {} } = feed;
  return { name, kind, category, format, uri: shownUri(uri), columns, reader: readerOf(feed) };
}

function readerOf({
  name,
  format,
}: {
  readonly name: string;
  readonly format: string;
}): FeedReader {
  const reader = FEED_READERS.get(format);
  if (reader === undefined) throw new FeedError(`feed "${name}": no such format "${format}"`);
  return reader;
}

/**
 * Sources with their files, feeds in the order of their names, customers last. Feeds of this machine
 * are read where they lie, or with `fromCache` as the last update took them. Throws a FeedError where
 * a file is missing or a remote feed was never fetched.
 */
export async function findSources(
  spec: ReferenceSpec,
  directory: string,
  { fromCache = false }: { readonly fromCache?: boolean } = {},
): Promise<readonly FeedSource[]> {
  const sources: FeedSource[] = [];
  for (const feed of [...spec.feeds].sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const reading = feedReading(feed);
    sources.push({ ...reading, ...(await feedFiles(feed, reading, spec, directory, fromCache)) });
  }
  const countries = sources.filter(({ kind }) => kind === 'countries');
  if (countries.length > 1) {
    const names = countries.map(({ name }) => `"${name}"`).join(' and ');
    throw new FeedError(`expected one feed of countries, got ${names}`);
  }
  const customers = { name: 'customers', kind: 'customers', format: 'csv' } as const;
  const { uri } = spec.customers;
  const files = await findFeedFiles('customers', spec.baseDir, uri, () => true);
  const reader = readerOf(customers);
  const fetchedMs = newestMs(files);
  sources.push({ ...customers, category: undefined, uri, columns: {}, reader, files, fetchedMs });
  return sources;
}

type Files = Pick<FeedSource, 'files' | 'fetchedMs'>;

async function feedFiles(
  feed: FeedSpec,
  { uri, reader }: FeedReading,
  { baseDir }: ReferenceSpec,
  directory: string,
  fromCache: boolean,
): Promise<Files> {
  const cache = new FeedCache(directory, feed);
  const state = await cache.read();
  const cached = cachedFiles(feed, cache, state);
  if (isRemote(feed.uri)) {
    if (cached !== undefined) return cached;
    throw new FeedError(
      `feed "${feed.name}": "${uri}" was never fetched; run flowsieve reference update`,
    );
  }
  if (fromCache && cached !== undefined) return cached;
  const files = await findFeedFiles(
    feed.name,
    baseDir,
    feed.uri,
    (path) => reader.takes?.(path) ?? true,
  );
  // What an update held back would else come in with the next run.
  if (cached !== undefined && state !== undefined && isSetAside(state, files)) return cached;
  return { files, fetchedMs: newestMs(files) };
}

function cachedFiles(
  feed: FeedSpec,
  cache: FeedCache,
  state: FeedState | undefined,
): Files | undefined {
  if (state === undefined || state.current === null) return undefined;
  const files = cache.refs(state.current);
  const fetchedMs = isRemote(feed.uri)
    ? (state.checkedMs ?? state.current.fetchedMs)
    : newestMs(files);
  return { files, fetchedMs };
}

/** Whether an update has looked at these very files and did not take them. */
function isSetAside({ heldBack, unusable }: FeedState, files: readonly FeedFileRef[]): boolean {
  const fingerprint = fingerprintOf(files);
  return (
    fingerprint === unusable || (heldBack !== null && fingerprint === fingerprintOf(heldBack.files))
  );
}

/** Names, sizes and times of files: by them a change is suspected. */
export function fingerprintOf(
  files: readonly Pick<FeedFileRef, 'name' | 'bytes' | 'mtimeMs'>[],
): string {
  const hash = createHash('sha256');
  for (const { name, bytes, mtimeMs } of files) hash.update(`${name}\0${bytes}\0${mtimeMs}\n`);
  return hash.digest('hex');
}

function newestMs(files: readonly FeedFileRef[]): number {
  let newest = 0;
  for (const { mtimeMs } of files) newest = Math.max(newest, mtimeMs);
  return newest;
}

export async function hashSource(source: FeedSource): Promise<HashedSource> {
  const fileHashes: string[] = [];
  const whole = createHash('sha256');
  for (const file of source.files) {
    const hash = await hashFile(file);
    fileHashes.push(hash);
    whole.update(`${file.name}\0${hash}\n`);
  }
  return { ...source, fileHashes, sha256: whole.digest('hex') };
}

/**
 * Reads all entries of a source into `builder`. `maxBytes`: most that a packed file may unpack to.
 * Throws a FeedError where it cannot be read and a RangeError where a table's limits are exceeded.
 */
export async function readSource(
  source: HashedSource,
  builder: SnapshotBuilder,
  maxBytes = Infinity,
): Promise<FeedReport> {
  const { name, kind, category, columns, files, reader } = source;
  const several = files.length > 1;
  const counter: FeedCounter = new FeedCounter(
    builder.collector(name, kind, category ?? '', () => (several ? basename(counter.file) : '')),
  );
  for (const [index, file] of files.entries()) {
    counter.file = file.name;
    try {
      const bytes = fileContent(file, source.fileHashes[index], maxBytes);
      await reader.read({ path: file.name, bytes }, { kind, columns }, counter);
    } catch (cause) {
      if (cause instanceof RangeError) throw cause;
      const place = several || file.name !== source.uri ? ` (${source.uri})` : '';
      const problem = (cause as Error).message;
      const text = problem.startsWith(file.name) ? problem : `${file.name}: ${problem}`;
      throw new FeedError(`feed "${name}"${place}: ${text}`, { cause });
    }
  }
  return {
    name,
    kind,
    ...(category === undefined ? {} : { category }),
    format: source.format,
    uri: source.uri,
    fetchedAt: fetchedAt(source),
    sha256: source.sha256,
    version: source.sha256.slice(0, VERSION_DIGITS),
    files: files.length,
    read: counter.read,
    kept: counter.kept,
    notApplicable: counter.notApplicableCount,
    rejected: countsByName(counter.rejected),
    heldBack: countsByName(counter.heldBack),
    notes: countsByName(counter.notes),
    samples: counter.samples,
    fingerprint: fingerprintOf(files),
  };
}

/** The report of content that was compiled before, with the times of `sources`. */
export function refreshed(
  feeds: readonly FeedReport[],
  sources: readonly FeedSource[],
): FeedReport[] {
  return feeds.map((feed, index) => ({
    ...feed,
    fetchedAt: fetchedAt(sources[index]),
    fingerprint: fingerprintOf(sources[index].files),
  }));
}

function fetchedAt({ fetchedMs }: FeedSource): string {
  return new Date(fetchedMs).toISOString();
}
