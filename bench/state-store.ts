import { crc32 } from 'node:zlib';
import { mkdtempSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import Table from 'cli-table3';

import { openLevelStore } from '../launch/local/state/level-store.js';

/*
 * Synced commits into the state store, against a plain log with fsync and, if `--lmdb DIRECTORY` says
 * where that package is installed, LMDB. `--directory` chooses the disk. `--gigabyte` also measures
 * opening a state of 1 GB, which reads and verifies all of it.
 */
const { values: flags } = parseArgs({
  options: {
    directory: { type: 'string', default: tmpdir() },
    megabytes: { type: 'string', default: '128' },
    lmdb: { type: 'string' },
    /** Part of the name of the stores to measure. */
    only: { type: 'string', default: '' },
    gigabyte: { type: 'boolean', default: false },
  },
});
const MB = 2 ** 20;
const megabytes = Number(flags.megabytes);

const SHAPES = [
  { name: '20 x 2 kB', values: 20, bytes: 2000 },
  { name: '64 x 30 kB', values: 64, bytes: 30_000 },
] as const;

/** Half of each value is noise, half repeats: about what columns of flows are. */
const NOISE = Buffer.alloc(MB);
for (let at = 0, state = 1; at < MB; at += 4) {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
  NOISE.writeInt32LE(at % 64 < 32 ? state : 7, at);
}

interface Contender {
  commit(entries: readonly (readonly [key: string, value: Buffer])[]): Promise<void>;
  close(): Promise<void>;
}
type Opener = (directory: string) => Promise<Contender>;

const contenders = new Map<string, Opener>();
for (const writeBuffer of [4, 16, 32]) {
  for (const compression of [false, true]) {
    const name = `level, ${writeBuffer} MB${compression ? ', snappy' : ''}`;
    contenders.set(name, (directory) => level(directory, writeBuffer * MB, compression));
  }
}
contenders.set('log with fsync', ownLog);
if (flags.lmdb !== undefined) contenders.set('lmdb', lmdb);

const root = mkdtempSync(join(flags.directory, 'flowsieve-bench-state-'));
try {
  const table = new Table({ head: ['store', 'commit', 'commits/s', 'MB/s'] });
  for (const [name, opener] of contenders) {
    if (!name.includes(flags.only)) continue;
    for (const shape of SHAPES) table.push([name, shape.name, ...(await measured(opener, shape))]);
  }
  process.stdout.write(`${table.toString()}\n`);
  if (flags.gigabyte) await openGigabyte();
} finally {
  rmSync(root, { recursive: true });
}

async function measured(open: Opener, shape: (typeof SHAPES)[number]): Promise<string[]> {
  const directory = mkdtempSync(join(root, 'store-'));
  const store = await open(join(directory, 'store'));
  const commits = Math.ceil((megabytes * MB) / (shape.values * shape.bytes));
  const start = performance.now();
  for (let commit = 0; commit < commits; commit++) await store.commit(entriesOf(commit, shape));
  const seconds = (performance.now() - start) / 1000;
  await store.close();
  rmSync(directory, { recursive: true });
  const written = (commits * shape.values * shape.bytes) / MB;
  return [(commits / seconds).toFixed(0), (written / seconds).toFixed(1)];
}

async function openGigabyte(): Promise<void> {
  const shape = SHAPES[1];
  const directory = join(root, 'gigabyte');
  const store = await openLevelStore(directory);
  const commits = Math.ceil((1024 * MB) / (shape.values * shape.bytes));
  for (let commit = 0; commit < commits; commit++) {
    const changes = entriesOf(commit, shape).map(([key, value]) => ({ key, value }));
    await store.commit(changes);
  }
  await store.close();
  const start = performance.now();
  const again = await openLevelStore(directory);
  const opened = performance.now();
  let bytes = 0;
  for await (const [, value] of again.entries('')) bytes += value.length;
  const scanned = performance.now();
  await again.close();
  process.stdout.write(
    `${(bytes / MB).toFixed(0)} MB: opened and verified in ${((opened - start) / 1000).toFixed(1)} s, ` +
      `read again in ${((scanned - opened) / 1000).toFixed(1)} s\n`,
  );
}

function entriesOf(
  commit: number,
  { values, bytes }: (typeof SHAPES)[number],
): (readonly [string, Buffer])[] {
  return Array.from({ length: values }, (_, at) => {
    const start = ((commit * values + at) * 4096) % (MB - bytes);
    const key = `window/1700000000000/shard/${at}/piece/${String(commit).padStart(8, '0')}`;
    return [key, NOISE.subarray(start, start + bytes)] as const;
  });
}

async function level(
  directory: string,
  writeBufferBytes: number,
  compression: boolean,
): Promise<Contender> {
  const store = await openLevelStore(directory, { writeBufferBytes, compression });
  return {
    commit: (entries) => store.commit(entries.map(([key, value]) => ({ key, value }))),
    close: () => store.close(),
  };
}

/** What any own store costs at least: length, checksum, key, value, and one fsync a commit. */
async function ownLog(path: string): Promise<Contender> {
  const file = await open(path, 'w');
  return {
    async commit(entries) {
      const parts: Buffer[] = [];
      for (const [key, value] of entries) {
        const name = Buffer.from(key);
        const header = Buffer.allocUnsafe(12);
        header.writeUInt32LE(name.length, 0);
        header.writeUInt32LE(value.length, 4);
        header.writeUInt32LE(crc32(value, crc32(name)), 8);
        parts.push(header, name, value);
      }
      await file.writev(parts);
      await file.datasync();
    },
    close: () => file.close(),
  };
}

interface Lmdb {
  open(options: { path: string; encoding: 'binary'; overlappingSync: boolean }): {
    transaction(write: () => void): Promise<unknown>;
    put(key: string, value: Buffer): unknown;
    close(): Promise<void>;
  };
}

async function lmdb(path: string): Promise<Contender> {
  const entry = pathToFileURL(resolve(flags.lmdb ?? '.', 'node_modules/lmdb/index.js'));
  const library = (await import(entry.href)) as Lmdb;
  const store = library.open({ path, encoding: 'binary', overlappingSync: false });
  return {
    async commit(entries) {
      await store.transaction(() => {
        for (const [key, value] of entries) void store.put(key, value);
      });
    },
    close: () => store.close(),
  };
}
