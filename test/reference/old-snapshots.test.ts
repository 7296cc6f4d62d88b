import { existsSync, mkdirSync, readdirSync, utimesSync } from 'node:fs';
import { expect } from 'chai';
import { releaseSnapshot, removeOldSnapshots } from '../../reference/update/old-snapshots.js';
import { TemporaryFiles } from '../launch/temporary-files.js';

const NOW = Date.parse('2026-01-31T12:00:00Z');
const HOUR = 3_600_000;

describe('old snapshots', () => {
  const files = new TemporaryFiles();

  function age(name: string, hours: number): void {
    const seconds = (NOW - hours * HOUR) / 1000;
    utimesSync(files.path(name), seconds, seconds);
  }

  function version(i: number): string {
    return i.toString(16).padStart(16, '0');
  }

  function make(name: string, hours: number): void {
    mkdirSync(files.path(name));
    age(name, hours);
  }

  it('are removed beyond ten and two days, but never the latest', async () => {
    for (let i = 0; i < 15; i++) make(version(i), 24 * i);
    files.write('latest', `${version(14)}\n`);
    const removed = await removeOldSnapshots(files.directory, NOW);
    expect(removed).to.deep.equal([10, 11, 12, 13].map(version));
    expect(readdirSync(files.directory).length).to.equal(12);
    expect(existsSync(files.path(version(14)))).to.equal(true);
  });

  it('stay for two days after they were replaced, however many came since', async () => {
    for (let i = 0; i < 15; i++) make(version(i), i);
    make(version(20), 1000);
    make(version(21), 1000);
    files.write('latest', `${version(0)}\n`);
    await releaseSnapshot(files.directory, version(20), NOW - 47 * HOUR);
    expect(await removeOldSnapshots(files.directory, NOW)).to.deep.equal([version(21)]);
  });

  it('leave the rest of the directory alone, but for what killed builds left', async () => {
    for (const name of ['feeds', 'notes', '.building-x', '.building-y', '.broken-x']) {
      make(name, 1000);
    }
    age('.building-y', 1);
    files.write('latest', `${version(0)}\n`);
    files.write('latest.0123456789ab', '');
    age('latest.0123456789ab', 1000);
    files.write('published.ndjson.0123456789ab', '');
    age('published.ndjson.0123456789ab', 1000);
    await removeOldSnapshots(files.directory, NOW);
    expect(readdirSync(files.directory).sort()).to.deep.equal([
      '.building-y',
      'feeds',
      'latest',
      'notes',
    ]);
  });
});
