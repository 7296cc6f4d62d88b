/** Files of sorted JSON lines -> one. */
import { open, rename, rm } from 'node:fs/promises';
import { randomUUID } from 'node:crypto';
import { dirname, join } from 'node:path';
import { syncDirectory } from '../../history/atomic-file.js';
import { lineOrder, type Content } from '../../transforms/write.js';
import { readLines } from '../findings-file.js';

/** Files that are open at once. */
const MOST_OPEN = 100;

const WRITE_CHARS = 65_536;

/**
 * Merges files that the job wrote (`transforms/write.ts`) into one that it would have written for all
 * of them. It appears whole or not at all. Holds a line of each file, of 100 files at most; `scratch`
 * is a directory for what lies between.
 */
export async function mergeLines(
  into: string,
  content: Content,
  files: readonly string[],
  scratch: string,
): Promise<void> {
  let left = files;
  while (left.length > MOST_OPEN) {
    const merged: string[] = [];
    for (let at = 0; at < left.length; at += MOST_OPEN) {
      const part = join(scratch, `${randomUUID()}.ndjson`);
      await mergeFew(part, content, left.slice(at, at + MOST_OPEN));
      merged.push(part);
    }
    left = merged;
  }
  await mergeFew(into, content, left);
}

async function mergeFew(into: string, content: Content, files: readonly string[]): Promise<void> {
  const temporary = `${into}.${randomUUID()}.tmp`;
  try {
    const file = await open(temporary, 'wx');
    try {
      for await (const piece of mergedText(content, files)) await file.writeFile(piece);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, into);
    await syncDirectory(dirname(into));
  } finally {
    await rm(temporary, { force: true });
  }
}

interface Cursor {
  readonly lines: AsyncGenerator<{ readonly text: string | undefined }>;
  text: string;
  order: string;
}

async function* mergedText(content: Content, files: readonly string[]): AsyncGenerator<string> {
  const cursors: Cursor[] = [];
  try {
    for (const file of files) {
      const cursor = { lines: readLines(file, Number.MAX_SAFE_INTEGER), text: '', order: '' };
      if (await advance(cursor, content)) cursors.push(cursor);
    }
    let piece = '';
    let last: string | undefined;
    while (cursors.length > 0) {
      const least = cursors.reduce((a, b) => (b.order < a.order ? b : a));
      // As in a single file of notices: several days may give the same one.
      if (content !== 'notices' || least.text !== last) piece += `${least.text}\n`;
      last = least.text;
      if (piece.length >= WRITE_CHARS) {
        yield piece;
        piece = '';
      }
      if (!(await advance(least, content))) cursors.splice(cursors.indexOf(least), 1);
    }
    yield piece;
  } finally {
    for (const { lines } of cursors) await lines.return(undefined);
  }
}

async function advance(cursor: Cursor, content: Content): Promise<boolean> {
  const next = await cursor.lines.next();
  if (next.done === true) return false;
  cursor.text = next.value.text ?? '';
  cursor.order = lineOrder(content, JSON.parse(cursor.text));
  return true;
}
