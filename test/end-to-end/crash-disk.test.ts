import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { TemporaryFiles } from '../launch/temporary-files.js';
import type { FullDiskRun } from './crash-disk-process.js';
import { crashNetwork, differencesOf } from './crash-network.js';

const CHILD = fileURLToPath(new URL('crash-disk-process.js', import.meta.url));

/** Of crash-disk-process.ts, which must not be loaded here: it runs at once. */
const FULL_NETWORK = { seed: 23, flows: 1500, hours: 3 };

/** Runs a command with a disk of 160 MiB, which is mounted at `$1` for it alone. */
const ON_SMALL_DISK = [
  '--mount',
  '--propagation',
  'private',
  'sh',
  '-c',
  'mount -t tmpfs -o size=160m tmpfs "$1" && shift && exec "$@"',
  'sh',
];

describe('a streaming job on a full disk', function () {
  this.timeout(600_000);
  const files = new TemporaryFiles();

  async function onSmallDisk(
    ...command: string[]
  ): Promise<{ status: number | null; stdout: string; stderr: string }> {
    const disk = files.path('disk');
    mkdirSync(disk, { recursive: true });
    const child = spawn('unshare', [...ON_SMALL_DISK, disk, ...command], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const caught = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const) {
      child[name].setEncoding('utf8').on('data', (text: string) => (caught[name] += text));
    }
    const status = await new Promise<number | null>((done) => {
      child.on('error', () => done(null)).on('close', done);
    });
    return { status, ...caught };
  }

  const cases = [
    { what: 'state', message: /the state cannot be written: .*no space left on device/ },
    // Whichever is the first to need room.
    {
      what: 'archive',
      message:
        /cannot write .*archive: the disk is full|the state cannot be written: .*no space left/,
    },
    { what: 'output', message: /cannot write .*: the disk is full \(ENOSPC\)/ },
  ] as const;

  for (const { what, message } of cases) {
    it(`of its ${what} takes nothing in, says so, and goes on when there is room`, async function () {
      const { expected } = await crashNetwork(files.directory, FULL_NETWORK);
      const { status: mounted, stderr: why } = await onSmallDisk('true');
      if (mounted !== 0) {
        const root = process.getuid?.() === 0;
        if (process.env['CI'] === 'true' && root) throw new Error(`no disk can be mounted: ${why}`);
        process.stdout.write('      skipped: mounting a small disk is not permitted\n');
        this.skip();
      }
      const { status, stdout, stderr } = await onSmallDisk(
        process.execPath,
        CHILD,
        what,
        files.directory,
      );
      expect(status, stderr).to.equal(0);
      const run = JSON.parse(stdout) as FullDiskRun;
      const [before, whileFull, last] = run.taken;
      process.stdout.write(`      ${before}, ${whileFull}, ${last} of ${run.records} records\n`);
      process.stdout.write(`      /readyz: ${run.full.status} ${run.full.text.trim()}\n`);
      expect(run.full.status).to.equal(503);
      expect(run.full.text).to.match(message);
      expect(run.stderr).to.match(/no space left on device|the disk is full/);
      expect(whileFull).to.be.below(run.records);
      expect(run.afterwards).to.equal(200);
      expect(last).to.equal(run.records);
      const found = new Map(run.findings.map((finding) => [finding.id, finding]));
      expect([...found.keys()].sort()).to.deep.equal([...expected.keys()].sort());
      expect(differencesOf(found, expected)).to.deep.equal([]);
      expect(new Set(run.revisions).size).to.equal(run.revisions.length);
    });
  }
});
