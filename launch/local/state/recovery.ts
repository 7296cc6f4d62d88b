import { copyFile, link, mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ClassicLevel, type OpenOptions } from 'classic-level';

import type { Digest } from './checked-entry.js';
import { encodeEntry, encodeIndex, encodeMeta, entryKey, indexKey } from './checked-entry.js';
import { markOf, META_KEY } from './checked-entry.js';
import type { JournalContent } from './commit-journal.js';
import { causeCode, causeMessage, DiskFullError, isDiskFull } from './disk-full.js';
import { syncDirectory } from './state-directory.js';
import { StateError } from './state-store.js';
import { defuseTables } from './table-check.js';
import { isWhole, verify, type Findings, type Level } from './verify.js';

/** What was found damaged when the store was opened, and what became of it. */
export interface Recovery {
  /** Acknowledged commits of which something is missing. */
  readonly lostCommits: number;
  /** Keys whose last value is gone: they are missing, or have an older value. At most 100. */
  readonly damagedKeys: readonly string[];
  /**
   * Entries that are missing, at least: known by name, or the number that there must be less what is
   * there, and that may include entries whose deletion was lost.
   */
  readonly lostEntries: number;
  /** Everything that was acknowledged is there. */
  readonly repaired: boolean;
  /** Directory in which the damaged files are kept. */
  readonly keptAside: string | undefined;
  /** All of this for people, in a sentence or two. */
  readonly message: string;
}

/** A store that is whole, or has been made so. */
export interface Recovered {
  readonly level: Level;
  readonly commits: number;
  readonly digest: Digest;
  readonly recovery: Recovery | undefined;
}

const REBUILD_BATCH_BYTES = 4 * 2 ** 20;

export async function openLevel(path: string, options: OpenOptions): Promise<Level> {
  const level: Level = new ClassicLevel(path, { keyEncoding: 'buffer', valueEncoding: 'buffer' });
  await level.open(options);
  return level;
}

/**
 * Opens `directory`/level, verifies all of it, and if it is damaged puts a sound store in its place:
 * what LevelDB reads as it is, or what its repair makes of it, whichever has more. `directory` must be
 * locked. DiskFullError, or StateError if nothing in it can be used.
 *
 * Opening alone changes things (LevelDB moves its log into a table and deletes what it believes
 * obsolete, with a damaged manifest too much), so all files are linked to a second place first and
 * stay there until the store is known to be sound.
 */
export async function openVerified(
  directory: string,
  journal: JournalContent,
  options: OpenOptions,
): Promise<Recovered> {
  try {
    return await new Opening(directory, journal, options).open();
  } catch (error) {
    if (isDiskFull(error)) {
      throw new DiskFullError(`${directory}: no space left on device to open the state`, {
        cause: error,
      });
    }
    if (error instanceof StateError) throw error;
    throw new StateError(`${directory}: cannot be opened: ${causeMessage(error)}`, {
      cause: error,
    });
  }
}

class Opening {
  readonly #directory: string;
  readonly #journal: JournalContent;
  readonly #options: OpenOptions;

  constructor(directory: string, journal: JournalContent, options: OpenOptions) {
    this.#directory = directory;
    this.#journal = journal;
    this.#options = options;
  }

