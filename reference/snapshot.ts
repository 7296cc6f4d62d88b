/** Opens a compiled snapshot: reads its files into memory and uses them as they are. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { CompiledCountryTable } from './country-table.js';
import { CoverageTable } from './coverage-table.js';
import { CompiledCustomerTable } from './customer-table.js';
import type { Manifest, ManifestRef, TableName } from './manifest.js';
import { readManifestOf, SnapshotError } from './manifest.js';
import type { Reference } from './reference.js';
import { openRouted } from './routed-table.js';
import { CompiledServiceTable } from './service-table.js';
import { CorruptTableError, TableFile } from './table-file.js';
import { CompiledTagTable } from './tag-table.js';

export type { Manifest, ManifestRef } from './manifest.js';
export { readManifest } from './manifest.js';

/** An opened snapshot, with what only some callers ask for. */
export interface OpenedSnapshot extends Reference {
  readonly manifest: Manifest;
  readonly tags: CompiledTagTable;
  readonly inventory: CompiledServiceTable;
}

/** Opened snapshots that are kept; whoever works with another one holds it himself. */
const MOST_OPENED = 3;

/** Opened snapshots of this process, by directory and version; the last used one last. */
const opened = new Map<string, OpenedSnapshot>();

function recall(key: string): OpenedSnapshot | undefined {
  const snapshot = opened.get(key);
  if (snapshot !== undefined) remember(key, snapshot);
  return snapshot;
}

function remember(key: string, snapshot: OpenedSnapshot): void {
  opened.delete(key);
  opened.set(key, snapshot);
  for (const oldest of opened.keys()) {
    if (opened.size <= MOST_OPENED) return;
    opened.delete(oldest);
  }
}

function keyOf({ directory, version }: ManifestRef): string {
  return `${version} ${resolve(directory)}`;
}

/**
 * The snapshot that `ref` names, opened once a process as long as no three others are used. Throws a SnapshotError where it is not there
 * and a CorruptTableError where a file is not what the manifest says.
 */
export function openSnapshot(ref: ManifestRef): OpenedSnapshot {
  const key = keyOf(ref);
  const known = recall(key);
  if (known !== undefined) return known;
  const manifest = readManifestOf(ref);
  const contents = new Map<TableName, TableContent>();
  for (const [name, { file }] of tablesOf(manifest)) {
    const content = readOrFail(() => readFileSync(join(ref.directory, ref.version, file)), file);
    contents.set(name, { content, sha256: createHash('sha256').update(content).digest('hex') });
  }
  const snapshot = assemble(manifest, contents);
  remember(key, snapshot);
  return snapshot;
}

/** Bytes that are read and hashed without a break: some 2 ms. */
const PIECE_BYTES = 1 << 20;

/**
 * Like `openSnapshot`, in pieces that hold up nobody. What it verified is what `openSnapshot` then
 * gives at once.
 */
export async function openSnapshotAhead(ref: ManifestRef): Promise<OpenedSnapshot> {
  const key = keyOf(ref);
  const known = recall(key);
  if (known !== undefined) return known;
  const manifest = readManifestOf(ref);
  const contents = new Map<TableName, TableContent>();
  for (const [name, record] of tablesOf(manifest)) {
    try {
      contents.set(name, await readInPieces(join(ref.directory, ref.version, record.file)));
    } catch (cause) {
      throw unreadable(record.file, cause);
    }
  }
  const snapshot = assemble(manifest, contents);
  remember(key, snapshot);
  return snapshot;
}

/** A table as it lies there; whether it is what the manifest says is still to be seen. */
interface TableContent {
  readonly content: Uint8Array;
  readonly sha256: string;
}

async function readInPieces(path: string): Promise<TableContent> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const content = Buffer.allocUnsafeSlow(size);
    const hash = createHash('sha256');
    let at = 0;
    while (at < size) {
      const { bytesRead } = await file.read(content, at, Math.min(PIECE_BYTES, size - at), at);
      if (bytesRead === 0) break;
      hash.update(content.subarray(at, at + bytesRead));
      at += bytesRead;
    }
    return { content: content.subarray(0, at), sha256: hash.digest('hex') };
  } finally {
    await file.close();
  }
}

function readOrFail(read: () => Uint8Array, file: string): Uint8Array {
  try {
    return read();
  } catch (cause) {
    throw unreadable(file, cause);
  }
}

function unreadable(file: string, cause: unknown): SnapshotError {
  return new SnapshotError(`reference table ${file}: ${(cause as Error).message}`, { cause });
}

interface TableRecord {
  readonly file: string;
  readonly bytes: number;
  readonly sha256: string;
}

function tablesOf(manifest: Manifest): [TableName, TableRecord][] {
  return Object.entries(manifest.tables) as [TableName, TableRecord][];
}

function assemble(
  manifest: Manifest,
  contents: ReadonlyMap<TableName, TableContent>,
): OpenedSnapshot {
  const table = (name: TableName): TableFile | undefined => {
    const record = manifest.tables[name];
    const found = contents.get(name);
    return record === undefined || found === undefined ? undefined : openTable(name, record, found);
  };
  const needed = (name: TableName): TableFile => {
    const file = table(name);
    if (file === undefined) throw new SnapshotError(`snapshot ${manifest.version} has no ${name}`);
    return file;
  };
  const routed = table('routed');
  const coverage = table('coverage');
  return {
    version: manifest.version,
    manifest,
    customers: new CompiledCustomerTable(needed('customers')),
    tags: new CompiledTagTable(needed('tags')),
    countries: new CompiledCountryTable(needed('countries')),
    inventory: new CompiledServiceTable(needed('inventory')),
    routed: routed === undefined ? undefined : openRouted(routed),
    coverage: coverage === undefined ? undefined : new CoverageTable(coverage),
  };
}

function openTable(
  name: TableName,
  record: TableRecord,
  { content, sha256 }: TableContent,
): TableFile {
  if (content.length !== record.bytes) {
    throw new CorruptTableError(
      record.file,
      `has ${content.length} bytes, the manifest says ${record.bytes}`,
    );
  }
  if (sha256 !== record.sha256) {
    throw new CorruptTableError(
      record.file,
      `has sha256 ${sha256}, the manifest says ${record.sha256}`,
    );
  }
  const inPlace = content.byteOffset % 8 === 0;
  return new TableFile(record.file, name, inPlace ? content : new Uint8Array(content));
}
