/**
 * Feeds -> one snapshot: `directory/<version>/` with a file a table and `manifest.json`, and
 * `directory/latest` that names the version.
 *
 * The version is a hash of the feeds' contents and their configuration, without times and folders,
 * so the same feeds are the same snapshot wherever and whenever they are compiled. A build lies in a
 * temporary sibling until it is whole.
 */
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, open, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { FeedCounter, countsByName } from './feed-counter.js';
import type { FeedFileRef } from './feed-files.js';
import { fileContent, findFeedFiles, hashFile } from './feed-files.js';
import type { FeedReader } from './feeds/feed-reader.js';
import { FeedError } from './feeds/feed-reader.js';
import { FEED_READERS } from './feeds/registry.js';
import type { FeedReport, Manifest, TableName } from './manifest.js';
import {
  LATEST_FILE,
  latestVersion,
  MANIFEST_FILE,
  readManifest,
  SNAPSHOT_FORMAT,
} from './manifest.js';
import { SnapshotBuilder } from './snapshot-builder.js';
import type { FeedColumns, FeedKind, ReferenceSpec } from './spec.js';
import { measurePieces } from './table-file.js';

const VERSION_DIGITS = 16;

export interface CompileOptions {
  /** Called before each feed is read. */
  readonly onFeed?: (name: string, index: number, total: number) => void;
}

interface FeedSource {
  readonly name: string;
  readonly kind: FeedKind;
  readonly category: string | undefined;
  readonly format: string;
  readonly uri: string;
  readonly columns: FeedColumns;
  readonly reader: FeedReader;
  readonly files: readonly FeedFileRef[];
}

interface HashedSource extends FeedSource {
  readonly sha256: string;
  readonly fileHashes: readonly string[];
}

/** Sources with their files, feeds in the order of their names, customers last. Throws a FeedError where a file is missing. */
async function findSources(spec: ReferenceSpec): Promise<readonly FeedSource[]> {
  const feeds = [
    ...[...spec.feeds].sort((a, b) => (a.name < b.name ? -1 : 1)),
    { name: 'customers', kind: 'customers', format: 'csv', uri: spec.customers.uri } as const,
  ];
  const sources: FeedSource[] = [];
  for (const feed of feeds) {
    const reader = FEED_READERS.get(feed.format);
    if (reader === undefined) {
      throw new FeedError(`feed "${feed.name}": no such format "${feed.format}"`);
    }
    const takes = (path: string): boolean => reader.takes?.(path) ?? true;
    sources.push({
      name: feed.name,
      kind: feed.kind,
      category: 'category' in feed ? feed.category : undefined,
      format: feed.format,
      uri: feed.uri,
      columns: ('columns' in feed ? feed.columns : undefined) ?? {},
      reader,
      files: await findFeedFiles(feed.name, spec.baseDir, feed.uri, takes),
    });
  }
  const countries = sources.filter(({ kind }) => kind === 'countries');
  if (countries.length > 1) {
    const names = countries.map(({ name }) => `"${name}"`).join(' and ');
    throw new FeedError(`expected one feed of countries, got ${names}`);
  }
  return sources;
}

async function hashSource(source: FeedSource): Promise<HashedSource> {
  const fileHashes: string[] = [];
  const whole = createHash('sha256');
  for (const file of source.files) {
    const hash = await hashFile(file);
    fileHashes.push(hash);
    whole.update(`${file.name}\0${hash}\n`);
  }
  return { ...source, fileHashes, sha256: whole.digest('hex') };
}

function versionOf(sources: readonly HashedSource[]): string {
  const configuration = sources.map(({ name, kind, category, format, uri, columns, sha256 }) => {
    const sorted = Object.entries(columns).sort(([a], [b]) => (a < b ? -1 : 1));
    return [name, kind, category ?? null, format, uri, sorted, sha256];
  });
  const text = JSON.stringify([SNAPSHOT_FORMAT, configuration]);
  return createHash('sha256').update(text).digest('hex').slice(0, VERSION_DIGITS);
}

function fingerprintOf(source: FeedSource): string {
  const hash = createHash('sha256');
  for (const { name, bytes, mtimeMs } of source.files)
    hash.update(`${name}\0${bytes}\0${mtimeMs}\n`);
  return hash.digest('hex');
}

/**
 * Compiles the feeds into `directory` and makes the result its latest; a version that is there
 * already is used again. Throws a FeedError where a feed cannot be read and a RangeError where a
 * table's limits are exceeded; nothing visible has changed then.
 */
