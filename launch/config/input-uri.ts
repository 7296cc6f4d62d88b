import { existsSync, statSync } from 'node:fs';
import { isIPv4, isIPv6 } from 'node:net';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { escapePath, glob, isDynamicPattern } from 'tinyglobby';
import { parseObjectUri, type ObjectPlace } from '../../objects/object-uri.js';
import { KAFKA_EXPECTED, parseKafkaUri, type KafkaTopic } from './kafka-uri.js';
import { parsePubsubUri } from './pubsub-name.js';

/** Files by name. */
export type FileLocation =
  | { readonly kind: 'file'; readonly path: string }
  /** An absolute glob pattern. */
  | { readonly kind: 'glob'; readonly pattern: string };

/** Where an input lies, once its URI is understood. Paths are absolute. */
export type InputLocation =
  | FileLocation
  /** The files in it, not those below; followed, never read in batch. */
  | { readonly kind: 'directory'; readonly path: string }
  | ObjectLocation
  | LiveLocation;

/** Objects of Cloud Storage: one, or those that match a glob over names. */
export interface ObjectLocation {
  readonly kind: 'object';
  readonly place: ObjectPlace;
}

/** What has no end, or none that could be read again. */
export type LiveLocation =
  /** Full name: `projects/P/subscriptions/S`. */
  | { readonly kind: 'pubsub'; readonly subscription: string }
  /** Address (IPv4, or IPv6 without brackets) and UDP port to listen on. */
  | { readonly kind: 'netflow'; readonly host: string; readonly port: number }
  | { readonly kind: 'stdin' }
  | ({ readonly kind: 'kafka' } & KafkaTopic);

export type InputUriResult =
  | { readonly ok: true; readonly location: InputLocation }
  | { readonly ok: false; readonly message: string };

/**
 * Reads an input's URI: a path, a glob or a file:// URL (relative ones start from `directory`),
 * `gs://BUCKET/OBJECT` where OBJECT may be a glob, `pubsub://projects/P/subscriptions/S`,
 * `kafka://BROKERS/TOPIC`, `netflow://HOST:PORT`, or `-` for standard input.
 * A file whose name looks like a glob is that file.
 */
export function parseInputUri(uri: string, directory: string): InputUriResult {
  if (uri === '-') return { ok: true, location: { kind: 'stdin' } };
  const scheme = /^([a-z][a-z0-9+.-]+):\/\//i.exec(uri)?.[1].toLowerCase();
  switch (scheme) {
    case undefined:
      return { ok: true, location: orDirectory(locate(uri, directory), uri) };
    case 'file':
      return fileUrl(uri);
    case 'gs': {
      const place = parseObjectUri(uri);
      if (place !== undefined) return { ok: true, location: { kind: 'object', place } };
      return wrong('gs://BUCKET/OBJECT, or a glob such as gs://BUCKET/flows/*.csv.gz', uri);
    }
    case 'pubsub': {
      const subscription = parsePubsubUri(uri, 'subscriptions');
      if (subscription !== undefined)
        return { ok: true, location: { kind: 'pubsub', subscription } };
      return wrong('pubsub://projects/PROJECT/subscriptions/SUBSCRIPTION', uri);
    }
    case 'kafka': {
      const topic = parseKafkaUri(uri);
      if (topic !== undefined) return { ok: true, location: { kind: 'kafka', ...topic } };
      return wrong(KAFKA_EXPECTED, uri);
    }
    case 'netflow':
      return netflowUrl(uri);
    default:
      return wrong(
        `a path, a glob, a file://, gs://, pubsub://, kafka:// or netflow:// URL, or - (${scheme}:// is not read)`,
        uri,
      );
  }
}

function wrong(expected: string, uri: string): InputUriResult {
  return { ok: false, message: `expected ${expected}, got ${JSON.stringify(uri)}` };
}

function fileUrl(uri: string): InputUriResult {
  try {
    const path = fileURLToPath(uri);
    return { ok: true, location: orDirectory({ kind: 'file', path }, uri) };
  } catch (error) {
    return {
      ok: false,
      message: `expected a file:// URL of this machine: ${(error as Error).message}`,
    };
  }
}

/** A name would be looked up, and could mean another address at the next start. */
function netflowUrl(uri: string): InputUriResult {
  const match = /^netflow:\/\/(?:\[([^\]]*)\]|([^:/[\]]*)):([1-9][0-9]{0,4})$/i.exec(uri);
  const [, six = '', four = '', digits = ''] = match ?? [];
  const port = Number(digits);
  const sound = port <= 65535 && (isIPv4(four) || isIPv6(six));
  if (match !== null && sound) {
    return { ok: true, location: { kind: 'netflow', host: six === '' ? four : six, port } };
  }
  return wrong(
    'netflow://ADDRESS:PORT, such as netflow://127.0.0.1:2055 or netflow://[::]:2055',
    uri,
  );
}

/** A directory is told from a file by what is there, or where nothing is, by a slash at the end. */
function orDirectory(location: FileLocation, uri: string): InputLocation {
  if (location.kind === 'glob') return location;
  const { path } = location;
  const stats = statSync(path, { throwIfNoEntry: false });
  const directory = stats === undefined ? uri.endsWith('/') : stats.isDirectory();
  return directory ? { kind: 'directory', path } : location;
}

/** What a path or glob relative to `directory` stands for; a file whose name looks like a glob is that file. */
export function locate(uri: string, directory: string): FileLocation {
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
export async function inputFiles(location: FileLocation): Promise<readonly string[]> {
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
