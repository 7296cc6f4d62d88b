import { randomUUID } from 'node:crypto';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/**
 * Writes a file that appears whole or not at all, also where the machine stops: a sibling of its own
 * name, fsync, rename. Of several writers the last one's file stays. A killed writer leaves its
 * sibling, whose name begins with a dot and ends in `.tmp`.
 */
export async function replaceFile(path: string, pieces: Iterable<Uint8Array>): Promise<void> {
  const directory = dirname(path);
  await mkdir(directory, { recursive: true });
  const sibling = join(directory, `.${basename(path)}.${randomUUID()}.tmp`);
  try {
    const file = await open(sibling, 'wx');
    try {
      for (const piece of pieces) await file.writeFile(piece);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(sibling, path);
  } catch (error) {
    await rm(sibling, { force: true });
    throw error;
  }
  await syncDirectory(directory);
}

/** Makes the rename durable; not every file system can. */
export async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EINVAL' && code !== 'EPERM' && code !== 'ENOTSUP') throw error;
  } finally {
    await handle.close();
  }
}
