import { rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { openLevelStore, type LevelStore } from '../../../launch/local/state/level-store.js';
import { StateError } from '../../../launch/local/state/state-store.js';

/**
 * Fills the small disk mounted at the first argument with commits, until commits have been rejected
 * several times; makes room; goes on; prints what it saw as JSON.
 */
const [, , mountPoint, reserve] = process.argv;
const directory = join(mountPoint, 'state');
const ballast = join(mountPoint, 'ballast');
const options = {
  writeBufferBytes: 262_144,
  ...(reserve === 'none' ? { reserveBytes: 0 } : {}),
};
/** Freed later; it leaves so little that the disk is full before LevelDB has compacted anything. */
writeFileSync(ballast, Buffer.alloc(Math.max(0, free() - 6 * 2 ** 20), 1));

const expected = new Map<string, string>();
let store = await openLevelStore(directory, options);
let resolved = 0;
let rejected = 0;
let error: unknown;
let failed: readonly [key: string, value: Buffer] = ['', Buffer.alloc(0)];
while (rejected < 5 && resolved < 10_000) {
  // Smaller and smaller ones, to come as close to the end as can be.
  const bytes = Math.ceil(60_000 / 3 ** rejected);
  failed = [`key ${resolved} ${rejected}`, Buffer.alloc(bytes, resolved)];
  const [key, value] = failed;
  try {
    await store.commit([{ key, value }]);
    expected.set(key, value.toString('latin1'));
    resolved += 1;
  } catch (thrown) {
    error = thrown;
    rejected += 1;
  }
}
const commitsWhileFull = store.commits;
const readWhileFull = await content(store).then(
  (found) => found.size === expected.size,
  (thrown: unknown) => String(thrown),
);

rmSync(ballast);
const [key, value] = failed;
// A rejected commit is tried again; the others were given up and must not come back.
await store.commit([{ key, value }]);
expected.set(key, value.toString('latin1'));
await store.close();

store = await openLevelStore(directory, options);
const found = await content(store);
const different = [...new Set([...found.keys(), ...expected.keys()])].filter(
  (name) => found.get(name) !== expected.get(name),
);
process.stdout.write(
  `${JSON.stringify({
    code: error instanceof Error && 'code' in error ? error.code : undefined,
    errorName: error instanceof StateError ? error.name : String(error),
    message: error instanceof Error ? error.message : undefined,
    resolved,
    rejected,
    commitsWhileFull,
    readWhileFull,
    retried: found.has(key),
    different,
    recovered: store.recovered ?? null,
  })}\n`,
);
await store.close();

function free(): number {
  const { bavail, bsize } = statfsSync(mountPoint);
  return bavail * bsize;
}

async function content(from: LevelStore): Promise<Map<string, string>> {
  const entries = new Map<string, string>();
  for await (const [name, stored] of from.entries('')) {
    entries.set(name, Buffer.from(stored).toString('latin1'));
  }
  return entries;
}
