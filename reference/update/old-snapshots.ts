/** Removes snapshots that nobody needs any more. */
import { readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { latestVersion } from '../manifest.js';

const KEPT_VERSIONS = 10;
/** Jobs that began with a version may open it for so long after it was replaced. */
const KEPT_MS = 2 * 86_400_000;
/** What a build left that was killed. */
const LEFT_OVER_MS = 86_400_000;

const VERSION = /^[0-9a-f]{16}$/;
const LEFT_OVER = /^(\.(building|broken|removing)-|(latest|published\.ndjson)\.[0-9a-f]{12}$)/;

/** Starts the time for which `version` is kept, which another has replaced. */
export async function releaseSnapshot(
  directory: string,
  version: string,
  nowMs: number,
): Promise<void> {
  await utimes(join(directory, version), nowMs / 1000, nowMs / 1000).catch(() => undefined);
}

/** Removes all but the latest, the newest 10 and what was in use within two days; gives the removed versions. */
export async function removeOldSnapshots(
  directory: string,
  nowMs: number,
): Promise<readonly string[]> {
  const latest = await latestVersion(directory);
  const versions: { readonly name: string; readonly mtimeMs: number }[] = [];
  for (const name of await readdir(directory)) {
    const found = await stat(join(directory, name)).catch(() => undefined);
    if (found === undefined) continue;
    const { mtimeMs } = found;
    if (LEFT_OVER.test(name) && nowMs - mtimeMs > LEFT_OVER_MS) {
      await rm(join(directory, name), { recursive: true, force: true });
    }
    if (VERSION.test(name) && found.isDirectory()) versions.push({ name, mtimeMs });
  }
  const old = versions
    .sort((a, b) => b.mtimeMs - a.mtimeMs)
    .slice(KEPT_VERSIONS)
    .filter(({ name, mtimeMs }) => name !== latest && nowMs - mtimeMs > KEPT_MS);
  for (const { name } of old) {
    // Gone at once: half a version must not be found.
    const aside = join(directory, `.removing-${name}`);
    await rename(join(directory, name), aside);
    await rm(aside, { recursive: true, force: true });
  }
  return old.map(({ name }) => name);
}
