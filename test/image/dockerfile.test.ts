import { spawnSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';

const ROOT = join(import.meta.dirname, '..', '..', '..');
const dockerfile = readFileSync(join(ROOT, 'Dockerfile'), 'utf8');

describe('the Dockerfile', () => {
  it('passes hadolint', function () {
    const { error, status, stdout } = spawnSync('hadolint', [join(ROOT, 'Dockerfile')], {
      encoding: 'utf8',
    });
    if (error !== undefined) {
      const missing = 'no hadolint (image/install-tools.sh)';
      if (process.env['CI'] === 'true') throw new Error(missing);
      process.stdout.write(`      skipped: ${missing}\n`);
      this.skip();
    }
    expect(stdout).to.equal('');
    expect(status).to.equal(0);
  });

  it('has a base of an exact version and digest, and a user that is not root', () => {
    const images = [...dockerfile.matchAll(/^FROM (\S+)/gm)].map((match) => match[1]);
    expect(images).to.deep.equal(['${NODE_IMAGE}', '${NODE_IMAGE}', 'scratch']);
    expect(dockerfile).to.match(
      /^ARG NODE_IMAGE=node:\d+\.\d+\.\d+-[a-z]+-slim@sha256:[0-9a-f]{64}$/m,
    );
    expect(dockerfile).to.match(/^USER [1-9]\d*:[1-9]\d*$/m);
  });

  it('runs no scripts of packages', () => {
    const installs = dockerfile.match(/npm (ci|install)[^\n]*/g) ?? [];
    expect(installs).to.have.length(2);
    for (const install of installs) expect(install).to.contain('--ignore-scripts');
  });

  it('gets every folder that the compiler reads', () => {
    const { include } = JSON.parse(
      readFileSync(join(ROOT, 'tsconfig.json'), 'utf8').replaceAll(/^\s*\/\/.*$/gm, ''),
    ) as { include: readonly string[] };
    const sent = new Set(
      readFileSync(join(ROOT, '.dockerignore'), 'utf8')
        .split('\n')
        .filter((line) => line.startsWith('!'))
        .map((line) => line.slice(1)),
    );
    const there = new Set(readdirSync(ROOT));
    expect(include.filter((name) => there.has(name) && !sent.has(name))).to.deep.equal([]);
  });
});
