import { expect } from 'chai';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** In its own mount namespace, so that no other process sees the disk and it goes with the shell. */
const SCRIPT = 'mount -t tmpfs -o size=16m flowsieve "$1" && exec "$2" "$3" "$1" "$4"';

describe('a full disk', function () {
  this.timeout(300_000);

  for (const [what, reserve] of [
    ['refused before it is written', 'reserve'],
    ['that fails while it is written', 'none'],
  ] as const) {
    it(`rejects a commit ${what}, keeps the others, and goes on when there is room`, function () {
      const mountPoint = mkdtempSync(join(tmpdir(), 'flowsieve-full-'));
      try {
        const mounts = spawnSync('unshare', ['-m', 'mount', '-t', 'tmpfs', 'none', mountPoint]);
        if (mounts.status !== 0) {
          const mustMount = process.env['CI'] === 'true' && process.getuid?.() === 0;
          if (mustMount) throw new Error(`cannot mount a tmpfs: ${String(mounts.stderr)}`);
          process.stderr.write('      skipped: may not mount a tmpfs\n');
          this.skip();
        }
        const { status, stdout, stderr } = spawnSync(
          'unshare',
          ['-m', 'sh', '-c', SCRIPT, 'sh', mountPoint, process.execPath, PROCESS, reserve],
          { encoding: 'utf8' },
        );
        expect(status, stderr).to.equal(0);
        const result = JSON.parse(stdout) as Record<string, unknown>;
        expect(result['code']).to.equal('disk-full');
        expect(result['errorName']).to.equal('StateError');
        expect(result['message']).to.match(/no space left on device/i);
        expect(result['rejected']).to.be.greaterThan(0);
        // Without a reserve LevelDB may not come up again before there is room.
        if (reserve === 'reserve') expect(result['readWhileFull']).to.equal(true);
        expect(result['commitsWhileFull']).to.equal(result['resolved']);
        expect(result['retried']).to.equal(true);
        expect(result['different']).to.deep.equal([]);
        expect(result['recovered']).to.equal(null);
        process.stderr.write(`      ${stdout.trim()}\n`);
      } finally {
        rmSync(mountPoint, { recursive: true, force: true });
      }
    });
  }
});

const PROCESS = fileURLToPath(new URL('full-disk-process.js', import.meta.url));
