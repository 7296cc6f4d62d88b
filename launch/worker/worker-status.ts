import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * How workers tell the launcher on the same machine how they are: engines do not (a worker that
 * dies at its start leaves a job of Prism in RUNNING for ever). A file for each process.
 */
export const STATUS_DIRECTORY = 'FLOWSIEVE_WORKER_STATUS';

type State = 'connected' | 'ended' | 'failed';

/** Tells the launcher, where there is one. Nothing depends on its being heard. */
export function tellStatus(state: State, message = ''): void {
  const directory = process.env[STATUS_DIRECTORY];
  if (directory === undefined) return;
  try {
    writeFileSync(join(directory, `${process.pid}.${state}`), message);
  } catch {
    // The launcher has gone, or is on another machine.
  }
}

/** What the workers of a job have told so far. */
export interface WorkerStatuses {
  /** Processes that reached the engine. */
  readonly connected: number;
  /** Of them, those that run still. */
  readonly running: number;
  /** Why workers failed, one sentence each. */
  readonly failures: readonly string[];
}

export function readStatuses(directory: string): WorkerStatuses {
  const names = readdirSync(directory);
  const pidsOf = (state: State): string[] =>
    names.filter((name) => name.endsWith(`.${state}`)).map((name) => name.split('.')[0]);
  const connected = pidsOf('connected');
  const ended = new Set([...pidsOf('ended'), ...pidsOf('failed')]);
  return {
    connected: connected.length,
    running: connected.filter((pid) => !ended.has(pid) && isAlive(Number(pid))).length,
    failures: pidsOf('failed').map((pid) => readFileSync(join(directory, `${pid}.failed`), 'utf8')),
  };
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
