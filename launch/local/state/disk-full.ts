import { statfs } from 'node:fs/promises';

import { StateError } from './state-store.js';

/** There is no room for a commit. Nothing of it was kept; it may be tried again. */
export class DiskFullError extends StateError {
  readonly code = 'disk-full';
}

/** Whether `error`, or what caused it, says that there is no room (or no quota) left. */
export function isDiskFull(error: unknown): boolean {
  for (let at = error; at instanceof Error; at = at.cause) {
    if (at instanceof DiskFullError) return true;
    const code = 'code' in at ? at.code : undefined;
    if (code === 'ENOSPC' || code === 'EDQUOT') return true;
    // LevelDB passes on what strerror says.
    if (/no space left on device|disk quota exceeded/i.test(at.message)) return true;
  }
  return false;
}

/** Bytes that may still be written to the file system of `path`. */
export async function freeBytes(path: string): Promise<number> {
  const { bavail, bsize } = await statfs(path);
  return bavail * bsize;
}

/** The innermost code: classic-level wraps LevelDB's error in one of its own. */
export function causeCode(error: unknown): string | undefined {
  let code: string | undefined;
  for (let at = error; at instanceof Error; at = at.cause) {
    if ('code' in at && typeof at.code === 'string') code = at.code;
  }
  return code;
}

/** The innermost message. */
export function causeMessage(error: unknown): string {
  let message = String(error);
  for (let at = error; at instanceof Error; at = at.cause) message = at.message;
  return message;
}
