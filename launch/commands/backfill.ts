import { relative } from 'node:path';
import { backfillSpan, type BackfillSpan } from '../backfill/partitions.js';
import type { AsOf } from '../backfill/plan.js';
import { loadConfig, type Config } from '../config/config.js';
import { EXIT } from '../exit-code.js';
import { printError, printLine, printProblems } from '../messages.js';
import { createProgress } from '../progress.js';

export interface BackfillCommandOptions {
  /** ISO 8601, UTC; the end is not judged. */
  readonly from: string;
  readonly to: string;
  /** Durations. */
  readonly every: string;
  readonly margin?: string;
  readonly parallel: number;
  readonly runner: 'local' | 'direct';
  readonly asOf: AsOf;
  readonly output?: string;
  /** ISO 8601. */
  readonly now?: string;
  readonly dryRun?: boolean;
}

/**
 * `flowsieve backfill CONFIG --from DAY --to DAY`: the job over past days, in partitions. Gives the
 * exit code: 1 where a partition failed or it was stopped; the same command goes on from there.
 */
export async function backfillCommand(
  file: string,
  options: BackfillCommandOptions,
): Promise<number> {
  const { output, now } = options;
  const loaded = await loadConfig(file, { dated: true, output, now });
  if (!loaded.ok) {
    printProblems(loaded.problems);
    return EXIT.configuration;
  }
  const { config } = loaded;
  const span = backfillSpan(options, config);
  if ('problems' in span) {
    printProblems(span.problems);
    return EXIT.configuration;
  }
  if (options.dryRun === true) return await dryRun(config, span, options.asOf);

  const stop = new AbortController();
  const onSignal = (): void => {
    stop.abort(new Error('stopped'));
  };
  const { runBackfill } = await import('../backfill/run-backfill.js');
  const { renderReport } = await import('../backfill/render-report.js');
  const progress = createProgress(process.stderr);
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
  try {
    const report = await runBackfill(config, {
      ...options,
      span,
      signal: stop.signal,
      onLine: printLine,
      onProgress: (at) => progress.update(at),
    });
    progress.stop();
    printLine(renderReport(report, { table: process.stderr.isTTY }));
    printLine(`written to ${config.output}`);
    const failed = report.partitions.some(({ state }) => state === 'failed');
    if (failed) printError('some partitions failed; the same command does them again');
    return failed ? EXIT.failed : EXIT.ran;
  } catch (error) {
    if (!stop.signal.aborted) throw error;
    printError('stopped; the same command goes on from here');
    return EXIT.failed;
  } finally {
    progress.stop();
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
  }
}

/** Lists on standard output what would be read; nothing is written. */
async function dryRun(config: Config, span: BackfillSpan, asOf: AsOf): Promise<number> {
  const { planBackfill, referencesOfEvents } = await import('../backfill/plan.js');
  // Today's snapshot may have to be compiled: its version is known only then.
  const references =
    asOf === 'event'
      ? await referencesOfEvents(config, span.partitions)
      : () => ({ version: 'today', directory: config.reference.snapshot });
  for (const partition of await planBackfill(config, span, references)) {
    const { name, startMs, endMs, files, reference } = partition;
    const [from, to] = [startMs, endMs].map((ms) => new Date(ms).toISOString());
    const lines = [
      `${name}  from ${from} to ${to}, ${files.length} files, reference data ${reference.version}`,
      ...files.map(({ path, own }) => `  ${shown(path)}${own ? '' : '  (margin)'}`),
    ];
    process.stdout.write(`${lines.join('\n')}\n`);
  }
  return EXIT.ran;
}

function shown(path: string): string {
  const short = relative(process.cwd(), path);
  return short.startsWith('..') ? path : short;
}
