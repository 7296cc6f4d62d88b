import { loadConfig } from '../config/config.js';
import { EXIT } from '../exit-code.js';
import { printLine, printProblems } from '../messages.js';
import { createProgress } from '../progress.js';
import { readPortableFlags, type PortableFlags } from '../portable/portable-flags.js';
import { renderSummary } from '../summary.js';

export interface RunCommandOptions extends PortableFlags {
  /** URIs that replace the configured inputs; none = the configured ones. */
  readonly input: readonly string[];
  readonly output?: string;
  readonly runner: 'local' | 'direct' | 'portable';
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
  const flags = readPortableFlags(options.runner, options);
  const problems = [...misplaced, ...flags.problems];
  if (!loaded.ok || problems.length > 0) {
    printProblems([...(loaded.ok ? [] : loaded.problems), ...problems]);
    return EXIT.configuration;
  }
  const { config } = loaded;
  const { runJob } = await import('../run-job.js');
  const progress = createProgress(process.stderr);
  const interrupted = new AbortController();
  const interrupt = (): void => interrupted.abort();
  const { portable } = flags;
  if (portable !== undefined) {
    // The job runs elsewhere: it is cancelled there, then this process ends.
    process.once('SIGINT', interrupt);
    process.once('SIGTERM', interrupt);
  }
  try {
    const report = await runJob(config, {
      runner: options.runner,
      ...(portable === undefined
        ? {}
        : { portable: { ...portable, cancelled: interrupted.signal } }),
      nowMs: config.nowMs,
      strict: options.strict === true,
      onProgress: (at) => progress.update(at),
    });
    progress.stop();
    printLine(renderSummary(report, { table: process.stderr.isTTY }));
    printLine(`written to ${config.output}`);
    return EXIT.ran;
  } finally {
    process.removeListener('SIGINT', interrupt);
    process.removeListener('SIGTERM', interrupt);
    progress.stop();
  }
}
