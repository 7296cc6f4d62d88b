/**
 * Fills the file system of DIRECTORY, puts into it, makes room and puts again. Prints what came of it
 * as JSON: a mount of our own is seen from within this process only.
 *
 * usage: fill-disk DIRECTORY
 */
import {
  closeSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { AppendedLines } from '../../transforms/write/appended-lines.js';
import { NewNotices } from '../../transforms/write/admission.js';
import { WindowFilesSink } from '../../transforms/write/window-files.js';
import { nameOf, revisionOf } from './revisions.js';
import { windowLines } from './window-lines.js';

export interface FullDisk {
  /** Messages of the puts that failed. */
  readonly failures: readonly string[];
  /** Lines of findings while the disk was full, and at the end. */
  readonly whileFull: readonly string[];
  readonly afterwards: readonly string[];
  readonly expected: readonly string[];
  /** The same of notices. */
  readonly noticeFailures: readonly string[];
  readonly notices: readonly string[];
}

const [directory] = process.argv.slice(2);
const filler = join(directory, 'filler');
const thrown = (error: unknown): string => String(error);

const sink = await WindowFilesSink.open(directory);
const notices = await AppendedLines.open(join(directory, 'notices.ndjson'), {
  admission: new NewNotices(),
});
const notice = (message: string): Parameters<typeof notices.append>[0][number] => ({
  kind: 'feed-error',
  day: '2026-11-22',
  subject: 'a',
  message,
});
const first = [0, 1].map((finding) => revisionOf({ finding, revision: 1 }));
await sink.put(first);
await notices.append([notice('before')]);

// Room is left for a part of what comes: it is written in part.
fill(filler, 20_000);
const second = [0, 3, 6, 1, 4].map((finding) =>
  revisionOf({ finding, revision: 2, length: 15_000 }),
);
const failures = [
  await sink.put(second).then(() => 'no failure', thrown),
  await sink.put(second).then(() => 'no failure', thrown),
];
const whileFull = windowLines(directory).map(nameOf);
const many = Array.from({ length: 500 }, (_, i) => notice(`${i} ${'x'.repeat(200)}`));
const noticeFailures = [await notices.append(many).then(() => 'no failure', thrown)];

rmSync(filler);
const taken = (await sink.put(second)).map(({ finding }) => finding);
await notices.append(many);
await notices.close();
await sink.close();
const result: FullDisk = {
  failures,
  whileFull,
  afterwards: windowLines(directory).map(nameOf),
  expected: [first[0], ...taken.slice(0, 3), first[1], ...taken.slice(3)].map(nameOf),
  noticeFailures,
  notices: readFileSync(join(directory, 'notices.ndjson'), 'utf8').trimEnd().split('\n'),
};
process.stdout.write(JSON.stringify(result));

/** Writes a file until the disk is full, and then gives `room` bytes back. */
function fill(path: string, room: number): void {
  const file = openSync(path, 'w');
  try {
    for (;;) writeSync(file, Buffer.alloc(4096));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  } finally {
    closeSync(file);
  }
  truncateSync(path, statSync(path).size - room);
}
