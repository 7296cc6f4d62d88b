import { fork, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import type { Answer, Task } from './task.js';

const PROCESS = join(import.meta.dirname, 'task-process.js');

/** Told of a task while it runs. */
export type OnTaskProgress = (progress: { bytesRead: number; records: number }) => void;

/** Runs tasks; gives their counters. A promise is rejected where a task fails. */
export interface TaskRunner {
  run(task: Task, onProgress: OnTaskProgress): Promise<Readonly<Record<string, number>>>;
  /** Ends what is running; its promises are rejected. */
  close(): void;
}

/**
 * Processes that run tasks, one each at a time: graphs are run by one thread, and a partition that
 * needs too much memory ends its own process only. One is made when no other is idle, so there are as
 * many as tasks were run at once; one that failed is not used again.
 */
export class ProcessPool implements TaskRunner {
  readonly #idle: ChildProcess[] = [];
  readonly #all = new Set<ChildProcess>();

  run(task: Task, onProgress: OnTaskProgress): Promise<Readonly<Record<string, number>>> {
    const child = this.#idle.pop() ?? this.#start();
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        child.off('message', onMessage).off('exit', onExit).off('error', onError);
      };
      const fail = (message: string): void => {
        leave();
        this.#all.delete(child);
        child.kill('SIGKILL');
        reject(new Error(message));
      };
      const onMessage = (answer: Answer): void => {
        switch (answer.kind) {
          case 'progress':
            onProgress(answer);
            return;
          case 'failed':
            fail(answer.message);
            return;
          case 'done':
            leave();
            this.#idle.push(child);
            resolve(answer.counters);
        }
      };
      const onExit = (code: number | null, signal: string | null): void => {
        fail(`its process ended (${signal ?? `exit code ${code}`})`);
      };
      const onError = (error: Error): void => {
        fail(`its process: ${error.message}`);
      };
      child.on('message', onMessage).on('exit', onExit).on('error', onError);
      child.send(task, (error) => {
        if (error !== null) fail(`its process: ${error.message}`);
      });
    });
  }

  close(): void {
    for (const child of this.#all) child.kill('SIGKILL');
    this.#all.clear();
    this.#idle.length = 0;
  }

  #start(): ChildProcess {
    // Standard output is for data, and none come from there.
    const child = fork(PROCESS, { stdio: ['ignore', 2, 2, 'ipc'] });
    this.#all.add(child);
    child.once('exit', () => {
      this.#all.delete(child);
      const at = this.#idle.indexOf(child);
      if (at >= 0) this.#idle.splice(at, 1);
    });
    return child;
  }
}
