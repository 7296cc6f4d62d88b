import { expect } from 'chai';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { openLevelStore, type LevelStore } from '../../../launch/local/state/level-store.js';
import { StateError } from '../../../launch/local/state/state-store.js';

const FLIPS = 200;
const TRUNCATIONS = 80;
/** Small, so that the state has tables on two levels as well as a log. */
const OPTIONS = { writeBufferBytes: 65_536, reserveBytes: 0 } as const;

/** What a key may hold, oldest first; null = deleted. */
type History = Map<string, (string | null)[]>;

describe('a damaged state', function () {
  this.timeout(600_000);
  let root: string;
  let sound: string;
  const history: History = new Map();

  before(async () => {
    root = mkdtempSync(join(tmpdir(), 'flowsieve-state-'));
    sound = join(root, 'sound');
    // Closed and opened half-way: tables and a log, as after a restart.
    for (const [from, to] of [
      [0, 60],
      [60, 90],
    ] as const) {
      const store = await openLevelStore(sound, OPTIONS);
      for (let commit = from; commit < to; commit++) await commitNumber(store, commit, history);
      await store.close();
    }
  });
  after(() => rmSync(root, { recursive: true }));

  it('that is not damaged is whole', async () => {
    const copy = await copied();
    const { content, said } = await read(copy);
    expect(said).to.equal(undefined);
    expect(content).to.deep.equal(lastOf(history));
  });

  it(`says so, or is whole, with a bit flipped at any of ${FLIPS} places`, async () => {
    const random = generator(1);
    const outcomes = new Map<string, number>();
    for (let flip = 0; flip < FLIPS; flip++) {
      const copy = await copied();
      const file = pick(filesOf(copy), random, flip);
      const bytes = readFileSync(file);
      const bit = Math.floor(random() * bytes.length * 8);
      bytes[bit >> 3] ^= 1 << (bit & 7);
      writeFileSync(file, bytes);
      count(outcomes, await judged(copy, `bit ${bit} of ${file.slice(copy.length)}`));
    }
    report('flips', outcomes);
    expect(outcomes.get('said') ?? 0).to.be.greaterThan(0);
  });

  it(`says so, or is whole, cut at any of ${TRUNCATIONS} places`, async () => {
    const random = generator(2);
    const outcomes = new Map<string, number>();
    for (let cut = 0; cut < TRUNCATIONS; cut++) {
      const copy = await copied();
      const file = pick(filesOf(copy), random, cut);
      const bytes = Math.floor(random() * statSync(file).size);
      truncateSync(file, bytes);
      count(outcomes, await judged(copy, `${file.slice(copy.length)} cut at ${bytes}`));
    }
    report('truncations', outcomes);
  });

  it('says so, or is whole, without any one of its files', async () => {
    const outcomes = new Map<string, number>();
    for (const name of filesOf(sound).map((file) => file.slice(sound.length))) {
      const copy = await copied();
      rmSync(join(copy, name));
      count(outcomes, await judged(copy, `without ${name}`));
    }
    report('deletions', outcomes);
  });

  it('is refused by name when its whole LevelDB is gone', async () => {
    const copy = await copied();
    rmSync(join(copy, 'level'), { recursive: true });
    const error = await openLevelStore(copy, OPTIONS).catch((thrown: unknown) => thrown);
    expect(error).to.be.instanceOf(StateError);
    expect((error as StateError).message).to.match(
      /copy-\d+: nothing in it can be used .*90 commits/,
    );
  });

  it('names the commits and keys that a log lost at its end', async () => {
    const copy = join(root, `copy-${copies++}`);
    const store = await openLevelStore(copy, { reserveBytes: 0 });
    for (let at = 1; at <= 30; at++) {
      await store.commit([{ key: `key ${at}`, value: Buffer.alloc(1000, at) }]);
    }
    await store.close();
    const log = filesOf(copy).find((file) => file.endsWith('.log'))!;
    // Every commit takes more than 1000 bytes: the last ten or eleven are gone.
    truncateSync(log, statSync(log).size - 10_900);
    const opened = await openLevelStore(copy, { reserveBytes: 0 });
    const { recovered } = opened;
    expect(recovered?.lostCommits).to.be.within(10, 11);
    const lost = recovered!.lostCommits;
    expect(recovered?.damagedKeys.toSorted()).to.deep.equal(
      Array.from({ length: lost }, (_, i) => `key ${30 - i}`).toSorted(),
    );
    expect(recovered?.message).to.include(`${lost} acknowledged commits are not there`);
    // Numbers are not used twice, and what is left goes on.
    expect(opened.commits).to.equal(30);
    await opened.commit([{ key: 'key 30', value: Buffer.from('again') }]);
    await opened.close();
    const again = await openLevelStore(copy, { reserveBytes: 0 });
    expect(again.recovered).to.equal(undefined);
    expect(again.commits).to.equal(31);
    await again.close();
  });

  it('names the commit that a log lost in its middle', async () => {
    const copy = join(root, `copy-${copies++}`);
    const store = await openLevelStore(copy, { reserveBytes: 0 });
    for (let at = 1; at <= 5; at++) {
      await store.commit([{ key: `key ${at}`, value: Buffer.alloc(40_000, at) }]);
    }
    await store.close();
    const log = filesOf(copy).find((file) => file.endsWith('.log'))!;
    const bytes = readFileSync(log);
    bytes[100_000] ^= 1;
    writeFileSync(log, bytes);
    const opened = await openLevelStore(copy, { reserveBytes: 0 });
    expect(opened.recovered).to.deep.include({
      lostCommits: 1,
      lostEntries: 1,
      damagedKeys: ['key 3'],
      repaired: false,
    });
    expect(opened.commits).to.equal(5);
    await opened.close();
  });

  let copies = 0;
  async function copied(): Promise<string> {
    const copy = join(root, `copy-${copies++}`);
    cpSync(sound, copy, { recursive: true });
    return await Promise.resolve(copy);
  }

  /** Opens the damaged copy; fails if it is silently different. */
  async function judged(copy: string, what: string): Promise<string> {
    let result: Awaited<ReturnType<typeof read>>;
    try {
      result = await read(copy);
    } catch (error) {
      if (!(error instanceof StateError)) throw new Error(what, { cause: error });
      rmSync(copy, { recursive: true });
      return 'refused';
    }
    const { content, said, commits } = result;
    const last = lastOf(history);
    const different = [...new Set([...last.keys(), ...content.keys()])].filter(
      (key) => content.get(key) !== last.get(key),
    );
    if (said === undefined || said.repaired) {
      expect(different, `${what}: silently different`).to.deep.equal([]);
      expect(commits, what).to.equal(90);
    }
    for (const [key, value] of content) {
      expect(history.get(key)?.includes(value), `${what}: ${key} never had this value`).to.equal(
        true,
      );
    }
    if (different.length > 0) {
      const missing = different.filter((key) => !content.has(key)).length;
      const back = different.filter((key) => !last.has(key)).length;
      expect(said!.lostCommits + said!.lostEntries, what).to.be.greaterThan(0);
      expect(said!.lostEntries, what).to.be.at.least(missing - back);
    }
    // Dealt with: the next start finds nothing.
    const again = await read(copy);
    expect(again.said, `${what}: ${again.said?.message ?? ''}`).to.equal(undefined);
    expect(again.content, what).to.deep.equal(content);
    rmSync(copy, { recursive: true });
    if (said === undefined) return 'whole';
    return said.repaired ? 'repaired' : different.length === 0 ? 'whole, said' : 'said';
  }
});

