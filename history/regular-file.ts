/**
 * Files that are files. A named pipe keeps whoever opens it waiting until somebody writes to it, and a
 * directory can be opened but not read: both may lie where a file is looked for.
 */
import { closeSync, constants, fstatSync, openSync, readFileSync, type StatsBase } from 'node:fs';
import { stat } from 'node:fs/promises';
import { HistoryStorageError } from './storage-error.js';

/** Opens a file for reading, without waiting for whatever else it may be. Throws an Error that says what it is. */
export function openRegularFile(path: string): number {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const stats = fstatSync(fd);
  if (stats.isFile()) return fd;
  closeSync(fd);
  throw new Error(`is ${typeOf(stats)}, no file`);
}

/** The whole file. Throws an Error that says what it is, or what the system said. */
export function readRegularFile(path: string): Buffer {
  const fd = openRegularFile(path);
  try {
    return readFileSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Throws a HistoryStorageError where something lies at `path` that is no file: it is not ours to replace. */
export async function checkReplaceable(path: string): Promise<void> {
  const stats = await stat(path).catch(() => undefined);
  if (stats === undefined || stats.isFile()) return;
  throw new HistoryStorageError(
    path,
    `${typeOf(stats)} lies where the file is to be written; move it away, then run again`,
  );
}

function typeOf(stats: StatsBase<number>): string {
  if (stats.isDirectory()) return 'a directory';
  if (stats.isFIFO()) return 'a named pipe';
  return stats.isSocket() ? 'a socket' : 'a device';
}
