import { createHash } from 'node:crypto';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  MANIFEST_FILE,
  SnapshotError,
  readManifestOf,
  type ManifestRef,
} from '../../reference/manifest.js';
import { openSnapshotAhead } from '../../reference/snapshot.js';
import { hasScheme } from '../../objects/object-uri.js';
import { getGcs } from './gcs.js';

/** Of this process, by place and version. */
const brought = new Map<string, Promise<ManifestRef>>();

/**
 * The snapshot that `ref` names, on this machine and opened: one below `gs://bucket/prefix` is
 * brought once a process; its tables are checked against the manifest as they are opened. Throws a
 * SnapshotError where it is not there.
 */
export async function bringSnapshot(ref: ManifestRef): Promise<ManifestRef> {
  if (!hasScheme(ref.directory)) return ref;
  const key = `${ref.version} ${ref.directory}`;
  let known = brought.get(key);
  if (known === undefined) {
    known = bring(ref);
    brought.set(key, known);
    // What failed is tried again with the next bundle.
    known.catch(() => brought.delete(key));
  }
  return known;
}

async function bring({ version, directory }: ManifestRef): Promise<ManifestRef> {
  const from = `${directory.replace(/\/$/, '')}/${version}`;
  const own = createHash('sha256')
    .update(`${process.getuid?.() ?? ''} ${directory}`)
    .digest('hex');
  // Processes of one machine each bring their own: none waits for another that may die.
  const to = join(tmpdir(), `flowsieve-snapshots-${own.slice(0, 16)}`, String(process.pid));
  const here: ManifestRef = { version, directory: to };
  const temporary = join(to, `.${version}`);
  await rm(temporary, { recursive: true, force: true });
  await mkdir(temporary, { recursive: true, mode: 0o700 });
  await save(from, MANIFEST_FILE, temporary);
  await rm(join(to, version), { recursive: true, force: true });
  await rename(temporary, join(to, version));
  for (const { file } of Object.values(readManifestOf(here).tables)) {
    await save(from, file, join(to, version));
  }
  await openSnapshotAhead(here);
  return here;
}

async function save(from: string, file: string, to: string): Promise<void> {
  const content = await getGcs(`${from}/${file}`);
  if (content === undefined) throw new SnapshotError(`no object ${from}/${file}`);
  await writeFile(join(to, file), content);
}
