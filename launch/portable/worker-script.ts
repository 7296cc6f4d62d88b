import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { STATUS_DIRECTORY } from '../worker/worker-status.js';

/** A command for the process environment of an engine on this machine. */
export interface WorkerScript {
  /** Path of an executable file: engines take no arguments of ours. */
  readonly command: string;
  /** Where its workers tell how they are. */
  readonly statusDirectory: string;
  remove(): Promise<void>;
}

/** The program of `flowsieve`, which also is that of its workers. */
export const CLI = join(import.meta.dirname, '..', 'cli.js');

/** Writes a script that runs `flowsieve worker` with this Node, in a directory only we may read. */
export async function makeWorkerScript(): Promise<WorkerScript> {
  const directory = await mkdtemp(join(tmpdir(), 'flowsieve-worker-'));
  const statusDirectory = join(directory, 'status');
  await mkdir(statusDirectory);
  const command = join(directory, 'worker');
  const lines = [
    '#!/bin/sh',
    `export ${STATUS_DIRECTORY}=${shellQuoted(statusDirectory)}`,
    `exec ${[process.execPath, CLI].map(shellQuoted).join(' ')} worker "$@"`,
  ];
  await writeFile(command, `${lines.join('\n')}\n`, { mode: 0o700 });
  const remove = (): Promise<void> => rm(directory, { recursive: true, force: true });
  return { command, statusDirectory, remove };
}

function shellQuoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
