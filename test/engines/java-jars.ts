import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rename, rm, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { Context } from 'mocha';
import { skip } from './loopback.js';

const run = promisify(execFile);

/** Where what is fetched once is kept, outside of the repository. */
function cacheDirectory(): string {
  const base = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache');
  return process.env['FLOWSIEVE_ENGINES_CACHE'] ?? join(base, 'flowsieve-engines');
}

/** The pom that names the jars of an engine. */
export function pomOf(engine: 'flink' | 'kafka'): string {
  // From dist/test/engines: a pom is not compiled.
  return join(import.meta.dirname, '..', '..', '..', 'test', 'engines', engine, 'pom.xml');
}

/**
 * The folder with all jars that a pom names, fetched by Maven unless they are there: a few minutes the
 * first time. Another pom has another folder; a fetch that was cut off leaves none.
 */
export async function jarsOf(pom: string): Promise<string> {
  const hash = createHash('sha256')
    .update(await readFile(pom))
    .digest('hex');
  const folder = join(cacheDirectory(), `${basename(dirname(pom))}-${hash.slice(0, 16)}`);
  if ((await stat(folder).catch(() => undefined)) !== undefined) return folder;
  await mkdir(dirname(folder), { recursive: true });
  const partial = await mkdtemp(`${folder}.partial-`);
  try {
    const flags = ['-DincludeScope=runtime', `-DoutputDirectory=${partial}`];
    const goal = 'dependency:copy-dependencies';
    await run('mvn', ['-q', '-B', '-f', pom, goal, ...flags], { maxBuffer: 1 << 24 });
    await rename(partial, folder);
  } catch (error) {
    await rm(partial, { recursive: true, force: true });
    // Another process may have been first.
    if ((await stat(folder).catch(() => undefined)) === undefined) throw error;
  }
  return folder;
}

/**
 * As `jarsOf`, of one of our poms, within a test, which is skipped where there is no Java or no Maven. In
 * a namespace without a network only what was fetched before is there.
 */
export async function requireJars(test: Context, engine: 'flink' | 'kafka'): Promise<string> {
  try {
    await run('java', ['-version']);
    return await jarsOf(pomOf(engine));
  } catch (error) {
    const why = (error as Error).message.split('\n')[0];
    return skip(test, `no jars of ${engine} (needs java 17, mvn and the network once): ${why}`);
  }
}
