import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, utimesSync } from 'node:fs';
import { hostname } from 'node:os';
import { expect } from 'chai';
import { UpdateRunningError, withUpdateLock } from '../../reference/update/update-lock.js';
import { TemporaryFiles } from '../launch/temporary-files.js';

describe('lock of updates', () => {
  const files = new TemporaryFiles();

  function attempt(): Promise<string> {
    return withUpdateLock(files.directory, () => Promise.resolve('ran')).catch((error: unknown) => {
      expect(error).to.be.instanceOf(UpdateRunningError);
      return 'refused';
    });
  }

  it('lets one in at a time, and the next after it, whatever became of it', async () => {
    const inside = await withUpdateLock(files.directory, async () => {
      const [owner] = readFileSync(files.path('.update-lock'), 'utf8').split(' ');
      expect(owner).to.equal(`${process.pid}@${hostname()}`);
      return attempt();
    });
    expect(inside).to.equal('refused');
    await withUpdateLock(files.directory, () => Promise.reject(new Error('no'))).catch(() => 0);
    expect(await attempt()).to.equal('ran');
    expect(existsSync(files.path('.update-lock'))).to.equal(false);
  });

  const ended = spawnSync(process.execPath, ['-e', '']).pid;
  const owners = [
    ['a process that ended', `${ended}@${hostname()}`, 'ran'],
    ['a process of this number before a restart', `${process.pid}@${hostname()}`, 'ran'],
    ['a process that runs', `${process.ppid}@${hostname()}`, 'refused'],
    ['another machine', '1@elsewhere.example', 'refused'],
    ['who knows whom', 'garbage', 'refused'],
  ] as const;
  for (const [name, owner, expected] of owners) {
    it(`of ${name}: ${expected}`, async () => {
      files.write('.update-lock', owner);
      expect(await attempt()).to.equal(expected);
      expect(existsSync(files.path('.update-lock'))).to.equal(expected === 'refused');
    });
  }

  it('that nobody touched for long is of nobody', async () => {
    const path = files.write('.update-lock', '1@elsewhere.example');
    utimesSync(path, Date.now() / 1000 - 301, Date.now() / 1000 - 301);
    expect(await attempt()).to.equal('ran');
  });

  it('is taken from the dead by one of many', async () => {
    files.write('.update-lock', `${ended}@${hostname()}`);
    let inside = 0;
    let most = 0;
    const work = async (): Promise<void> => {
      most = Math.max(most, ++inside);
      await new Promise((resolve) => setTimeout(resolve, 20));
      inside--;
    };
    const all = Array.from({ length: 8 }, () => withUpdateLock(files.directory, work));
    const results = await Promise.allSettled(all);
    expect(results.some(({ status }) => status === 'fulfilled')).to.equal(true);
    expect(most).to.equal(1);
  });
});
