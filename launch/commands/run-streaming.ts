import { loadConfig } from '../config/config.js';
import { EXIT } from '../exit-code.js';
import { printLine, printProblems } from '../messages.js';
import { parseListenAddress } from '../operations/listen-address.js';
import { renderStatusLine } from '../operations/status-line.js';
import { renderStreamSummary } from '../operations/stream-summary.js';
import type { StreamStatus } from '../operations/stream-status.js';
import type { Problem } from '../config/problem.js';
import { readPortableFlags, type PortableFlags } from '../portable/portable-flags.js';

export interface RunStreamingFlags extends PortableFlags {
  /** URIs that replace the configured inputs; none = the configured ones. */
  readonly input: readonly string[];
  readonly output?: string;
  readonly runner: 'local' | 'direct' | 'portable';
  readonly now?: string;
  readonly strict?: boolean;
  /** `HOST:PORT`. */
  readonly metrics?: string;
  readonly drain?: boolean;
}

/** `flowsieve run CONFIG --streaming`: the job without an end. Gives the exit code. */
export async function runStreamingCommand(file: string, flags: RunStreamingFlags): Promise<number> {
  const loaded = await loadConfig(file, {
    inputs: flags.input,
    output: flags.output,
    streaming: true,
  });
  const problems = [
    ...(loaded.ok ? [] : loaded.problems),
    ...readPortableFlags(flags.runner, flags).problems,
    ...flagProblems(flags),
  ];
  if (!loaded.ok || problems.length > 0) {
    printProblems(problems);
    return EXIT.configuration;
  }
  const { config, warnings } = loaded;
  for (const warning of warnings) printLine(`note: ${warning}`);
  const { runStreaming } = await import('../run-streaming.js');
  let earlier: { status: StreamStatus; atMs: number } | undefined;
  const report = await runStreaming(config, {
    metrics: flags.metrics,
    drain: flags.drain ?? false,
    onReady: (status, server) => {
      earlier = { status, atMs: Date.now() };
      printLine(`flowsieve runs; its state is in ${config.streaming.state}`);
      if (server === undefined) return;
      const { host, port } = server.address;
      printLine(`metrics on http://${host.includes(':') ? `[${host}]` : host}:${port}/metrics`);
    },
    onStatus: (status) => {
      const atMs = Date.now();
      printLine(renderStatusLine(status, atMs, earlier));
      earlier = { status, atMs };
    },
  });
  printLine(renderStreamSummary(report, { table: process.stderr.isTTY }));
  printLine(`findings in ${config.output}, open windows in ${config.streaming.state}`);
  return EXIT.ran;
}

/** What is wrong with the flags of a job without an end. */
export function flagProblems({
  runner,
  now,
  strict,
  metrics,
  drain,
}: RunStreamingFlags): Problem[] {
  const problems: Problem[] = [];
  const add = (place: string, message: string): void => {
    problems.push({ place, path: '', message });
  };
  if (runner === 'direct')
    add('--runner', 'expected local or portable with --streaming, got direct');
  if (runner === 'portable') {
    const served = { '--metrics': metrics, '--drain': drain };
    for (const [flag, value] of Object.entries(served)) {
      if (value !== undefined)
        add(flag, 'expected only with --runner local; the engine has its own');
    }
  }
  if (strict === true) add('--strict', 'expected only without --streaming');
  if (now !== undefined) add('--now', 'a job without an end goes by the clock');
  try {
    if (metrics !== undefined) parseListenAddress(metrics);
  } catch (error) {
    add('--metrics', (error as Error).message);
  }
  return problems;
}
