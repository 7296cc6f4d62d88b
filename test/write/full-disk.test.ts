import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { TemporaryFiles } from '../launch/temporary-files.js';
import type { FullDisk } from './fill-disk.js';

const CHILD = fileURLToPath(new URL('fill-disk.js', import.meta.url));

/** Runs a command on a disk of 512 KiB, which is mounted at `$1` for it alone. */
const ON_SMALL_DISK = [
  '--mount',
  '--propagation',
  'private',
  'sh',
  '-c',
  'mount -t tmpfs -o size=512k tmpfs "$1" && shift && exec "$@"',
  'sh',
];

describe('a full disk', function () {
  this.timeout(120_000);
  const files = new TemporaryFiles();

  function onSmallDisk(...command: string[]): {
    status: number | null;
    stdout: string;
    stderr: string;
  } {
    const disk = files.path('disk');
    mkdirSync(disk, { recursive: true });
    return spawnSync('unshare', [...ON_SMALL_DISK, disk, ...command, disk], { encoding: 'utf8' });
  }

  it('fails a put clearly, and doubles nothing when it is repeated', function () {
    const { status: mounted, stderr: why } = onSmallDisk('test', '-d');
    if (mounted !== 0) {
      const root = process.getuid?.() === 0;
      if (process.env['CI'] === 'true' && root) throw new Error(`no disk can be mounted: ${why}`);
      process.stdout.write('      skipped: mounting a small disk is not permitted\n');
      this.skip();
    }
    const { status, stdout, stderr } = onSmallDisk(process.execPath, CHILD);
    expect(status, stderr).to.equal(0);
    const disk = JSON.parse(stdout) as FullDisk;
    expect(disk.failures).to.have.length(2);
    for (const failure of disk.failures) {
      expect(failure).to.match(
        /^WriteError: cannot write .*Z\.ndjson: the disk is full \(ENOSPC\)$/,
      );
    }
    expect(disk.whileFull).to.have.length(2);
    expect(disk.expected).to.have.length(7);
    expect(disk.afterwards).to.deep.equal(disk.expected);
    expect(disk.noticeFailures[0]).to.match(/notices\.ndjson: the disk is full \(ENOSPC\)$/);
    expect(disk.notices).to.have.length(501);
    expect(new Set(disk.notices).size).to.equal(501);
    for (const line of disk.notices) expect(() => JSON.parse(line) as unknown).not.to.throw();
  });
});
