/** The files of a feed: found by path, folder or glob, unpacked by their first bytes, hashed. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import type { Stats } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { pipeline, Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { glob, isDynamicPattern } from 'tinyglobby';
import { FeedError } from './feeds/feed-reader.js';

/** Files below this are read whole: a stream costs more than they do. */
const WHOLE_BYTES = 1 << 20;
const CHUNK_BYTES = 256 * 1024;
const STATS_AT_ONCE = 64;

/** One file of a feed. */
export interface FeedFileRef {
  /** From the feed's folder (a folder), from the last folder that all have (a glob), or the name alone (a file). */
  readonly name: string;
  readonly path: string;
  readonly bytes: number;
  readonly mtimeMs: number;
}

/**
 * Files of `uri` in the order of their names; `takes` says which files of a folder or glob belong.
 * Throws a FeedError where there are none.
 */
export async function findFeedFiles(
  feed: string,
  baseDir: string,
  uri: string,
  takes: (path: string) => boolean,
): Promise<readonly FeedFileRef[]> {
  const path = resolve(baseDir, uri);
  const found = await statOrNone(path);
  if (found?.isFile() === true) return [fileRef(basename(uri), path, found)];
  let names: string[] = [];
  let folder = baseDir;
  if (found?.isDirectory() === true) {
    folder = path;
    names = await glob('**/*', { cwd: path, followSymbolicLinks: false });
  } else if (isDynamicPattern(uri)) {
    names = await glob(uri, { cwd: baseDir });
  } else {
    throw new FeedError(`feed "${feed}": no such file or folder "${uri}"`);
  }
  const taken = names.filter(takes).sort();
  if (taken.length === 0) {
    throw new FeedError(
      `feed "${feed}": none of the ${names.length} files of "${uri}" belongs to it`,
    );
  }
  const shown = found === undefined ? commonFolderLength(taken) : 0;
  const refs: FeedFileRef[] = [];
  // A feed of thousands of files is slow to look at one by one.
  for (let at = 0; at < taken.length; at += STATS_AT_ONCE) {
    const some = taken.slice(at, at + STATS_AT_ONCE);
    const stats = await Promise.all(some.map((name) => stat(resolve(folder, name))));
    for (const [i, name] of some.entries()) {
      refs.push(fileRef(name.slice(shown), resolve(folder, name), stats[i]));
    }
  }
  return refs;
}

/** Length of the folders that all paths share but for the last one: where the files lie must leave no trace in the snapshot. */
function commonFolderLength(paths: readonly string[]): number {
  const folders = paths[0].split('/').slice(0, -2);
  let length = 0;
  for (const folder of folders) {
    const next = length + folder.length + 1;
    if (!paths.every((path) => path.startsWith(paths[0].slice(0, next)))) break;
    length = next;
  }
  return length;
}

function fileRef(name: string, path: string, { size, mtimeMs }: Stats): FeedFileRef {
  return { name, path, bytes: size, mtimeMs };
}

async function statOrNone(path: string): Promise<Stats | undefined> {
  try {
    return await stat(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw error;
  }
}

async function* rawBytes(file: FeedFileRef): AsyncGenerator<Uint8Array> {
  if (file.bytes <= WHOLE_BYTES) {
    yield await readFile(file.path);
    return;
  }
  for await (const chunk of createReadStream(file.path, { highWaterMark: CHUNK_BYTES })) {
    yield chunk as Uint8Array;
  }
}

/** sha256 (hex) of a file as it lies there. */
export async function hashFile(file: FeedFileRef): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of rawBytes(file)) hash.update(chunk);
  return hash.digest('hex');
}

/**
 * Content of a file, gunzipped where it begins as gzip does. Throws where the gzip data is broken,
 * and a FeedError where the file is no longer the one of `sha256` or unpacks to more than `maxBytes`.
 */
export async function* fileContent(
  file: FeedFileRef,
  sha256: string,
  maxBytes = Infinity,
): AsyncGenerator<Uint8Array> {
  const hash = createHash('sha256');
  const source = rawBytes(file);
  async function* hashed(): AsyncGenerator<Uint8Array> {
    for await (const chunk of source) {
      hash.update(chunk);
      yield chunk;
    }
  }
  const chunks = hashed();
  const first = await chunks.next();
  if (first.done !== true) {
    async function* all(start: Uint8Array): AsyncGenerator<Uint8Array> {
      yield start;
      yield* chunks;
    }
    const packed = all(first.value);
    if (first.value[0] === 0x1f && first.value[1] === 0x8b) {
      const unpacked = pipeline(Readable.from(packed), createGunzip(), () => {
        // The error reaches the reader of the stream.
      });
      let bytes = 0;
      for await (const chunk of unpacked as AsyncIterable<Uint8Array>) {
        bytes += chunk.length;
        if (bytes > maxBytes) throw new FeedError(`unpacks to more than ${maxBytes} bytes`);
        yield chunk;
      }
    } else {
      yield* packed;
    }
  }
  if (hash.digest('hex') !== sha256) throw new FeedError(`${file.name}: changed while it was read`);
}
