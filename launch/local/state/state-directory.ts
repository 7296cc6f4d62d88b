import { mkdir, open, readdir, readFile, realpath, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { ClassicLevel } from 'classic-level';

import { causeCode, causeMessage } from './disk-full.js';
import { StateError } from './state-store.js';

/*
 * What lies in a state directory:
 *
 *     flowsieve-state      its format, so that no other directory is taken for one
 *     level/               LevelDB: the entries
 *     commits-00000001     the last commits' numbers and keys (commit-journal.ts)
 *     lock/                an empty LevelDB, for its LOCK
 *     before-open/         links to what level/ was, while that is being opened and verified
 *     repair/, rebuilt/    while damage is dealt with
 *     damaged-TIME/        what was found damaged, for people
 *
 * The damaged state stays inside and not beside, because the directory may be a mount point.
 */
const MARKER = 'flowsieve-state';
const FORMAT = 1;

const OURS =
  /^(?:level|lock|before-open(?:\.part|\.done)?|repair|rebuilt|commits-\d+|damaged-.+|flowsieve-state.*)$/;

export interface Claim {
  /** What was amiss with the directory's own files and has been put right. */
  readonly note: string | undefined;
}

/**
 * Makes `directory` ours if it is new or empty. StateError if it has other files, or a state of a
 * format that this version does not know.
 */
export async function claimDirectory(directory: string): Promise<Claim> {
  await mkdir(directory, { recursive: true });
  const names = await readdir(directory);
  const foreign = names.filter((name) => !OURS.test(name));
  const marker = names.includes(MARKER) ? await readFile(join(directory, MARKER), 'latin1') : '';
  const format = formatOf(marker);
  if (format !== undefined) {
    if (format > FORMAT) {
      throw new StateError(
        `${directory}: state of format ${format}, this version knows formats up to ${FORMAT}`,
      );
    }
    return { note: undefined };
  }
  const empty = names.every((name) => name.startsWith(`${MARKER}.`));
  const begun = names.some((name) => name === 'level' || name.startsWith('commits-'));
  // Other files make it another's directory, whatever else lies in it.
  if (foreign.length > 0 || !(empty || begun || names.includes(MARKER))) {
    throw new StateError(
      `${directory}: not a state directory of flowsieve: has ${list(foreign.length > 0 ? foreign : names)} and no ${MARKER}; give an empty or a new directory`,
    );
  }
  await writeDurably(join(directory, MARKER), `flowsieve state ${FORMAT} ${check(FORMAT)}\n`);
  return { note: empty ? undefined : `${MARKER} was missing or damaged, written anew` };
}

/** Undefined if the text is not, or not exactly, what was written. */
function formatOf(marker: string): number | undefined {
  const match = /^flowsieve state (\d{1,9}) ([0-9a-f]{8})\n$/.exec(marker);
  if (match === null) return undefined;
  const format = Number(match[1]);
  return check(format) === match[2] ? format : undefined;
}

function check(format: number): string {
  return crc32(`flowsieve state ${format}`).toString(16).padStart(8, '0');
}

/** Replaces the file whole; it is on disk, under its name, when this resolves. */
async function writeDurably(path: string, text: string): Promise<void> {
  const next = `${path}.next`;
  const file = await open(next, 'w');
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(next, path);
  await syncDirectory(join(path, '..'));
}

/** Makes renames and new files in it last. */
export async function syncDirectory(directory: string): Promise<void> {
  const file = await open(directory, 'r');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Held until closed, or until the process is gone, however it went. */
export interface DirectoryLock {
  close(): Promise<void>;
}

/**
 * One process at a time. Node cannot lock files, LevelDB can; the LOCK of level/ itself would not do,
 * because that directory is exchanged when damage is dealt with.
 */
export async function lockDirectory(directory: string): Promise<DirectoryLock> {
  const real = await realpath(directory);
  if (HELD.has(real)) throw new StateError(`${directory}: in use by this process`);
  HELD.add(real);
  try {
    const lock = await lockAgainstOthers(directory);
    return {
      async close() {
        await lock.close();
        HELD.delete(real);
      },
    };
  } catch (error) {
    HELD.delete(real);
    throw error;
  }
}
/**
 * Directories locked by this process. LevelDB must not be asked for those again: it refuses, but closes
 * a descriptor of LOCK as it does, and POSIX then takes the process's lock away (fcntl(2)).
 */
const HELD = new Set<string>();

async function lockAgainstOthers(directory: string): Promise<DirectoryLock> {
  const path = join(directory, 'lock');
  try {
    return await openLock(path);
  } catch (error) {
    if (causeCode(error) === 'LEVEL_LOCKED') {
      throw new StateError(`${directory}: in use by another process`, { cause: error });
    }
    // Nothing is kept in it, so damage in it is no matter: but its LOCK stays, another may hold it.
    try {
      for (const name of await readdir(path)) {
        if (name !== 'LOCK') await rm(join(path, name), { recursive: true, force: true });
      }
      return await openLock(path);
    } catch (second) {
      throw new StateError(`${directory}: cannot be locked: ${causeMessage(second)}`, {
        cause: second,
      });
    }
  }
}

async function openLock(path: string): Promise<DirectoryLock> {
  const level = new ClassicLevel(path, { writeBufferSize: 65_536, cacheSize: 0 });
  await level.open();
  return level;
}

function list(names: readonly string[]): string {
  const shown = names.slice(0, 3).map((name) => JSON.stringify(name));
  const more = names.length - shown.length;
  return shown.join(', ') + (more > 0 ? ` and ${more} more` : '');
}
