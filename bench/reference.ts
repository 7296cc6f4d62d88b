/**
 * Look-ups a second, compile and open time of the reference tables on generated entries:
 * `node dist/bench/reference.js`.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { formatAddress4 } from '../pipeline/address.js';
import { compileSnapshot } from '../reference/compile.js';
import type { OpenedSnapshot } from '../reference/snapshot.js';
import { openSnapshot } from '../reference/snapshot.js';

const LOOKUPS = 20_000_000;

/** xorshift32: the same numbers on every run. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}

async function writeFeeds(folder: string, threats: number, countries: number): Promise<void> {
  const next = numbers(7);
  const lines: string[] = [];
  for (let i = 0; i < threats; i++) {
    const word = next();
    const address = formatAddress4(((11 + (word >>> 24) * 0.4) << 24) | (word & 0xffffff));
    const kind = i % 10;
    if (kind < 6) lines.push(address);
    else if (kind < 8) lines.push(`${address}:${1 + (next() % 65535)}`);
    else lines.push(`${address}/${16 + (next() % 16)}`);
  }
  await writeFile(join(folder, 'threats.txt'), `${lines.join('\n')}\n`);
  const rows = ['cidr,country'];
  for (let i = 0; i < countries; i++) {
    const code = String.fromCharCode(65 + (next() % 26), 65 + (next() % 8));
    rows.push(
      i % 10 < 7
        ? `${formatAddress4(next() & 0xffffff00)}/24,${code}`
        : `2${(next() % 4096).toString(16).padStart(3, '0')}:${(next() & 0xffff).toString(16)}:${(next() & 0xffff).toString(16)}::/48,${code}`,
    );
  }
  await writeFile(join(folder, 'countries.csv'), `${rows.join('\n')}\n`);
  await writeFile(join(folder, 'customers.csv'), 'customer,cidr\nacme,192.0.2.0/24\n');
}

function time(name: string, run: () => number): void {
  run();
  // Processor time: others may use the machine too.
  const start = process.cpuUsage();
  const hits = run();
  const seconds = process.cpuUsage(start).user / 1e6;
  const rate = LOOKUPS / seconds / 1e6;
  process.stdout.write(`${name}: ${rate.toFixed(1)} M look-ups/s, ${hits} hits\n`);
}

function lookUps({ tags, countries }: OpenedSnapshot): void {
  const probes = new Uint32Array(1 << 20);
  const next = numbers(99);
  for (let i = 0; i < probes.length; i++) probes[i] = next();
  const mask = probes.length - 1;
  time('tags.find4, random addresses', () => {
    let hits = 0;
    for (let i = 0; i < LOOKUPS; i++) if (tags.find4(probes[i & mask]) !== 0) hits++;
    return hits;
  });
  time('tags.findEndpoint4', () => {
    let hits = 0;
    for (let i = 0; i < LOOKUPS; i++)
      if (tags.findEndpoint4(probes[i & mask], i & 0xffff) !== 0) hits++;
    return hits;
  });
  time('countries.find4', () => {
    let hits = 0;
    for (let i = 0; i < LOOKUPS; i++) if (countries.find4(probes[i & mask]) !== 0) hits++;
    return hits;
  });
  time('countries.find6', () => {
    let hits = 0;
    for (let i = 0; i < LOOKUPS; i++) {
      const w0 = (0x20000000 | (probes[i & mask] & 0x0fffffff)) >>> 0;
      if (countries.find6(w0, probes[(i + 1) & mask], 0, i) !== 0) hits++;
    }
    return hits;
  });
}

/** Prints the figures for 1 M threats and 500 k country prefixes. */
export async function benchReference(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'flowsieve-bench-'));
  try {
    await writeFeeds(folder, 1_000_000, 500_000);
    const start = performance.now();
    const directory = join(folder, 'snapshot');
    const manifest = await compileSnapshot(
      {
        baseDir: folder,
        customers: { uri: 'customers.csv' },
        feeds: [
          {
            name: 'threats',
            kind: 'tags',
            category: 'c2',
            format: 'address-list',
            uri: 'threats.txt',
          },
          { name: 'geo', kind: 'countries', format: 'csv', uri: 'countries.csv' },
        ],
      },
      directory,
    );
    const compiled = performance.now();
    const reference = openSnapshot({ version: manifest.version, directory });
    const bytes = Object.values(manifest.tables).reduce((sum, table) => sum + table.bytes, 0);
    process.stdout.write(
      `compile: ${((compiled - start) / 1000).toFixed(1)} s; ` +
        `open: ${(performance.now() - compiled).toFixed(0)} ms, ${(bytes / 1e6).toFixed(0)} MB\n`,
    );
    lookUps(reference);
  } finally {
    await rm(folder, { recursive: true });
  }
}

if (process.argv[1]?.endsWith('reference.js')) await benchReference();
