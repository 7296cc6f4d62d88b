import { expect } from 'chai';
import fc from 'fast-check';
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { crc32 } from 'node:zlib';

import { openLevelStore, type LevelStore } from '../../../launch/local/state/level-store.js';
import { StateError, type Change } from '../../../launch/local/state/state-store.js';
import { changesOf } from './commit-loop-process.js';

const KILLS = 20;
const OPTIONS = { reserveBytes: 0 } as const;

describe('the state store', function () {
  this.timeout(600_000);
  let root: string;
  let directories = 0;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'flowsieve-state-'));
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));
  const fresh = (): string => join(root, `state-${directories++}`);

  it('keeps what was committed, in the bytewise order of keys', async () => {
    const directory = fresh();
    const keys = ['', 'a', 'a/1', 'b', 'é', '\uffee', '𝄞', '\0'];
    let store = await openLevelStore(directory, OPTIONS);
    expect(store.commits).to.equal(0);
    await store.commit(keys.map((key) => ({ key, value: Buffer.from(`of ${key}`) })));
    await store.commit([
      { key: 'a', value: null },
      { key: 'never there', value: null },
      { key: 'b', value: new Uint8Array(0) },
    ]);
    await store.close();

    store = await openLevelStore(directory, OPTIONS);
    expect(store.commits).to.equal(2);
    expect(store.recovered).to.equal(undefined);
    const found = await contentOf(store);
    const left = keys.filter((key) => key !== 'a');
    expect([...found.keys()]).to.deep.equal(
      left.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))),
    );
    expect(found.get('b')).to.equal('');
    expect(found.get('𝄞')).to.equal('of 𝄞');
    expect([...(await contentOf(store, 'a')).keys()]).to.deep.equal(['a/1']);
    expect(await store.size()).to.be.greaterThan(0);
    await store.close();
  });

  it('does what a Map does', async () => {
    const change = fc.record({
      key: fc.string({ maxLength: 3, unit: fc.constantFrom('a', 'b', '/', 'ü') }),
      value: fc.option(fc.uint8Array({ maxLength: 300 })),
    });
    const commits = fc.array(fc.array(change, { maxLength: 8 }), { maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(commits, async (all) => {
        const directory = fresh();
        const model = new Map<string, string>();
        let store = await openLevelStore(directory, OPTIONS);
        for (const [at, changes] of all.entries()) {
          await store.commit(changes);
          for (const { key, value } of changes) {
            if (value === null) model.delete(key);
            else model.set(key, Buffer.from(value).toString('latin1'));
          }
          if (at !== 5) continue;
          await store.close();
          store = await openLevelStore(directory, OPTIONS);
        }
        await store.close();
        store = await openLevelStore(directory, OPTIONS);
        expect(store.recovered).to.equal(undefined);
        expect(store.commits).to.equal(all.length);
        expect(sorted(await contentOf(store, '', 'latin1'))).to.deep.equal(sorted(model));
        await store.close();
      }),
      { numRuns: 25 },
    );
  });

  it('writes commits that wait together, in order', async () => {
    const store = await openLevelStore(fresh(), OPTIONS);
    const order: number[] = [];
    await Promise.all(
      Array.from({ length: 50 }, async (_, at) => {
        await store.commit([
          { key: 'last', value: Buffer.from(String(at)) },
          { key: `own/${at}`, value: Buffer.from('x') },
        ]);
        order.push(at);
      }),
    );
    expect(order).to.deep.equal(Array.from({ length: 50 }, (_, at) => at));
    expect(store.commits).to.equal(50);
    expect((await contentOf(store, 'last')).get('last')).to.equal('49');
    expect((await contentOf(store, 'own/')).size).to.equal(50);
    await store.close();
  });

  it('shows entries as they were when the first was asked for', async () => {
    const store = await openLevelStore(fresh(), OPTIONS);
    await store.commit(entries(2000, 'old'));
    const found: string[] = [];
    for await (const [key, value] of store.entries('key/')) {
      if (found.length === 0) {
        await store.commit([
          ...entries(2000, 'new'),
          { key: 'key/9999', value: Buffer.from('new') },
        ]);
      }
      expect(Buffer.from(value).toString(), key).to.equal('old');
      found.push(key);
    }
    expect(found.length).to.equal(2000);
    await store.close();
  });

  it('rejects a key that is not well-formed, and the other commits stand', async () => {
    const store = await openLevelStore(fresh(), OPTIONS);
    const bad = store
      .commit([{ key: 'a\ud800', value: Buffer.from('1') }])
      .catch((e: unknown) => e);
    await store.commit([{ key: 'b', value: Buffer.from('1') }]);
    expect(await bad).to.be.instanceOf(StateError);
    expect((await contentOf(store)).size).to.equal(1);
    await store.close();
  });

  it('is refused to a second process, and to a second opening in the first', async () => {
    const directory = fresh();
    const store = await openLevelStore(directory, OPTIONS);
    await store.commit([{ key: 'a', value: Buffer.from('1') }]);
    const second = await openLevelStore(directory, OPTIONS).catch((error: unknown) => error);
    expect((second as Error).message).to.match(/state-\d+: in use by this process$/);
    const child = spawnSync(process.execPath, [PROCESS, directory], { encoding: 'utf8' });
    expect(child.status).to.not.equal(0);
    expect(child.stderr).to.match(/state-\d+: in use by another process/);
    await store.commit([{ key: 'b', value: Buffer.from('2') }]);
    expect((await contentOf(store)).size).to.equal(2);
    await store.close();
  });

  it('leaves a directory alone that is not its own', async () => {
    const directory = fresh();
    mkdirSync(directory);
    writeFileSync(join(directory, 'thesis.txt'), 'mine');
    const error = await openLevelStore(directory, OPTIONS).catch((thrown: unknown) => thrown);
    expect((error as Error).message).to.match(
      /not a state directory of flowsieve: has "thesis.txt" and no flowsieve-state; give an empty or a new directory$/,
    );
    expect(readdirSync(directory)).to.deep.equal(['thesis.txt']);
  });

  it('refuses a state of a newer format', async () => {
    const directory = fresh();
    mkdirSync(directory);
    const line = 'flowsieve state 2';
    const check = crc32(line).toString(16).padStart(8, '0');
    writeFileSync(join(directory, 'flowsieve-state'), `${line} ${check}\n`);
    const error = await openLevelStore(directory, OPTIONS).catch((thrown: unknown) => thrown);
    expect((error as Error).message).to.match(
      /state of format 2, this version knows formats up to 1$/,
    );
  });

  it('has every acknowledged commit, whole, after kill -9', async () => {
    const directory = fresh();
    let acknowledged = 0;
    for (let kill = 0; kill < KILLS; kill++) {
      const child = spawn(process.execPath, [PROCESS, directory], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const gone = new Promise((resolve) => child.once('exit', resolve));
      let killed = false;
      for await (const line of createInterface(child.stdout)) {
        if (line.startsWith('open ')) {
          expect(line).to.match(/^open \d+ whole$/);
          expect(Number(line.split(' ')[1])).to.be.at.least(acknowledged);
          // Some at once, so that also an opening is killed; most after some commits.
          setTimeout(() => (killed = child.kill('SIGKILL')), Math.random() ** 2 * 600);
        } else {
          acknowledged = Math.max(acknowledged, Number(line));
        }
      }
      await gone;
      expect(killed).to.equal(true);
    }
    const store = await openLevelStore(directory, OPTIONS);
    expect(store.recovered).to.equal(undefined);
    expect(store.commits).to.be.at.least(acknowledged);
    const model = new Map<string, string>();
    for (let commit = 1; commit <= store.commits; commit++) {
      for (const { key, value } of changesOf(commit)) {
        if (value === null) model.delete(key);
        else model.set(key, Buffer.from(value).toString('latin1'));
      }
    }
    expect(sorted(await contentOf(store, '', 'latin1'))).to.deep.equal(sorted(model));
    await store.close();
    process.stderr.write(`      ${KILLS} kills, ${acknowledged} commits acknowledged\n`);
  });

  it('goes through an opening that is killed at any moment', async () => {
    const directory = fresh();
    const store = await openLevelStore(directory, OPTIONS);
    await store.commit(entries(3000, 'x'.repeat(1000)));
    await store.close();
    for (let kill = 0; kill < KILLS; kill++) {
      const child = spawn(process.execPath, [PROCESS, directory], { stdio: 'ignore' });
      const gone = new Promise((resolve) => child.once('exit', resolve));
      setTimeout(() => child.kill('SIGKILL'), 60 + Math.random() * 500);
      await gone;
    }
    const opened = await openLevelStore(directory, OPTIONS);
    expect(opened.recovered).to.equal(undefined);
    expect((await contentOf(opened, 'key/')).size).to.equal(3000);
    expect(readdirSync(directory).filter((name) => name.startsWith('before-open'))).to.deep.equal(
      [],
    );
    await opened.close();
  });
});

const PROCESS = fileURLToPath(new URL('commit-loop-process.js', import.meta.url));

async function contentOf(
  store: LevelStore,
  prefix = '',
  encoding: BufferEncoding = 'utf8',
): Promise<Map<string, string>> {
  const content = new Map<string, string>();
  for await (const [key, value] of store.entries(prefix)) {
    content.set(key, Buffer.from(value).toString(encoding));
  }
  return content;
}

function sorted(content: ReadonlyMap<string, string>): [string, string][] {
  return [...content].sort(([a], [b]) => (a < b ? -1 : 1));
}

function entries(count: number, value: string): Change[] {
  return Array.from({ length: count }, (_, at) => ({
    key: `key/${String(at).padStart(4, '0')}`,
    value: Buffer.from(value),
  }));
}
