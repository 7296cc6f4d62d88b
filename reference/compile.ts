/**
 * Feeds -> one snapshot: `directory/<version>/` with a file a table and `manifest.json`, and
 * `directory/latest` that names the version.
 *
 * The version is a hash of the feeds' contents and their configuration, without times and folders,
 * so the same feeds are the same snapshot wherever and whenever they are compiled. A build lies in a
 * temporary sibling until it is whole.
 */
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { replaceFile, syncDirectory, writeSynced } from './atomic-file.js';
import { hashFile } from './feed-files.js';
import type { HashedSource } from './feed-source.js';
import {
  findSources,
  fingerprintOf,
  hashSource,
  readSource,
  refreshed,
  VERSION_DIGITS,
} from './feed-source.js';
import { FeedError } from './feeds/feed-reader.js';
import type { FeedReport, Manifest, TableName } from './manifest.js';
import {
  LATEST_FILE,
  latestVersion,
  MANIFEST_FILE,
  readManifest,
  SNAPSHOT_FORMAT,
} from './manifest.js';
import { recordPublication } from './publications.js';
import { SnapshotBuilder } from './snapshot-builder.js';
import type { ReferenceSpec } from './spec.js';
import { measurePieces } from './table-file.js';

export interface CompileOptions {
  /** Called before each feed is read. */
  readonly onFeed?: (name: string, index: number, total: number) => void;
  /** Feeds of this machine too as the last update took them, not as they lie there now. */
  readonly fromCache?: boolean;
  /** Called before anything is visible; what it throws stops it. */
  readonly beforePublish?: (manifest: Manifest) => void;
}

function versionOf(sources: readonly HashedSource[]): string {
  const configuration = sources.map(({ name, kind, category, format, uri, columns, sha256 }) => {
    const sorted = Object.entries(columns).sort(([a], [b]) => (a < b ? -1 : 1));
    return [name, kind, category ?? null, format, uri, sorted, sha256];
  });
  const text = JSON.stringify([SNAPSHOT_FORMAT, configuration]);
  return createHash('sha256').update(text).digest('hex').slice(0, VERSION_DIGITS);
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
  for (const source of await findSources(spec, directory, options)) {
    sources.push(await hashSource(source));
  }
  const version = versionOf(sources);
  await mkdir(directory, { recursive: true });
  const known = await soundManifest(directory, version);
  if (known !== undefined) {
    const manifest = { ...known, feeds: refreshed(known.feeds, sources) };
    options.beforePublish?.(manifest);
    await replaceFile(join(directory, version, MANIFEST_FILE), manifestText(manifest));
    await makeLatest(directory, version);
    return manifest;
  }
  const temporary = join(directory, `.building-${version}-${randomBytes(6).toString('hex')}`);
  try {
    await mkdir(temporary);
    const manifest = await build(sources, version, temporary, options);
    options.beforePublish?.(manifest);
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
  await writeSynced(join(folder, MANIFEST_FILE), manifestText(manifest));
  await syncDirectory(folder);
  return manifest;
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

/** Manifest of a version whose files are all there and what they were. */
async function soundManifest(directory: string, version: string): Promise<Manifest | undefined> {
  const manifest = await wholeManifest(directory, version);
  for (const { file, bytes, sha256 } of Object.values(manifest?.tables ?? {})) {
    const path = join(directory, version, file);
    if ((await hashFile({ name: file, path, bytes, mtimeMs: 0 })) !== sha256) return undefined;
  }
  return manifest;
}

async function publish(temporary: string, directory: string, version: string): Promise<void> {
  const target = join(directory, version);
  try {
    await rename(temporary, target);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error;
    // Another process was faster, or what lies there is broken.
    if ((await soundManifest(directory, version)) === undefined) {
      const broken = join(directory, `.broken-${version}-${randomBytes(6).toString('hex')}`);
      await rename(target, broken);
      await rename(temporary, target);
      await rm(broken, { recursive: true, force: true });
    }
  }
  await makeLatest(directory, version);
}

/** The log comes first: a snapshot that was in use and is in no log could not be found by its time. */
async function makeLatest(directory: string, version: string): Promise<void> {
  await recordPublication(directory, version, Date.now());
  await replaceFile(join(directory, LATEST_FILE), `${version}\n`);
}

/**
 * Whether `directory` has no snapshot of these feeds as they are now. Sizes and times decide where
 * they are as when the snapshot was built, else the content. Throws a FeedError where a feed's file
 * is missing.
 */
export async function snapshotIsStale(spec: ReferenceSpec, directory: string): Promise<boolean> {
  const sources = await findSources(spec, directory);
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
  if (sources.every((source, i) => fingerprintOf(source.files) === manifest.feeds[i].fingerprint)) {
    return false;
  }
  const hashed: HashedSource[] = [];
  for (const source of sources) hashed.push(await hashSource(source));
  return versionOf(hashed) !== latest;
}
