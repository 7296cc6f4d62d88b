import type { Stats } from 'node:fs';
import { stat } from 'node:fs/promises';
import { loadConfig, type Config } from '../config/config.js';
import { ConfigurationError } from '../config/configuration-error.js';
import { unreadable } from '../config/yaml-file.js';
import { quoted } from '../terminal-text.js';

/** The configuration at `path`, judged as of `now` (ISO 8601). Throws a ConfigurationError where it is wrong. */
export async function requireConfig(path: string, now: string | undefined): Promise<Config> {
  const loaded = await loadConfig(path, { now });
  if (!loaded.ok) throw new ConfigurationError(loaded.problems);
  return loaded.config;
}

/** Throws a ConfigurationError where `path`, named at `place`, is no file that can be read again and again. */
export async function requireFile(path: string, place: string): Promise<void> {
  const found = await stat(path).catch((error: unknown) => unreadable(error));
  if (typeof found !== 'string' && found.isFile()) return;
  const is = typeof found === 'string' ? found : `it is ${kindOf(found)}`;
  const message = `expected a file, got ${quoted(path)}: ${is}`;
  throw new ConfigurationError([{ place, path: '', message }]);
}

function kindOf(found: Stats): string {
  if (found.isDirectory()) return 'a directory';
  if (found.isCharacterDevice() || found.isBlockDevice()) return 'a device';
  if (found.isFIFO()) return 'a pipe';
  return found.isSocket() ? 'a socket' : 'no regular file';
}
