import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, type WriteStream } from 'node:fs';

/** A Java program of a test, ended with it. Whatever it says is written to `logFile`. */
export class JavaProcess {
  readonly pid: number;
  readonly #process: ChildProcess;
  readonly #log: WriteStream;

  private constructor(java: ChildProcess, log: WriteStream) {
    this.#process = java;
    this.#log = log;
    this.pid = java.pid ?? 0;
  }

  /**
   * Starts `java ...args`; resolves once it has said `ready`, rejects with its last words where it ends
   * before that.
   */
  static async start(
    args: readonly string[],
    { ready, logFile, env }: { ready: RegExp; logFile: string; env?: NodeJS.ProcessEnv },
  ): Promise<JavaProcess> {
    const java = spawn('java', args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
    });
    const kill = (): void => {
      java.kill('SIGKILL');
    };
    process.once('exit', kill);
    java.once('exit', () => {
      process.removeListener('exit', kill);
    });
    const log = createWriteStream(logFile, { flags: 'a' });
    await new Promise<void>((resolve, reject) => {
      let said = '';
      let isReady = false;
      const hear = (text: Buffer): void => {
        log.write(text);
        if (isReady) return;
        said = (said + text.toString()).slice(-100_000);
        isReady = ready.test(said);
        if (isReady) resolve();
      };
      java.stdout.on('data', hear);
      java.stderr.on('data', hear);
      java.once('error', reject);
      java.once('exit', (code, signal) => {
        reject(new Error(`java ended with ${String(code ?? signal)}: ${said.slice(-3000)}`));
      });
    });
    return new JavaProcess(java, log);
  }

  get running(): boolean {
    return this.#process.exitCode === null && this.#process.signalCode === null;
  }

  /** Ends it; SIGKILL is what a crash is. */
  async stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGKILL'): Promise<void> {
    if (this.running) {
      const exited = once(this.#process, 'exit');
      this.#process.kill(signal);
      await exited;
    }
    this.#log.end();
  }
}
