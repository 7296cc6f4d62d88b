/** Whether content that was fetched may take the place of the version in use. */
import type { FeedReading } from '../feed-source.js';
import { readSource } from '../feed-source.js';
import { fileContent, type FeedFileRef } from '../feed-files.js';
import { FeedError } from '../feeds/feed-reader.js';
import { SnapshotBuilder } from '../snapshot-builder.js';

/** Lists below are too short to say that half of one is sudden. */
const LEAST_ENTRIES = 20;

/** A source that keeps less than this part of its entries at once is more often broken than clean. */
const LEAST_KEPT = 0.5;

/**
 * Reads all of it, as compiling would, and gives the number of its entries. `hashes`: of the files'
 * contents. `maxBytes`: most that a packed file may unpack to. Throws a
 * FeedError where it is no such feed: packed wrongly, an error page, nothing at all, or nothing but
 * lines that cannot be read. A list with comments only is one: nobody is listed today.
 */
export async function readVersion(
  reading: FeedReading,
  files: readonly FeedFileRef[],
  hashes: readonly string[],
  maxBytes: number,
): Promise<number> {
  if (files.every(({ bytes }) => bytes === 0)) throw new FeedError('is empty');
  for (const [i, file] of files.entries()) {
    if (await isHtml(file, hashes[i])) {
      throw new FeedError(`${file.name} is a web page, not a feed`);
    }
  }
  const source = { ...reading, files, fetchedMs: 0, fileHashes: hashes, sha256: '' };
  const report = await readSource(source, new SnapshotBuilder(), maxBytes);
  const rejected = Object.values(report.rejected).reduce((sum, n) => sum + n, 0);
  if (rejected > 0 && rejected === report.read) {
    const [{ line, reason, sample }] = report.samples;
    throw new FeedError(
      `none of its ${report.read} lines can be read; line ${line}: ${reason}: ${JSON.stringify(sample)}`,
    );
  }
  return report.kept;
}

/** Whether so many entries went at once that somebody must confirm it. */
export function lostTooMany(before: number, after: number): boolean {
  return before >= LEAST_ENTRIES && after < before * LEAST_KEPT;
}

/** Error pages and log-in forms come with status 200 too. */
const HTML = /^[\s\ufeff]*(<\?xml[^>]*>\s*)?(<!--[^>]*-->\s*)?<(!doctype\s+html|html|head|body)\b/i;
const HEAD_BYTES = 1024;

async function isHtml(file: FeedFileRef, sha256: string): Promise<boolean> {
  for await (const chunk of fileContent(file, sha256)) {
    return HTML.test(Buffer.from(chunk.subarray(0, HEAD_BYTES)).toString());
  }
  return false;
}
