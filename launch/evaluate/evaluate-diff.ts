import { stat } from 'node:fs/promises';
import { join } from 'node:path';
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
  const sides: ReadonlyMap<string, JudgedFinding>[] = [];
  for (const [i, path] of [a, b].entries()) {
    const name = i === 0 ? 'a' : 'b';
    sides.push(await findingsOf(path, { ...options, now }, join(scratch, name), name));
  }
  const diff = diffFindings(sides[0], sides[1]);
  process.stdout.write(
    `A: ${quoted(a)}, ${sides[0].size} findings; B: ${quoted(b)}, ${sides[1].size} findings\n`,
  );
  process.stdout.write(diffText(diff));
  await writeJson(options.json, { a, b, ...diff });
}

/** Findings of a file, of an output directory, or of a run of a configuration. */
async function findingsOf(
  path: string,
  options: DiffOptions,
  scratch: string,
  name: string,
): Promise<ReadonlyMap<string, JudgedFinding>> {
  const directory = (await stat(path).catch(() => undefined))?.isDirectory() === true;
  if (directory) await requireFile(join(path, 'findings.ndjson'), '--diff');
  if (directory || path.endsWith('.ndjson')) {
    if (!directory) await requireFile(path, '--diff');
    return readFindings(path);
  }
  printLine(`running ${quoted(path)}`);
  const config = await requireConfig(path, options.now);
  const { output } = options;
  const run = await runQuietly(config, {
    output: output === undefined ? join(scratch, 'out') : join(output, name),
    snapshot: join(scratch, 'snapshot'),
    history: join(scratch, 'history'),
  });
  return run.findings;
}
