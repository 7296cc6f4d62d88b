import { opendir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { glob, isDynamicPattern } from 'tinyglobby';

/** What is followed; paths are absolute. */
export type FollowedLocation =
  | { readonly kind: 'file'; readonly path: string }
  /** The files in it, not those below. */
  | { readonly kind: 'directory'; readonly path: string }
  | { readonly kind: 'glob'; readonly pattern: string };

/**
 * Names under which something is still written and will be renamed: nfcapd's current file, what
 * rsync, browsers and editors leave while they work, and whatever is hidden.
 */
const UNFINISHED =
  /^\.|~$|^(nf|sf)p?capd\.current(\.|$)|\.(tmp|temp|part|partial|filepart|crdownload|swp)$/i;

function isUnfinished(path: string): boolean {
  return UNFINISHED.test(basename(path));
}

/** Paths of what may be files there, unsorted; undefined where it cannot be looked at now. */
export async function filesAt(location: FollowedLocation): Promise<string[] | undefined> {
  switch (location.kind) {
    case 'file':
      return [location.path];
    case 'directory':
      return filesIn(location.path);
    case 'glob': {
      const options = { absolute: true, onlyFiles: true, dot: false };
      const found = await glob(location.pattern, options).catch(() => undefined);
      return found?.filter((path) => !isUnfinished(path));
    }
  }
}

/** What may be files in a directory and is not still being written. */
export async function filesIn(directory: string): Promise<string[] | undefined> {
  const paths: string[] = [];
  try {
    for await (const entry of await opendir(directory, { bufferSize: 1024 })) {
      if (!entry.isDirectory() && !isUnfinished(entry.name))
        paths.push(join(directory, entry.name));
    }
  } catch {
    return undefined;
  }
  return paths;
}

/** The directory that holds all of a location. */
export function rootOf(location: FollowedLocation): string {
  switch (location.kind) {
    case 'file':
      return dirname(location.path);
    case 'directory':
      return location.path;
    case 'glob': {
      const parts = location.pattern.split('/');
      const first = parts.findIndex((part) => isDynamicPattern(part));
      const fixed = parts.slice(0, first < 0 ? -1 : first);
      return fixed.join('/').replaceAll(/\\(.)/g, '$1') || '/';
    }
  }
}

/** Whether a path that was seen to change lies there; undefined where only looking there can tell. */
export function isAt(location: FollowedLocation, path: string): boolean | undefined {
  switch (location.kind) {
    case 'file':
      return path === location.path;
    case 'directory':
      return dirname(path) === location.path && !isUnfinished(path);
    case 'glob':
      return isUnfinished(path) ? false : undefined;
  }
}
