import { rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * Does `work` with a directory of its own, which is removed afterwards: when it is done, when it
 * fails, and when the process is told to end (SIGINT, SIGTERM, SIGHUP).
 */
export async function withTemporaryDirectory<T>(
  work: (directory: string) => Promise<T>,
): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), 'flowsieve-evaluate-'));
  const interrupted = (signal: NodeJS.Signals): void => {
    rmSync(directory, { recursive: true, force: true });
    // The handler is gone by now: the signal does what it does without us.
    process.kill(process.pid, signal);
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.once(signal, interrupted);
  try {
    return await work(directory);
  } finally {
    for (const signal of signals) process.off(signal, interrupted);
    await rm(directory, { recursive: true, force: true });
  }
}
