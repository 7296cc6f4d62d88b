import { existsSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { escapePath, glob, isDynamicPattern } from 'tinyglobby';

/** Where an input lies, once its URI is understood. */
export type InputLocation =
  | { readonly kind: 'file'; readonly path: string }
  /** An absolute glob pattern. */
  | { readonly kind: 'glob'; readonly pattern: string };

export type InputUriResult =
  | { readonly ok: true; readonly location: InputLocation }
  | { readonly ok: false; readonly message: string };

/**
 * Reads an input's URI: a path, a glob or a file:// URL; relative ones start from `directory`.
 * A file whose name looks like a glob is that file.
 */
export function parseInputUri(uri: string, directory: string): InputUriResult {
  if (uri === '-') return notRead(uri, 'standard input is');
  const scheme = /^([a-z][a-z0-9+.-]+):\/\//i.exec(uri)?.[1].toLowerCase();
  if (scheme === undefined) return { ok: true, location: locate(uri, directory) };
  if (scheme !== 'file') return notRead(uri, `${scheme}:// is`);
  try {
    return { ok: true, location: { kind: 'file', path: fileURLToPath(uri) } };
  } catch (error) {
    return {
      ok: false,
      message: `expected a file:// URL of this machine: ${(error as Error).message}`,
    };
  }
}

function notRead(uri: string, what: string): InputUriResult {
  const message = `expected a path, a glob or a file:// URL (${what} not read), got ${JSON.stringify(uri)}`;
  return { ok: false, message };
}

/** What a path or glob relative to `directory` stands for; a file whose name looks like a glob is that file. */
export function locate(uri: string, directory: string): InputLocation {
  const path = resolve(directory, uri);
  if (!isDynamicPattern(uri) || existsSync(path)) return { kind: 'file', path };
  if (uri.startsWith('/')) return { kind: 'glob', pattern: uri };
  // The directory of the configuration may itself have brackets in its name.
  return { kind: 'glob', pattern: `${escapePath(directory)}/${uri}` };
}

/**
 * Absolute paths of the files at `location`, sorted by code unit, so that every run reads them in
 * one order. A directory is not an input. Empty where nothing matches.
 */
export async function inputFiles(location: InputLocation): Promise<readonly string[]> {
  if (location.kind === 'file') return isFile(location.path) ? [location.path] : [];
  const files = await glob(location.pattern, { absolute: true, onlyFiles: true, dot: false });
  return files.sort();
}

/** Whether `path` is a file. A pipe or a device has no end that a batch could wait for. */
function isFile(path: string): boolean {
  try {
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
