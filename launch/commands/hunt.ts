import { realpath, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { SnapshotError } from '../../reference/manifest.js';
import { readManifest, type ManifestRef } from '../../reference/snapshot.js';
import { closeSinks, watchSinks } from '../../transforms/write/open-sinks.js';
import { hasScheme } from '../../objects/object-uri.js';
import { loadConfig, type Config } from '../config/config.js';
import { parseDuration } from '../config/duration.js';
import type { Problem } from '../config/problem.js';
import { timeOf } from '../config/time.js';
import { EXIT } from '../exit-code.js';
import type { HuntReport } from '../hunt-job.js';
import type { DirectoryLock } from '../local/state/state-directory.js';
import { printError, printLine, printProblems } from '../messages.js';
import { printable, quoted } from '../terminal-text.js';
import { ownSinks } from '../streaming-spec.js';

export interface HuntCommandOptions {
  /** How far back: a duration (`24h`) or a time (ISO 8601). */
  readonly since: string;
  /** ISO 8601; none = to the end. */
  readonly until?: string;
  /** Directory that findings are written to instead of the configured one. */
  readonly output?: string;
}

/**
 * `flowsieve hunt CONFIG --since 24h`: judges the conversations that a streaming job has archived by
 * the newest snapshot, and tells all that is found, as the job does. Gives the exit code.
 */
export async function huntCommand(file: string, options: HuntCommandOptions): Promise<number> {
  const loaded = await loadConfig(file, { withoutInputs: true, output: options.output });
  if (!loaded.ok) {
    printProblems(loaded.problems);
    return EXIT.configuration;
  }
  const { config } = loaded;
  if (hasScheme(config.output)) {
    printError(`a hunt writes to a directory, not to ${config.output}: name one with --output`);
    return EXIT.configuration;
  }
  const span = spanOf(options, config);
  if ('problems' in span) {
    printProblems(span.problems);
    return EXIT.configuration;
  }
  const archive = join(config.streaming.state, 'archive');
  if (!(await isDirectory(archive))) {
    printError(
      `no archive in ${archive}: flowsieve run --streaming keeps one, unless streaming.lookback is 0s`,
    );
    return EXIT.failed;
  }
  const reference = await newestSnapshot(config);
  if (reference === undefined) return EXIT.failed;
  const lock = await lockOutput(file, config);
  if (lock === 'in use') {
    printError(
      `a job writes to ${config.output}: name another directory with --output; ` +
        `by itself the job looks back for indicators that are new`,
    );
    return EXIT.failed;
  }
  try {
    const { runHunt } = await import('../hunt-job.js');
    watchSinks({ onMessage: printLine });
    const sinks = [{ kind: 'files', directory: config.output } as const, ...ownSinks(config.sinks)];
    const { nowMs } = config;
    const hunt = { config, archive, ...span, before: null, reference, sinks, nowMs };
    const report = await runHunt(hunt);
    for (const line of linesOf(report, reference)) printLine(line);
    printLine(`written to ${config.output}`);
    return EXIT.ran;
  } finally {
    await closeSinks();
    watchSinks({});
    await lock?.close();
  }
}

interface Span {
  readonly sinceMs: number;
  readonly untilMs: number;
}

function spanOf(
  { since, until }: HuntCommandOptions,
  { nowMs, windowMs }: Config,
): Span | { readonly problems: readonly Problem[] } {
  const problems: Problem[] = [];
  const backMs = parseDuration(since);
  const sinceMs = backMs === undefined ? timeOf(since) : nowMs - backMs;
  const untilMs = until === undefined ? Number.MAX_SAFE_INTEGER : timeOf(until);
  if (sinceMs === undefined) {
    const message = `expected a duration such as 24h or a time such as 2026-01-31T12:00:00Z, got ${quoted(since)}`;
    problems.push({ place: '--since', path: '', message });
  }
  if (untilMs === undefined) {
    const message = `expected a time such as 2026-01-31T12:00:00Z, got ${quoted(until)}`;
    problems.push({ place: '--until', path: '', message });
  }
  if (sinceMs === undefined || untilMs === undefined) return { problems };
  if (untilMs <= sinceMs) {
    const message = `expected a time after ${new Date(sinceMs).toISOString()}, got ${quoted(until)}`;
    return { problems: [{ place: '--until', path: '', message }] };
  }
  // The window that `since` lies in is searched whole.
  return { sinceMs: Math.floor(sinceMs / windowMs) * windowMs, untilMs };
}

async function isDirectory(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() ?? false;
}

async function newestSnapshot({ reference }: Config): Promise<ManifestRef | undefined> {
  const directory = reference.snapshot;
  try {
    const { version } = await readManifest(directory);
    return { version, directory };
  } catch (error) {
    if (!(error instanceof SnapshotError)) throw error;
    printError(`${error.message}: make one with flowsieve reference update`);
    return undefined;
  }
}

/**
 * Files of findings have one writer. Where they go to the configured directory, no streaming job may
 * run meanwhile, and none does while the lock is held.
 */
async function lockOutput(
  file: string,
  { output }: Config,
): Promise<DirectoryLock | undefined | 'in use'> {
  const configured = await loadConfig(file, { withoutInputs: true });
  if (!configured.ok || !(await isSamePlace(configured.config.output, output))) return undefined;
  const store = join(configured.config.streaming.state, 'store');
  if (!(await isDirectory(store))) return undefined;
  const { lockDirectory } = await import('../local/state/state-directory.js');
  const { StateError } = await import('../local/state/state-store.js');
  try {
    return await lockDirectory(store);
  } catch (error) {
    if (error instanceof StateError) return 'in use';
    throw error;
  }
}

/** Whether two paths name one directory; links do not hide it. */
async function isSamePlace(a: string, b: string): Promise<boolean> {
  const [realA, realB] = await Promise.all(
    [a, b].map((path) => realpath(path).catch(() => resolve(path))),
  );
  return realA === realB;
}

/** What was searched and found, for people. */
function linesOf(report: HuntReport, { version }: ManifestRef): string[] {
  const { windows, batches, conversations, damaged, prunedMeanwhile, findings, told } = report;
  const lines = [
    `searched ${number(conversations)} conversations by snapshot ${version}: ` +
      `${number(windows)} windows, ${number(batches)} batches`,
  ];
  if (Object.keys(damaged).length > 0) lines.push(`damaged files, left out: ${counted(damaged)}`);
  if (prunedMeanwhile > 0) lines.push(`files removed meanwhile: ${number(prunedMeanwhile)}`);
  const found = Object.keys(findings).length === 0 ? 'nothing' : counted(findings);
  lines.push(`found ${found}; new or with more records than known: ${number(told)}`);
  if (Object.keys(report.hidden).length > 0) lines.push(`hidden: ${counted(report.hidden)}`);
  return lines;
}

function number(value: number): string {
  return value.toLocaleString('en-US');
}

function counted(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .map(([name, value]) => `${printable(name)} ${number(value)}`)
    .join(', ');
}
