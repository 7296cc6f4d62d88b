import { stat } from 'node:fs/promises';
import { loadConfig, type Config } from '../config/config.js';
import { ConfigurationError } from '../config/configuration-error.js';
import { quoted } from '../terminal-text.js';

/** The configuration at `path`, judged as of `now` (ISO 8601). Throws a ConfigurationError where it is wrong. */
export async function requireConfig(path: string, now: string | undefined): Promise<Config> {
  const loaded = await loadConfig(path, { now });
  if (!loaded.ok) throw new ConfigurationError(loaded.problems);
  return loaded.config;
}

/** Throws a ConfigurationError where `path`, named at `place`, is no file. */
export async function requireFile(path: string, place: string): Promise<void> {
  if ((await stat(path).catch(() => undefined))?.isFile() === true) return;
  const message = `there is no file ${quoted(path)}`;
  throw new ConfigurationError([{ place, path: '', message }]);
}
