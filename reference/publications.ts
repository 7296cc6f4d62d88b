/** When which snapshot was published: what a judgement as of an earlier day needs. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { replaceFile } from './atomic-file.js';
import { readManifestOf, SnapshotError, type ManifestRef } from './manifest.js';

/**
 * A line of JSON for each time that another version became the latest, oldest first. Kept beside the
 * versions and not in them, because a version may come back, and because times of files do not
 * outlive a copy.
 */
const LOG_FILE = 'published.ndjson';

const VERSION = /^[0-9a-f]{16}$/;

/** A table that every version has and nobody writes again. */
const LASTING_FILE = 'customers.table';

const lineSchema = z.object({
  version: z.string().regex(VERSION),
  at: z.iso.datetime(),
});

export interface Publication {
  readonly version: string;
  readonly publishedMs: number;
}

/** Writes down that `version` is the latest from now on; nothing where it was so before. */
export async function recordPublication(
  directory: string,
  version: string,
  nowMs: number,
): Promise<void> {
  const text = await logText(directory);
  const last = text.trimEnd().split('\n').at(-1) ?? '';
  if (publicationOf(last)?.version === version) return;
  const line = JSON.stringify({ version, at: new Date(nowMs).toISOString() });
  await replaceFile(join(directory, LOG_FILE), `${text}${line}\n`);
}

/**
 * All publications, oldest first. Versions that no line tells of, as releases before this log left
 * them, count as published when their tables were written. Throws a SnapshotError where the log is
 * damaged.
 */
export async function listPublications(directory: string): Promise<readonly Publication[]> {
  const logged = publicationsIn(await logText(directory), directory);
  const told = new Set(logged.map(({ version }) => version));
  const names = await readdir(directory).catch(absent<string[]>([]));
  const others: Publication[] = [];
  for (const version of names) {
    if (!VERSION.test(version) || told.has(version)) continue;
    const table = await stat(join(directory, version, LASTING_FILE)).catch(() => undefined);
    if (table !== undefined) others.push({ version, publishedMs: table.mtimeMs });
  }
  return [...logged, ...others].sort((a, b) => a.publishedMs - b.publishedMs);
}

/**
 * The newest snapshot of `publications` that was published not after `ms`. Throws a SnapshotError
 * where there is none, where it has been removed since, or where it is of another format.
 */
export function snapshotAsOf(
  directory: string,
  publications: readonly Publication[],
  ms: number,
): ManifestRef {
  const newest = publications.findLast(({ publishedMs }) => publishedMs <= ms);
  const time = new Date(ms).toISOString();
  if (newest === undefined) {
    const [first] = publications;
    const oldest =
      publications.length === 0
        ? 'there is none'
        : `the oldest is of ${new Date(first.publishedMs).toISOString()}`;
    throw new SnapshotError(`no snapshot in ${directory} was published by ${time}: ${oldest}`);
  }
  const ref = { version: newest.version, directory };
  try {
    readManifestOf(ref);
  } catch (cause) {
    if (!(cause instanceof SnapshotError)) throw cause;
    const published = new Date(newest.publishedMs).toISOString();
    throw new SnapshotError(
      `the snapshot ${newest.version} of ${published}, which was the newest at ${time}, cannot be used: ${cause.message}`,
      { cause },
    );
  }
  return ref;
}

async function logText(directory: string): Promise<string> {
  return await readFile(join(directory, LOG_FILE), 'utf8').catch(absent(''));
}

function absent<T>(value: T): (error: unknown) => T {
  return (error) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return value;
    throw error;
  };
}

function publicationsIn(text: string, directory: string): Publication[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line, index) => {
      const publication = publicationOf(line);
      if (publication !== undefined) return publication;
      const place = `${join(directory, LOG_FILE)}:${index + 1}`;
      throw new SnapshotError(`${place}: expected {"version", "at"}; remove the line`);
    });
}

/** undefined where the line is none. */
function publicationOf(line: string): Publication | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  const { data } = lineSchema.safeParse(value);
  return data && { version: data.version, publishedMs: Date.parse(data.at) };
}