export async function compileSnapshot(
  spec: ReferenceSpec,
  directory: string,
  options: CompileOptions = {},
): Promise<Manifest> {
  const sources: HashedSource[] = [];
  for (const source of await findSources(spec)) sources.push(await hashSource(source));
  const version = versionOf(sources);
  await mkdir(directory, { recursive: true });
  const known = await wholeManifest(directory, version);
  if (known !== undefined) {
    const manifest = { ...known, feeds: refreshed(known.feeds, sources) };
    await replaceFile(join(directory, version, MANIFEST_FILE), manifestText(manifest));
    await replaceFile(join(directory, LATEST_FILE), `${version}\n`);
    return manifest;
  }
  const temporary = join(directory, `.building-${version}-${randomBytes(6).toString('hex')}`);
  try {
    await mkdir(temporary);
    const manifest = await build(sources, version, temporary, options);
    await publish(temporary, directory, version);
    return manifest;
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

async function build(
  sources: readonly HashedSource[],
  version: string,
  folder: string,
  options: CompileOptions,
): Promise<Manifest> {
  const builder = new SnapshotBuilder();
  const versions = new Map<string, string>();
  const feeds: FeedReport[] = [];
  for (const [index, source] of sources.entries()) {
    options.onFeed?.(source.name, index, sources.length);
    versions.set(source.name, source.sha256.slice(0, VERSION_DIGITS));
    feeds.push(await readSource(source, builder));
  }
  if (builder.customerPrefixes === 0) {
    const { uri, read, samples } = feeds[feeds.length - 1];
    const first = samples.at(0);
    const example =
      first === undefined
        ? ''
        : `; line ${first.line}: ${JSON.stringify(first.sample)} (${first.reason})`;
    throw new FeedError(
      `customers: none of the ${read} lines of "${uri}" is a customer's network${example}`,
    );
  }
  const tables: Manifest['tables'] = {};
  for (const [name, pieces] of builder.encode(versions)) {
    tables[name] = await writeTable(folder, name, pieces);
  }
  if (builder.countryConflicts > 0) {
    const countries = feeds.find(({ kind }) => kind === 'countries');
    if (countries !== undefined) countries.notes['country-conflict'] = builder.countryConflicts;
  }
  const manifest: Manifest = { format: SNAPSHOT_FORMAT, version, feeds, tables };
  await writeFile(join(folder, MANIFEST_FILE), manifestText(manifest));
  return manifest;
}

async function readSource(source: HashedSource, builder: SnapshotBuilder): Promise<FeedReport> {
  const { name, kind, category, columns, files, reader } = source;
  const several = files.length > 1;
  const counter: FeedCounter = new FeedCounter(
    builder.collector(name, kind, category ?? '', () => (several ? basename(counter.file) : '')),
  );
  for (const [index, file] of files.entries()) {
    counter.file = file.name;
    try {
      const bytes = fileContent(file, source.fileHashes[index]);
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
    fetchedAt: fetchedAt(files),
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
    fingerprint: fingerprintOf(source),
  };
}

function fetchedAt(files: readonly FeedFileRef[]): string {
  let newest = 0;
  for (const { mtimeMs } of files) newest = Math.max(newest, mtimeMs);
  return new Date(newest).toISOString();
}

function refreshed(feeds: readonly FeedReport[], sources: readonly FeedSource[]): FeedReport[] {
  return feeds.map((feed, index) => ({
    ...feed,
    fetchedAt: fetchedAt(sources[index].files),
    fingerprint: fingerprintOf(sources[index]),
  }));
}

async function writeTable(
  folder: string,
  name: TableName,
  pieces: Uint8Array[],
): Promise<{ file: string; bytes: number; sha256: string }> {
  const file = `${name}.table`;
  const handle = await open(join(folder, file), 'wx');
  try {
    for (const piece of pieces) await writeWhole(handle, piece);
    await handle.sync();
  } finally {
    await handle.close();
  }
  return { file, ...measurePieces(pieces) };
}

async function writeWhole(
  handle: Awaited<ReturnType<typeof open>>,
  piece: Uint8Array,
): Promise<void> {
  let at = 0;
  while (at < piece.length) {
    const { bytesWritten } = await handle.write(piece, at, piece.length - at);
    at += bytesWritten;
  }
}

function manifestText(manifest: Manifest): string {
  return `${JSON.stringify(manifest, undefined, 2)}\n`;
}

/** Manifest of a version whose files are all there in their size. */
async function wholeManifest(directory: string, version: string): Promise<Manifest | undefined> {
  const folder = join(directory, version);
  try {
    const manifest = await readManifest(folder);
    if (manifest.version !== version) return undefined;
    for (const { file, bytes } of Object.values(manifest.tables)) {
      if ((await stat(join(folder, file))).size !== bytes) return undefined;
    }
    return manifest;
  } catch {
    // Whatever is wrong with it, building it again is the cure.
    return undefined;
  }
}

async function publish(temporary: string, directory: string, version: string): Promise<void> {
  const target = join(directory, version);
  try {
    await rename(temporary, target);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error;
    // Another process was faster, or what lies there is broken.
    if ((await wholeManifest(directory, version)) === undefined) {
      const broken = join(directory, `.broken-${version}-${randomBytes(6).toString('hex')}`);
      await rename(target, broken);
      await rename(temporary, target);
      await rm(broken, { recursive: true, force: true });
    }
  }
  await replaceFile(join(directory, LATEST_FILE), `${version}\n`);
}

async function replaceFile(path: string, text: string): Promise<void> {
  const temporary = `${path}.${randomBytes(6).toString('hex')}`;
  await writeFile(temporary, text);
  await rename(temporary, path);
}

/**
 * Whether `directory` has no snapshot of these feeds as they are now. Sizes and times decide where
 * they are as when the snapshot was built, else the content. Throws a FeedError where a feed's file
 * is missing.
 */
export async function snapshotIsStale(spec: ReferenceSpec, directory: string): Promise<boolean> {
  const sources = await findSources(spec);
  const latest = await latestVersion(directory);
  if (latest === undefined) return true;
  const manifest = await wholeManifest(directory, latest);
  if (manifest === undefined) return true;
  const asBuilt = sources.map((source, index) => ({
    ...source,
    fileHashes: [],
    sha256: manifest.feeds[index]?.sha256 ?? '',
  }));
  if (versionOf(asBuilt) !== latest) return true;
  if (sources.every((source, i) => fingerprintOf(source) === manifest.feeds[i].fingerprint)) {
    return false;
  }
  const hashed: HashedSource[] = [];
  for (const source of sources) hashed.push(await hashSource(source));
  return versionOf(hashed) !== latest;
}
