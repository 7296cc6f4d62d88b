import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from '../config/config.js';
import { ConfigurationError } from '../config/configuration-error.js';
import type { Problem } from '../config/problem.js';
import { unreadable } from '../config/yaml-file.js';
import { findingsFiles } from '../findings-file.js';
import { printLine } from '../messages.js';
import { quoted } from '../terminal-text.js';
import { diffFindings } from './diff.js';
import { writeJson, type Outputs } from './outputs.js';
import { readFindings, type JudgedFinding } from './read-findings.js';
import { requireConfig, requireFile } from './required.js';
import { runQuietly } from './run-quietly.js';
import { diffText } from './tables.js';

export interface DiffOptions extends Outputs {
  /** ISO 8601; what suppressions expire against. */
  readonly now?: string;
}

/** Tells what B finds otherwise than A: configurations, output directories or files of findings. */
export async function evaluateDiff(
  a: string,
  b: string,
  options: DiffOptions,
  scratch: string,
): Promise<void> {
  // Both sides are judged at one instant, or what expires between them would look like a difference.
  const now = options.now ?? new Date().toISOString();
  const compared = await bothSides([a, b], now);
  const sides: ReadonlyMap<string, JudgedFinding>[] = [];
  for (const [i, side] of compared.entries()) {
    const name = i === 0 ? 'a' : 'b';
    sides.push(await findingsOf(side, options.output, join(scratch, name), name));
  }
  const diff = diffFindings(sides[0], sides[1]);
  process.stdout.write(
    `A: ${quoted(a)}, ${sides[0].size} findings; B: ${quoted(b)}, ${sides[1].size} findings\n`,
  );
  process.stdout.write(diffText(diff));
  await writeJson(options.json, { a, b, ...diff });
}

/** What is compared: findings of an earlier run, or a configuration that is yet to be run. */
type Side =
  | { readonly kind: 'findings'; readonly findings: ReadonlyMap<string, JudgedFinding> }
  | { readonly kind: 'config'; readonly path: string; readonly config: Config };

/** Both, before either runs: a run takes minutes. Throws a ConfigurationError with what is wrong with each. */
async function bothSides(paths: readonly string[], now: string): Promise<readonly Side[]> {
  const sides: Side[] = [];
  const problems: Problem[] = [];
  for (const path of paths) {
    try {
      sides.push(await sideOf(path, now));
    } catch (error) {
      if (!(error instanceof ConfigurationError)) throw error;
      problems.push(...error.problems);
    }
  }
  if (problems.length > 0) throw new ConfigurationError(problems);
  return sides;
}

async function sideOf(path: string, now: string): Promise<Side> {
  const found = await stat(path).catch((error: unknown) => unreadable(error));
  if (typeof found === 'string') {
    const message = `expected a configuration, an output directory or a file of findings, got ${quoted(path)}: ${found}`;
    throw new ConfigurationError([{ place: '--diff', path: '', message }]);
  }
  const directory = found.isDirectory();
  if (!directory && !path.endsWith('.ndjson'))
    return { kind: 'config', path, config: await requireConfig(path, now) };
  for (const file of await filesOf(path)) await requireFile(file, '--diff');
  return { kind: 'findings', findings: await readFindings(path) };
}

/** Throws a ConfigurationError where it is not clear which are meant. */
async function filesOf(path: string): Promise<readonly string[]> {
  try {
    return await findingsFiles(path);
  } catch (error) {
    const { message } = error as Error;
    throw new ConfigurationError([{ place: '--diff', path: '', message }]);
  }
}

/** Runs a configuration; what it finds goes to the folder `name` of `output`, or else to `scratch`. */
async function findingsOf(
  side: Side,
  output: string | undefined,
  scratch: string,
  name: string,
): Promise<ReadonlyMap<string, JudgedFinding>> {
  if (side.kind === 'findings') return side.findings;
  printLine(`running ${quoted(side.path)}`);
  const run = await runQuietly(side.config, {
    output: output === undefined ? join(scratch, 'out') : join(output, name),
    snapshot: join(scratch, 'snapshot'),
    history: join(scratch, 'history'),
  });
  return run.findings;
}
