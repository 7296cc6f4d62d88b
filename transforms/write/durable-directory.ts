import { mkdir, open } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';

/** Makes a directory and those above it, such that they are still there after a power failure. */
export async function makeDirectory(path: string): Promise<void> {
  const full = resolve(path);
  const first = await mkdir(full, { recursive: true });
  if (first === undefined) return;
  for (let made = full; made.length >= first.length; made = dirname(made)) {
    await syncDirectory(dirname(made));
  }
}

/** Brings the names in a directory to disk: syncing a new file does not sync its name. */
export async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