  async open(): Promise<Recovered> {
    await this.#resume();
    const fresh = !(await hasFiles(this.#path('level')));
    if (fresh && this.#journal.commits > 0) throw this.#unusable('level/ is empty or missing');
    if (!fresh) await this.#linkAside();

    let reason = 'LevelDB cannot open it';
    let level = await this.#openAsItIs(fresh);
    if (level !== undefined) {
      const findings = await verify(level);
      if (isWhole(findings, this.#journal)) {
        await this.#forgetLinks();
        const { commits, digest } = findings.meta ?? { commits: 0, digest: findings.digest };
        return { level, commits, digest, recovery: this.#noted(commits) };
      }
      reason = 'its entries are not those of the last commit';
      if (findings.unreadable) reason = 'LevelDB cannot read all of it';
      await level.close();
      level = undefined;
    }
    return await this.#rebuild(reason);
  }

  /** An opening that was killed half-way starts again from what it found. */
  async #resume(): Promise<void> {
    for (const name of ['before-open.part', 'before-open.done', 'repair', 'rebuilt']) {
      await rm(this.#path(name), { recursive: true, force: true });
    }
    if (!(await exists(this.#path('before-open')))) return;
    await rm(this.#path('level'), { recursive: true, force: true });
    await rename(this.#path('before-open'), this.#path('level'));
    await syncDirectory(this.#directory);
  }

  async #linkAside(): Promise<void> {
    await linkFiles(this.#path('level'), this.#path('before-open.part'));
    await rename(this.#path('before-open.part'), this.#path('before-open'));
    await syncDirectory(this.#directory);
  }

  async #forgetLinks(): Promise<void> {
    if (!(await exists(this.#path('before-open')))) return;
    await rename(this.#path('before-open'), this.#path('before-open.done'));
    // Else the links could be back after a power failure, and with them the state of today.
    await syncDirectory(this.#directory);
    await rm(this.#path('before-open.done'), { recursive: true, force: true });
  }

  /** Undefined if it is damaged so that LevelDB refuses. */
  async #openAsItIs(fresh: boolean): Promise<Level | undefined> {
    if (!fresh) await defuseTables(this.#path('level'));
    return await this.#tryOpen(this.#path('level'), fresh);
  }

  async #tryOpen(path: string, createIfMissing: boolean): Promise<Level | undefined> {
    try {
      return await openLevel(path, { ...this.#options, createIfMissing });
    } catch (error) {
      // Anything else (rights, open files, a failing disk) is no reason to give up data.
      const damaged =
        causeCode(error) === 'LEVEL_CORRUPTION' ||
        /corrupt|does not exist|no such file|not a|missing/i.test(causeMessage(error));
      if (damaged && !isDiskFull(error)) return undefined;
      throw error;
    }
  }

  async #rebuild(reason: string): Promise<Recovered> {
    const repair = this.#path('repair');
    await linkFiles(this.#path('before-open'), repair);
    await defuseTables(repair);
    await ClassicLevel.repair(repair);

    let best: { path: string; findings: Findings } | undefined;
    for (const path of [this.#path('level'), repair]) {
      const level = await this.#tryOpen(path, false);
      if (level === undefined) continue;
      const findings = await verify(level, this.#journal);
      await level.close();
      if (best === undefined || isBetter(findings, best.findings)) best = { path, findings };
    }
    if (best === undefined || (best.findings.digest.entries === 0 && !this.#mayBeEmpty(best))) {
      throw this.#unusable(reason);
    }

    const commits = Math.max(this.#journal.commits, best.findings.meta?.commits ?? 0);
    const digest = await this.#copySound(best.path, commits);
    const recovery = this.#describe(reason, best.findings, digest);
    await rm(this.#path('level'), { recursive: true, force: true });
    await rename(this.#path('rebuilt'), this.#path('level'));
    await rm(repair, { recursive: true, force: true });
    if (recovery.keptAside !== undefined) {
      await rename(this.#path('before-open'), recovery.keptAside);
    }
    await syncDirectory(this.#directory);
    const level = await openLevel(this.#path('level'), {
      ...this.#options,
      createIfMissing: false,
    });
    return { level, commits, digest, recovery };
  }

  #mayBeEmpty({ findings }: { findings: Findings }): boolean {
    return isWhole(findings, this.#journal);
  }

  /** Writes the sound entries into `rebuilt`, as commit `commits`. */
  async #copySound(from: string, commits: number): Promise<Digest> {
    const source = await openLevel(from, { ...this.#options, createIfMissing: false });
    const target = await openLevel(this.#path('rebuilt'), {
      ...this.#options,
      createIfMissing: true,
    });
    try {
      let batch = target.batch();
      let bytes = 0;
      const { digest } = await verify(source, this.#journal, (key, value) => {
        const stored = entryKey(key);
        const index = indexKey(key);
        const mark = markOf(stored, value);
        batch.put(stored, encodeEntry(value, mark)).put(index, encodeIndex(index, mark));
        bytes += value.length + stored.length + index.length;
        if (bytes < REBUILD_BATCH_BYTES) return undefined;
        const full = batch;
        batch = target.batch();
        bytes = 0;
        return full.write({ sync: true });
      });
      batch.put(META_KEY, encodeMeta({ commits, digest }));
      await batch.write({ sync: true });
      return digest;
    } finally {
      await target.close();
      await source.close();
    }
  }

  #describe(reason: string, findings: Findings, digest: Digest): Recovery {
    const { meta, lost, damaged, damagedKeys } = findings;
    const behind = Math.max(0, this.#journal.commits - (meta?.commits ?? 0));
    let lostCommits = behind;
    for (const { first, last } of lost) {
      if (last <= this.#journal.commits - behind) lostCommits += last - first + 1;
    }
    const missing = meta === undefined ? 0 : meta.digest.entries - digest.entries;
    const lostEntries = Math.max(0, missing, damaged);
    const repaired = isWhole(findings, this.#journal);
    const keptAside = this.#path(`damaged-${new Date().toISOString().replaceAll(':', '')}`);
    const outcome = repaired
      ? 'repaired, nothing is lost'
      : `${lostCommits} acknowledged commits are not there or not whole, at least ${lostEntries} entries are lost` +
        (damagedKeys.length > 0 ? `, among them ${named(damagedKeys)}` : '') +
        // What is missing without a name may be deletions as well as entries.
        (damaged < Math.abs(missing) || meta === undefined ? '; deleted entries may be back' : '');
    return {
      lostCommits: repaired ? 0 : lostCommits,
      damagedKeys: repaired ? [] : damagedKeys,
      lostEntries: repaired ? 0 : lostEntries,
      repaired,
      keptAside,
      message: `${this.#directory}: state was damaged (${reason}): ${outcome}; the damaged files are kept in ${keptAside}`,
    };
  }

  /** The entries are whole, but whether they are the last ones may be unsure. */
  #noted(commits: number): Recovery | undefined {
    const { found, damaged, torn } = this.#journal;
    let note: string | undefined;
    if (!found && commits > 0) note = 'is missing';
    else if (damaged) note = 'is damaged';
    // A commit is in LevelDB before the journal speaks of it: a killed process leaves more there.
    else if (torn && commits <= this.#journal.commits) note = 'has lost its end';
    if (note === undefined) return undefined;
    return {
      lostCommits: 0,
      damagedKeys: [],
      lostEntries: 0,
      repaired: false,
      keptAside: undefined,
      message: `${this.#directory}: the journal of commits ${note}: the state is whole as of commit ${commits}, whether later ones were acknowledged is not known`,
    };
  }

  #unusable(reason: string): StateError {
    return new StateError(
      `${this.#directory}: nothing in it can be used (${reason}; ${this.#journal.commits} commits were acknowledged): move it away to start without a state`,
    );
  }

  #path(name: string): string {
    return join(this.#directory, name);
  }
}

/** More of the commits, then more of the entries, and no more than there must be. */
function isBetter(a: Findings, b: Findings): boolean {
  const commits = (a.meta?.commits ?? 0) - (b.meta?.commits ?? 0);
  return commits !== 0 ? commits > 0 : distance(a) < distance(b);
}

function distance({ meta, digest, damaged }: Findings): number {
  const expected = meta?.digest.entries ?? Number.MAX_SAFE_INTEGER;
  return Math.abs(expected - digest.entries) + damaged;
}

/** LevelDB never changes a file that it finds, so a second name for it is as good as a copy. */
async function linkFiles(from: string, to: string): Promise<void> {
  await mkdir(to);
  for (const name of await readdir(from)) {
    if (!isLevelFile(name) || name === 'LOCK') continue;
    const path = join(from, name);
    await link(path, join(to, name)).catch(() => copyFile(path, join(to, name)));
  }
}

function isLevelFile(name: string): boolean {
  return /^(?:CURRENT|LOCK|LOG|LOG\.old|MANIFEST-\d+|\d+\.(?:log|ldb|sst))$/.test(name);
}

async function hasFiles(level: string): Promise<boolean> {
  if (!(await exists(level))) return false;
  return (await readdir(level)).some((name) => isLevelFile(name) && !/^(?:LOCK|LOG.*)$/.test(name));
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}

function named(keys: readonly string[]): string {
  const shown = keys.slice(0, 5).map((key) => JSON.stringify(key));
  return shown.join(', ') + (keys.length > shown.length ? ' ...' : '');
}
