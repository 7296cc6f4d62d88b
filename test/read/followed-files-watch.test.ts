import { watch } from 'node:fs';
import { expect } from 'chai';
import { WatchedDirectories } from '../../transforms/read/live/followed-files/watched-directories.js';
import { TemporaryFiles } from '../launch/temporary-files.js';

describe('watched directories', () => {
  const files = new TemporaryFiles();

  async function until(done: () => boolean): Promise<void> {
    while (!done()) await new Promise((wake) => setTimeout(wake, 5));
  }

  it('tell what changed, once', async () => {
    const told: string[] = [];
    const changes = { number: 0 };
    const watched = new WatchedDirectories(
      () => changes.number++,
      (message) => told.push(message),
    );
    files.write('a/one.csv', '');
    watched.follow(new Set([files.path('a'), files.path('not-there')]));
    files.write('a/two.csv', '');
    await until(() => changes.number > 0);
    expect([...(watched.take() ?? [])]).to.deep.equal([files.path('a/two.csv')]);
    watched.close();
    expect(told).to.deep.equal([]);
    expect(watched.failed).to.equal(false);
  });

  const limits = [
    ['ENOSPC', 'no inotify watch is left, see sysctl fs.inotify.max_user_watches'],
    ['EMFILE', 'no inotify instance is left, see sysctl fs.inotify.max_user_instances'],
  ] as const;
  for (const [code, reason] of limits) {
    it(`say once that ${code} leaves only looking`, () => {
      const told: string[] = [];
      const watched = new WatchedDirectories(
        () => undefined,
        (message) => told.push(message),
        () => {
          throw Object.assign(new Error('limit'), { code });
        },
      );
      watched.follow(new Set([files.directory]));
      watched.follow(new Set([files.directory]));
      expect(watched.failed).to.equal(true);
      expect(told).to.deep.equal([
        `${files.directory} cannot be watched (${reason}): it is looked at every few seconds`,
      ]);
    });
  }

  it('go on without one whose watch fails later', async () => {
    const told: string[] = [];
    const watched = new WatchedDirectories(
      () => undefined,
      (message) => told.push(message),
      (directory, note) => {
        const watcher = watch(directory, note);
        setImmediate(() => watcher.emit('error', new Error('gone')));
        return watcher;
      },
    );
    watched.follow(new Set([files.directory]));
    await until(() => told.length > 0);
    expect(told[0]).to.include('cannot be watched (gone)');
    watched.close();
  });
});
