import { replaceFile } from '../../history/atomic-file.js';
import { isGcs, parseObjectUri } from '../../objects/object-uri.js';
import { writeObject } from '../../objects/write-object.js';

/**
 * Writes lines to a file, or to `gs://bucket/name`, that appears whole or not at all: a temporary
 * name beside it, fsync, rename; or one upload against the version that is there.
 */
export async function writeLines(path: string, lines: Iterable<string>): Promise<void> {
  const pieces = withLineFeeds(lines);
  if (!isGcs(path)) return replaceFile(path, pieces);
  const place = parseObjectUri(path);
  if (place === undefined) throw new RangeError(`${path} is no object of Cloud Storage`);
  return writeObject(place, pieces, 'application/x-ndjson');
}

/** Lines joined into pieces of some 64 KiB: a write a line would cost more than the line. */
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
