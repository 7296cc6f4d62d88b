import { loadConfig } from '../config/config.js';
import { EXIT } from '../exit-code.js';
import { printLine, printProblems } from '../messages.js';
import { readPortableFlags } from '../portable/portable-flags.js';
import { flagProblems, type RunStreamingFlags } from './run-streaming.js';

const STATUS_EVERY_MS = 60_000;

/**
 * `flowsieve run CONFIG --streaming --runner portable`: the job without an end on an engine, which is
 * followed until it ends there; SIGINT and SIGTERM cancel it. Gives the exit code.
 */
export async function runPortableStreamingCommand(
  file: string,
  flags: RunStreamingFlags,
): Promise<number> {
  const loaded = await loadConfig(file, {
    inputs: flags.input,
    output: flags.output,
    streaming: true,
    engine: 'portable',
  });
  const { portable, problems: wrong } = readPortableFlags(flags.runner, flags);
  const problems = [...(loaded.ok ? [] : loaded.problems), ...wrong, ...flagProblems(flags)];
  if (!loaded.ok || portable === undefined || problems.length > 0) {
    printProblems(problems);
    return EXIT.configuration;
  }
  for (const warning of loaded.warnings) printLine(`note: ${warning}`);
  const { runPortableStreaming } = await import('../run-portable-streaming.js');
  const interrupted = new AbortController();
  const interrupt = (): void => {
    interrupted.abort();
  };
  process.once('SIGINT', interrupt);
  process.once('SIGTERM', interrupt);
  let told = -Infinity;
  try {
    await runPortableStreaming(loaded.config, {
      ...portable,
      cancelled: interrupted.signal,
      onProgress: (state, counters) => {
        const now = performance.now();
        if (now - told < STATUS_EVERY_MS) return;
        told = now;
        printLine(`${state} on ${portable.endpoint}: ${summed(counters)}`);
      },
    });
    printLine(`the job on ${portable.endpoint} has ended`);
    return EXIT.ran;
  } finally {
    process.removeListener('SIGINT', interrupt);
    process.removeListener('SIGTERM', interrupt);
  }
}

/** What came in and went out so far, in words; engines that tell only at the end say nothing. */
function summed(counters: ReadonlyMap<string, number>): string {
  const sum = (prefix: string): number => {
    let total = 0;
    for (const [name, value] of counters) if (name.startsWith(prefix)) total += value;
    return total;
  };
  const parts = [`${sum('records/')} records`, `${sum('revisions/')} revisions of findings`];
  return `${parts.join(', ')}, ${sum('rejects/')} rejects`;
}
