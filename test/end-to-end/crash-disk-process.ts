/**
 * Runs a streaming job whose state (with an archive or without) or output lies on DIRECTORY/disk, fills that, and makes room
 * again. Prints what came of it as JSON: a mount of our own is seen from within this process only.
 *
 * usage: crash-disk-process state|archive|output DIRECTORY
 */
import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { generateNetwork } from '../../launch/generate/generate-network.js';
import type { Finding } from '../../pipeline/finding.js';
import { GrowingFiles } from './crash-network.js';
import { settingsOf, StreamingJob, until } from './streaming-job.js';

const FULL_NETWORK = { seed: 23, flows: 1500, hours: 3 };

export interface FullDiskRun {
  readonly records: number;
  /** Taken in before the disk was full, while it was, and at the end. */
  readonly taken: readonly number[];
  /** Of /readyz: while it was full, and afterwards. */
  readonly full: { readonly status: number; readonly text: string };
  readonly afterwards: number;
  readonly stderr: string;
  readonly findings: readonly Finding[];
  /** `id revision` of all lines. */
  readonly revisions: readonly string[];
}

const [what, directory] = process.argv.slice(2);
const disk = join(directory, 'disk');
const filler = join(disk, 'filler');

const rows = [...generateNetwork(FULL_NETWORK).rows()];
const growing = new GrowingFiles(join(directory, 'flows'), rows, 40);
const job = new StreamingJob(directory, {
  ...settingsOf(join(directory, 'flowsieve.yaml')),
  inputs: [{ uri: 'flows/', format: 'csv' }],
  ...(what === 'output' ? { output: 'disk/out' } : {}),
  streaming: {
    disorder: '10m',
    allowedLateness: '40m',
    idle: '1d',
    earlyFirings: '1s',
    lookback: what === 'archive' ? '1d' : '0s',
    ...(what === 'output' ? {} : { state: 'disk/state' }),
  },
});
const taken = async (): Promise<number> => (await job.metric('flowsieve_records_total')) ?? 0;

await job.start();
// Whom it has heard of it waits for; who comes later than the others could be too late.
const sensors = new Set(rows.map(({ sensor }) => sensor)).size;
await until('all sensors', async () => (await taken()) >= sensors);
for (let step = 0; step < 20; step++) growing.grow();
await until('some records', async () => (await taken()) > rows.length / 4);
const before = await taken();
fill(filler);
while (growing.left > 5) growing.grow();
await until('it to say that it is not ready', async () => {
  const { exitCode } = job.child;
  if (exitCode !== null) throw new Error(`it ended with ${exitCode}: ${job.stderr}`);
  return (await job.get('/readyz')).status === 503;
});
const answer = await job.get('/readyz');
const full = { status: answer.status, text: await answer.text() };
const whileFull = await taken();
rmSync(filler);
while (growing.grow());
await until('all records', async () => (await taken()) >= rows.length);
await until('it to be ready', async () => (await job.get('/readyz')).status === 200);
const { status: afterwards } = await job.get('/readyz');
const last = await taken();
const { stderr } = await job.stop();
await job.drain();
const result: FullDiskRun = {
  records: rows.length,
  taken: [before, whileFull, last],
  full,
  afterwards,
  stderr,
  findings: [...(await job.findings()).values()],
  revisions: (await job.revisions()).map(({ id, revision }) => `${id} ${revision}`),
};
process.stdout.write(JSON.stringify(result));

/** Writes a file until the disk is full. */
function fill(path: string): void {
  const file = openSync(path, 'w');
  try {
    for (const size of [1 << 20, 4096, 1]) {
      try {
        for (;;) writeSync(file, Buffer.alloc(size));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
      }
    }
  } finally {
    closeSync(file);
  }
}
