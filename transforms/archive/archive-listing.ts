import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { ConversationBatch } from '../../pipeline/conversation-batch.js';
import { DamagedFileError, MAX_ARCHIVED_BYTES, unpackBatch } from './archived-file.js';
import { isDay, nameOf, parseName, pathOf, type ArchivedName } from './archived-name.js';

/** UTC days that an archive has, the oldest first; none where there is no archive. */
export async function archivedDays(directory: string): Promise<readonly string[]> {
  return (await namesIn(directory)).filter(isDay).sort();
}

/**
 * Files of a day, of the oldest window first; with what crashes left of files. Names that are none of
 * ours are left out.
 */
export async function archivedFiles(
  directory: string,
  day: string,
): Promise<readonly (ArchivedName & { readonly unfinished: boolean })[]> {
  const files = (await namesIn(join(directory, day))).flatMap((file) => parseName(day, file) ?? []);
  return files.sort(
    (a, b) => a.windowStartMs - b.windowStartMs || (a.file < b.file ? -1 : a.file > b.file ? 1 : 0),
  );
}

/** Whoever prunes may take a folder away at any time. */
async function namesIn(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return [];
    throw error;
  }
}

/** When a file was written, ms since 1970 UTC; of one that was pruned since it was listed long ago. */
export async function archivedAtMs(directory: string, name: ArchivedName): Promise<number> {
  try {
    return (await stat(pathOf(directory, name))).mtimeMs;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 0;
    throw error;
  }
}

/**
 * The batch of a file; undefined where it was pruned since it was listed. Throws a DamagedFileError
 * for what is not the batch that its name promises, and nothing else.
 */
export async function readArchived(
  directory: string,
  name: ArchivedName,
): Promise<ConversationBatch | undefined> {
  const bytes = await bytesOf(pathOf(directory, name));
  if (bytes === undefined) return undefined;
  const batch = await unpackBatch(bytes);
  const own = nameOf(batch.origin);
  if (own?.file !== name.file) {
    throw new DamagedFileError('misnamed', `holds ${own?.file ?? batch.origin.key}`);
  }
  const { windowStartMs } = batch.columns;
  const other = windowStartMs.find((startMs) => startMs !== own.windowStartMs);
  if (other !== undefined) {
    throw new DamagedFileError('misnamed', `holds conversations of the window ${other}`);
  }
  return batch;
}

async function bytesOf(path: string): Promise<Buffer | undefined> {
  try {
    const { size } = await stat(path);
    if (size > MAX_ARCHIVED_BYTES) {
      throw new DamagedFileError('layout', `${size} bytes, the most is ${MAX_ARCHIVED_BYTES}`);
    }
    return await readFile(path);
  } catch (error) {
    if (error instanceof DamagedFileError) throw error;
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new DamagedFileError('unreadable', (error as Error).message, { cause: error });
  }
}
