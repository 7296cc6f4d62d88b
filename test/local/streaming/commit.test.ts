import { expect } from 'chai';
import { Commit } from '../../../launch/local/streaming/commit.js';
import { MemoryStore } from './memory-store.js';

const bytes = (text: string): Uint8Array => Buffer.from(text);

async function valuesOf(commit: Commit, prefix: string): Promise<string[]> {
  const values: string[] = [];
  for await (const value of commit.values(prefix)) values.push(Buffer.from(value).toString());
  return values;
}

describe('commit', () => {
  it('reads what is stored and what is about to be, in order', async () => {
    const store = new MemoryStore();
    const { commit } = await Commit.resume(store, {});
    for (const n of [1, 2, 3]) commit.put(`v/a/${n}`, bytes(`a${n}`));
    commit.put('v/ab/1', bytes('other'));
    await commit.write();
    commit.remove('v/a/1');
    commit.put('v/a/4', bytes('a4'));
    commit.put('v/a/5', bytes('a5'));
    commit.remove('v/a/5');
    expect(await valuesOf(commit, 'v/a/')).to.deep.equal(['a2', 'a3', 'a4']);
    await commit.write();
    expect(await valuesOf(commit, 'v/a/')).to.deep.equal(['a2', 'a3', 'a4']);
  });

  it('never gives the id of a group twice, restarted or not', async () => {
    const store = new MemoryStore();
    const first = await Commit.resume(store, {});
    const ids = [first.commit.nextGroupId(), first.commit.nextGroupId()];
    await first.commit.write();
    const second = await Commit.resume(store, {});
    ids.push(second.commit.nextGroupId());
    expect(new Set(ids).size).to.equal(3);
    expect([...ids].sort()).to.deep.equal(ids);
  });

  it('keeps counters and checkpoints of any name', async () => {
    const store = new MemoryStore();
    const { commit } = await Commit.resume(store, {});
    const sources = ['read', 'a/b', 'c%2Fd', '\u{1f600}'];
    for (const source of sources) {
      commit.checkpoint(source, '/var/flows/x.csv', source);
      commit.checkpoint(source, 'gone', '1');
      commit.checkpoint(source, 'gone', null);
    }
    commit.count('dropped/late/step', 2);
    commit.count('dropped/late/step', 3);
    commit.count('nothing', 0);
    await commit.write();
    const { resumed } = await Commit.resume(store, {});
    expect([...resumed.counters]).to.deep.equal([['dropped/late/step', 5]]);
    expect([...resumed.checkpoints.keys()].sort()).to.deep.equal([...sources].sort());
    for (const source of sources) {
      const own = [...(resumed.checkpoints.get(source) ?? [])];
      expect(own).to.deep.equal([['/var/flows/x.csv', source]]);
    }
  });

  it('loses nothing where a write failed: it may be tried again', async () => {
    const store = new MemoryStore();
    const { commit } = await Commit.resume(store, {});
    commit.put('v/a/1', bytes('a'));
    commit.count('n', 1);
    store.failure = new Error('disk full');
    const error: unknown = await commit.write().catch((reason: unknown) => reason);
    expect((error as Error).message).to.equal('disk full');
    expect(commit.isEmpty).to.equal(false);
    store.failure = undefined;
    await commit.write();
    expect(commit.isEmpty).to.equal(true);
    const { resumed } = await Commit.resume(store, {});
    expect(resumed.counters.get('n')).to.equal(1);
  });

  it('writes nothing where nothing changed', async () => {
    const store = new MemoryStore();
    const { commit } = await Commit.resume(store, {});
    await commit.write();
    const { commits } = store;
    await commit.write();
    expect(store.commits).to.equal(commits);
  });

  it('says which setting is another while windows are open', async () => {
    const store = new MemoryStore();
    const { commit } = await Commit.resume(store, { window: 300, shards: 4 });
    commit.put('g/step/1', bytes('{}'));
    await commit.write();
    const error: unknown = await Commit.resume(store, { window: 300, shards: 8 }).catch(
      (reason: unknown) => reason,
    );
    expect((error as Error).message).to.match(/begun with shards 4, not 8/);
  });
});
