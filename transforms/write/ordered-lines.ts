import { randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { putGcs } from '../objects/gcs.js';

/**
 * Writes lines to a file that appears whole or not at all: a temporary name beside it, then a rename.
 * `gs://bucket/object` is written by one request, which does the same.
 */
export async function writeLines(path: string, lines: Iterable<string>): Promise<void> {
  if (path.startsWith('gs://')) {
    const content = Buffer.concat([...withLineFeeds(lines)]);
    await putGcs(path, content, { contentType: 'application/x-ndjson' });
    return;
  }
  await mkdir(dirname(path), { recursive: true });
  const temporary = `${path}.${randomUUID()}.tmp`;
  try {
    await pipeline(
      Readable.from(withLineFeeds(lines)),
      createWriteStream(temporary, { flags: 'wx' }),
    );
    await rename(temporary, path);
  } finally {
    await rm(temporary, { force: true });
  }
}

/** Lines joined into pieces of some 64 KiB: a stream write a line would cost more than the line. */
function* withLineFeeds(lines: Iterable<string>): Generator<Buffer> {
  let piece = '';
  for (const line of lines) {
    piece += `${line}\n`;
    if (piece.length >= 65536) {
      yield Buffer.from(piece);
      piece = '';
    }
  }
  if (piece !== '') yield Buffer.from(piece);
}
