import { expect } from 'chai';
import { RecentIds } from '../../transforms/read/live/pubsub/recent-ids.js';

const MINUTE = 60_000;

describe('RecentIds', () => {
  it('knows an id for ten minutes at least', () => {
    for (const addedMs of [0, 1, 9 * MINUTE, 10 * MINUTE - 1]) {
      const ids = new RecentIds(0);
      ids.add('a', addedMs);
      expect(ids.has('a', addedMs), `added at ${addedMs}`).to.equal(true);
      expect(ids.has('a', addedMs + 10 * MINUTE - 1), `added at ${addedMs}`).to.equal(true);
    }
  });

  it('has forgotten it after twenty', () => {
    const ids = new RecentIds(0);
    ids.add('a', 0);
    expect(ids.has('a', 20 * MINUTE)).to.equal(false);
    expect(ids.size).to.equal(0);
  });

  it('does not take another for it', () => {
    const ids = new RecentIds(0);
    ids.add('a'.repeat(1024), 0);
    expect(ids.has('a'.repeat(1024), 1)).to.equal(true);
    expect(ids.has('a'.repeat(1023), 1)).to.equal(false);
    expect(ids.has('__proto__', 1)).to.equal(false);
  });

  it('holds a bounded number, the latest', () => {
    const ids = new RecentIds(0, 10);
    for (let i = 0; i < 1000; i++) ids.add(String(i), 0);
    expect(ids.size).to.be.at.most(20);
    expect(ids.has('999', 0)).to.equal(true);
    expect(ids.has('990', 0)).to.equal(true);
    expect(ids.has('0', 0)).to.equal(false);
  });
});
