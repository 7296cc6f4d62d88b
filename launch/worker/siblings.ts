import { fork } from 'node:child_process';
import { once } from 'node:events';

/**
 * Runs a process for each worker id, `argumentsOf` giving its command line after `node`'s script, and
 * resolves with an exit code when the first of them ends; the others are then stopped: an engine
 * takes the end of one for the end of all.
 */
export async function runSiblings(
  ids: readonly string[],
  argumentsOf: (id: string) => readonly string[],
  stopped: AbortSignal,
): Promise<number> {
  const children = ids.map((id) => fork(process.argv[1], argumentsOf(id), { stdio: 'inherit' }));
  const ends = children.map((child) => once(child, 'exit') as Promise<[number | null]>);
  const stop = (): void => {
    for (const child of children) child.kill('SIGTERM');
  };
  stopped.addEventListener('abort', stop);
  const [code] = await Promise.race(ends);
  stop();
  const killing = setTimeout(() => {
    for (const child of children) child.kill('SIGKILL');
  }, KILL_AFTER_MS);
  await Promise.all(ends);
  clearTimeout(killing);
  return stopped.aborted ? 0 : (code ?? 1);
}

const KILL_AFTER_MS = 5000;
