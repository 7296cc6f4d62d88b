import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { withTemporaryDirectory } from '../../launch/evaluate/temporary-directory.js';

describe('withTemporaryDirectory', () => {
  it('gives what the work gives, and removes the directory', async () => {
    const directory = await withTemporaryDirectory((made) => {
      writeFileSync(join(made, 'file'), 'text');
      return Promise.resolve(made);
    });
    expect(existsSync(directory)).to.equal(false);
  });

  it('removes it after a failure too, and leaves no handlers of signals', async () => {
    const before = process.listenerCount('SIGTERM');
    let directory = '';
    const error = await withTemporaryDirectory((made) => {
      directory = made;
      expect(existsSync(made)).to.equal(true);
      return Promise.reject(new Error('it broke'));
    }).catch((thrown: unknown) => thrown);
    expect(String(error)).to.equal('Error: it broke');
    expect(existsSync(directory)).to.equal(false);
    expect(process.listenerCount('SIGTERM')).to.equal(before);
  });
});
