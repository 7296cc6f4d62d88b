/** Opens a compiled snapshot: reads its files into memory and uses them as they are. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
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

/** Opened snapshots of this process, by directory and version. */
const opened = new Map<string, OpenedSnapshot>();

function keyOf({ directory, version }: ManifestRef): string {
  return `${version} ${resolve(directory)}`;
}

/**
 * The snapshot that `ref` names, opened once a process. Throws a SnapshotError where it is not there
 * and a CorruptTableError where a file is not what the manifest says.
 */
export function openSnapshot(ref: ManifestRef): OpenedSnapshot {
  const key = keyOf(ref);
  const known = opened.get(key);
  if (known !== undefined) return known;
  const manifest = readManifestOf(ref);
  const contents = new Map<TableName, Uint8Array>();
  for (const [name, { file }] of tablesOf(manifest)) {
    contents.set(
      name,
      readOrFail(() => readFileSync(join(ref.directory, ref.version, file)), file),
    );
  }
  const snapshot = assemble(manifest, contents);
  opened.set(key, snapshot);
  return snapshot;
}

function readOrFail(read: () => Uint8Array, file: string): Uint8Array {
  try {
    return read();
  } catch (cause) {
    throw new SnapshotError(`reference table ${file}: ${(cause as Error).message}`, { cause });
  }
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
  contents: ReadonlyMap<TableName, Uint8Array>,
): OpenedSnapshot {
  const table = (name: TableName): TableFile | undefined => {
    const record = manifest.tables[name];
    const bytes = contents.get(name);
    return record === undefined || bytes === undefined ? undefined : openTable(name, record, bytes);
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

function openTable(name: TableName, record: TableRecord, content: Uint8Array): TableFile {
  if (content.length !== record.bytes) {
    throw new CorruptTableError(
      record.file,
      `has ${content.length} bytes, the manifest says ${record.bytes}`,
    );
  }
  const sha256 = createHash('sha256').update(content).digest('hex');
  if (sha256 !== record.sha256) {
    throw new CorruptTableError(
      record.file,
      `has sha256 ${sha256}, the manifest says ${record.sha256}`,
    );
  }
  const inPlace = content.byteOffset % 8 === 0;
  return new TableFile(record.file, name, inPlace ? content : new Uint8Array(content));
}
