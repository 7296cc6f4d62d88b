import { loadConfig } from '../config/config.js';
import { EXIT } from '../exit-code.js';
import { printLine, printProblems } from '../messages.js';
import { createProgress } from '../progress.js';
import { renderSummary } from '../summary.js';

export interface RunCommandOptions {
  /** URIs that replace the configured inputs; none = the configured ones. */
  readonly input: readonly string[];
  readonly output?: string;
  readonly runner: 'local' | 'direct';
  /** ISO 8601. */
  readonly now?: string;
  /** Only without --streaming. */
  readonly strict?: boolean;
  /** Only with --streaming. */
  readonly metrics?: string;
  readonly drain?: boolean;
}

/** `flowsieve run CONFIG`: the job in batch. Gives the exit code. */
export async function runCommand(file: string, options: RunCommandOptions): Promise<number> {
  const loaded = await loadConfig(file, {
    inputs: options.input,
    output: options.output,
    now: options.now,
  });
  const misplaced = (['metrics', 'drain'] as const)
    .filter((flag) => options[flag] !== undefined)
    .map((flag) => ({ place: `--${flag}`, path: '', message: 'expected only with --streaming' }));
  if (!loaded.ok || misplaced.length > 0) {
    printProblems([...(loaded.ok ? [] : loaded.problems), ...misplaced]);
    return EXIT.configuration;
  }
  const { config } = loaded;
  const { runJob } = await import('../run-job.js');
  const progress = createProgress(process.stderr);
  try {
    const report = await runJob(config, {
      runner: options.runner,
      nowMs: config.nowMs,
      strict: options.strict === true,
      onProgress: (at) => progress.update(at),
    });
    progress.stop();
    printLine(renderSummary(report, { table: process.stderr.isTTY }));
    printLine(`written to ${config.output}`);
    return EXIT.ran;
  } finally {
    progress.stop();
  }
}