async function commitNumber(store: LevelStore, commit: number, history: History): Promise<void> {
  const changes = [];
  for (let at = 0; at < 8; at++) {
    // Some keys are overwritten, some deleted, most are new.
    const key = at < 2 ? `checkpoint/${at}` : `piece/${commit}/${at}`;
    const value = `${key} of ${commit} `.repeat(20 + ((commit * at) % 60));
    changes.push({ key, value: Buffer.from(value) });
    history.set(key, [...(history.get(key) ?? []), value]);
  }
  if (commit >= 10) {
    const key = `piece/${commit - 10}/3`;
    changes.push({ key, value: null });
    history.get(key)?.push(null);
  }
  await store.commit(changes);
}

async function read(directory: string): Promise<{
  readonly content: Map<string, string>;
  readonly said: LevelStore['recovered'];
  readonly commits: number;
}> {
  const store = await openLevelStore(directory, OPTIONS);
  try {
    const content = new Map<string, string>();
    for await (const [key, value] of store.entries('')) {
      content.set(key, Buffer.from(value).toString());
    }
    return { content, said: store.recovered, commits: store.commits };
  } finally {
    await store.close();
  }
}

function lastOf(history: History): Map<string, string> {
  const last = new Map<string, string>();
  for (const [key, values] of history) {
    const value = values.at(-1);
    if (typeof value === 'string') last.set(key, value);
  }
  return last;
}

/** Files that are not empty. */
function filesOf(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .map((name) => join(directory, name))
    .filter((path) => statSync(path).isFile() && statSync(path).size > 0)
    .sort();
}

/** By turns a file by chance, and one by chance in proportion to its size. */
function pick(files: readonly string[], random: () => number, turn: number): string {
  if (turn % 2 === 0) return files[Math.floor(random() * files.length)];
  const sizes = files.map((file) => statSync(file).size);
  let left = random() * sizes.reduce((sum, size) => sum + size, 0);
  return files[sizes.findIndex((size) => (left -= size) < 0)];
}

/** mulberry32. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function count(outcomes: Map<string, number>, outcome: string): void {
  outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
}

function report(what: string, outcomes: ReadonlyMap<string, number>): void {
  process.stderr.write(`      ${what}: ${JSON.stringify(Object.fromEntries(outcomes))}\n`);
}
