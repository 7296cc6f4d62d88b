import { createReadStream } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { glob, isDynamicPattern } from 'tinyglobby';

/** Path of a local URI; `gs://` and others are for the engines' issue and refused by name. */
function pathOf(uri: string): string {
  if (uri.startsWith('file://')) return fileURLToPath(uri);
  if (/^[a-z][a-z0-9+.-]+:\/\//i.test(uri)) throw new Error(`no reader for ${uri}`);
  return uri;
}

/** Files that a URI names: itself, those in a folder (not below), or those that match a glob; sorted, with sizes. */
export async function listFiles(uri: string): Promise<{ uri: string; size: number }[]> {
  const path = pathOf(uri);
  const info = await stat(path).catch(() => undefined);
  if (info?.isFile() === true) return [{ uri: path, size: info.size }];
  const folder = info?.isDirectory() === true;
  if (!folder && !isDynamicPattern(path)) return [];
  const found = await glob(folder ? ['*'] : [path], {
    ...(folder ? { cwd: path } : {}),
    absolute: true,
    onlyFiles: true,
  });
  const files = await Promise.all(
    found.map(async (file) => ({ uri: file, size: (await stat(file)).size })),
  );
  return files.sort((a, b) => (a.uri < b.uri ? -1 : a.uri > b.uri ? 1 : 0));
}

/** The first bytes of a file, at most `length`. */
export async function readHead(uri: string, length: number): Promise<Uint8Array> {
  const file = await open(pathOf(uri));
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

/** The bytes of a file from `start` on, in pieces of 1 MiB. It is opened when first read, and closed when left. */
export async function* openFile(uri: string, start: number): AsyncGenerator<Uint8Array> {
  yield* createReadStream(pathOf(uri), { start, highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>;
}
