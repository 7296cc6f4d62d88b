/** One update of a snapshot directory at a time. */
import { randomBytes } from 'node:crypto';
import { mkdir, open, readFile, rm, stat, utimes } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';

const LOCK_FILE = '.update-lock';
const BEAT_MS = 10_000;

/** A lock that nobody touched for so long is of a process that was killed. */
const DEAD_MS = 300_000;

/** Another update is running on the same directory. */
export class UpdateRunningError extends Error {
  constructor(directory: string, owner: string) {
    super(`another update of ${directory} is running (${owner})`);
    this.name = 'UpdateRunningError';
  }
}

/** Owners of locks that this process holds or is about to. */
const held = new Set<string>();

/**
 * Runs `work` while no other update of `directory` does. Throws an UpdateRunningError where one is
 * running. Two could still run if the clock of a machine leaps: copies are named by their content and
 * all else is renamed into place, so that only work would be lost.
 */
export async function withUpdateLock<T>(directory: string, work: () => Promise<T>): Promise<T> {
  await mkdir(directory, { recursive: true });
  const path = join(directory, LOCK_FILE);
  const owner = `${process.pid}@${hostname()} ${randomBytes(6).toString('hex')}`;
  held.add(owner);
  try {
    await acquire(path, directory, owner);
  } catch (error) {
    held.delete(owner);
    throw error;
  }
  const beat = setInterval(() => {
    const now = Date.now() / 1000;
    utimes(path, now, now).catch(() => undefined);
  }, BEAT_MS);
  beat.unref();
  try {
    return await work();
  } finally {
    clearInterval(beat);
    held.delete(owner);
    // Who slept too long may have lost it to another.
    if ((await ownerOf(path)) === owner) await rm(path, { force: true });
  }
}

async function acquire(path: string, directory: string, owner: string): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    if (await create(path, owner)) return;
    const other = await ownerOf(path);
    if (other === undefined) continue;
    if (attempt > 0 || !(await isDead(path, other))) {
      throw new UpdateRunningError(directory, other.split(' ')[0]);
    }
    await takeAway(path);
  }
}

/** Takes away the lock of a dead process, if that is what lies there when nobody else may do so. */
async function takeAway(path: string): Promise<void> {
  const taking = `${path}.taking`;
  if (!(await create(taking, ''))) {
    if ((await ageMs(taking)) > DEAD_MS) await rm(taking, { force: true });
    return;
  }
  try {
    const owner = await ownerOf(path);
    if (owner !== undefined && (await isDead(path, owner))) await rm(path, { force: true });
  } finally {
    await rm(taking, { force: true });
  }
}

async function create(path: string, owner: string): Promise<boolean> {
  try {
    const file = await open(path, 'wx');
    await file.writeFile(owner).finally(() => file.close());
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

async function ownerOf(path: string): Promise<string | undefined> {
  try {
    return (await readFile(path, 'utf8')).slice(0, 300);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

async function isDead(path: string, owner: string): Promise<boolean> {
  if ((await ageMs(path)) > DEAD_MS) return true;
  const [, pid, host] = /^(\d+)@(\S+)/.exec(owner) ?? [];
  if (host !== hostname()) return false;
  // A container that starts again has the number of the process before it.
  if (Number(pid) === process.pid) return !held.has(owner);
  try {
    process.kill(Number(pid), 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}

/** Since it was touched; none where it is gone. */
async function ageMs(path: string): Promise<number> {
  return await stat(path).then(
    ({ mtimeMs }) => Date.now() - mtimeMs,
    () => 0,
  );
}
