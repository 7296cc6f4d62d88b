import { spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parse, stringify } from 'yaml';
import { checkedFinding, readFindings, revisionLines } from '../../launch/findings-file.js';
import type { Finding } from '../../pipeline/finding.js';
import type { Reject } from '../../pipeline/reject.js';

/** What a process of the job did, up to its end. */
export interface Ended {
  /** null where a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stderr: string;
  readonly stdout: string;
}

export type Settings = Readonly<Record<string, unknown>>;

/** What a slow machine may take; a condition that holds earlier ends the wait. */
const LIMIT_MS = 120_000;
const POLL_MS = 100;

const CLI = resolve(import.meta.dirname, '../../launch/cli.js');

/**
 * A streaming job on a configuration of its own: `flowsieve run CONFIG --streaming` as a child
 * process, started and ended as often as a test likes on the same state and output.
 *
 *     const job = new StreamingJob(directory, { ...settings, streaming: { disorder: '5s' } });
 *     await job.start();
 *     await until('a finding', async () => (await job.findings()).size > 0);
 *     await job.stop();   // SIGTERM
 *     await job.drain();  // run --streaming --drain
 *     await job.findings();
 *
 * `job.kill()` belongs into `afterEach`: it does nothing where no process runs.
 */
export class StreamingJob {
  /** Directory of the findings. */
  readonly output: string;
  /** Directory of the state. */
  readonly state: string;
  /** The YAML file. */
  readonly config: string;
  readonly #directory: string;
  readonly #environment: NodeJS.ProcessEnv;
  #running: Running | undefined;
  #metrics: string | undefined;

  /**
   * Writes `NAME.yaml` into `directory`; relative paths of the settings are below that. Findings go
   * to NAME-out, and the state to NAME-state, where the settings do not say otherwise.
   */
  constructor(
    directory: string,
    settings: Settings,
    {
      name = 'streaming',
      environment = {},
    }: { name?: string; environment?: NodeJS.ProcessEnv } = {},
  ) {
    const streaming = {
      state: `${name}-state`,
      ...(settings['streaming'] as Settings | undefined),
    };
    const whole = { output: `${name}-out`, ...settings, streaming };
    mkdirSync(directory, { recursive: true });
    this.#directory = directory;
    this.#environment = environment;
    this.output = resolve(directory, whole.output);
    this.state = resolve(directory, streaming.state);
    this.config = join(directory, `${name}.yaml`);
    writeFileSync(this.config, stringify(whole));
  }

  /** Starts it; resolves when it takes flows in. Rejects, with what it said, where it ends before. */
  async start(...flags: readonly string[]): Promise<void> {
    const running = this.#spawn(['--metrics', '127.0.0.1:0', ...flags]);
    this.#running = running;
    const pattern = /^metrics on (http:\S+)\/metrics$/m;
    await until('the job to be ready', () => {
      this.#metrics = pattern.exec(running.stderr)?.[1];
      if (running.ended !== undefined) throw new Error(`it ended: ${running.stderr}`);
      return this.#metrics !== undefined;
    });
  }

  /** The process id, for signals and /proc. Throws where none runs. */
  get pid(): number {
    const pid = this.#running?.child.pid;
    if (pid === undefined) throw new Error('the job does not run');
    return pid;
  }

  /** What the running process has said so far. */
  get stderr(): string {
    return this.#running?.stderr ?? '';
  }

  get stdout(): string {
    return this.#running?.stdout ?? '';
  }

  /** The process; for a test that waits for its end, or writes to its standard input. */
  get child(): ChildProcess {
    if (this.#running === undefined) throw new Error('the job does not run');
    return this.#running.child;
  }

  /** Resolves at the end of the process, however it comes. */
  async ended(): Promise<Ended> {
    const running = this.#running;
    if (running === undefined) throw new Error('the job does not run');
    const { code, signal } = await running.closed;
    if (this.#running === running) this.#running = undefined;
    return { code, signal, stderr: running.stderr, stdout: running.stdout };
  }

  /** SIGTERM, and the end. Throws where that is not an orderly one. */
  async stop(): Promise<Ended> {
    process.kill(this.pid, 'SIGTERM');
    return orderly(await this.ended());
  }

  /** SIGKILL, and the end; nothing where it does not run. */
  async kill(): Promise<void> {
    if (this.#running === undefined) return;
    this.#running.child.kill('SIGKILL');
    await this.ended();
  }

  /** `run --streaming --drain`: takes nothing in, closes all windows. Throws where that failed. */
  async drain(): Promise<Ended> {
    if (this.#running !== undefined) throw new Error('the job runs');
    this.#running = this.#spawn(['--drain']);
    return orderly(await this.ended());
  }

  /** The final set by id: of each finding the highest revision, and none that was withdrawn. */
  async findings(): Promise<ReadonlyMap<string, Finding>> {
    try {
      return await readFindings(this.output);
    } catch (error) {
      // Before the first one there is no folder.
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return new Map();
      throw error;
    }
  }

  /** All revisions in the order of their files, withdrawn ones too. */
  async revisions(): Promise<readonly Finding[]> {
    const all: Finding[] = [];
    try {
      for await (const { file, number, value } of revisionLines(this.output)) {
        const finding = checkedFinding(value);
        if (finding === undefined) throw new Error(`${file}:${number}: expected a finding`);
        all.push(finding);
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
    return all;
  }

  /** Lines of rejects.ndjson. */
  rejects(): readonly Reject[] {
    try {
      const text = readFileSync(join(this.output, 'rejects.ndjson'), 'utf8');
      return text
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as Reject);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw error;
    }
  }

  /**
   * What the running process tells at /metrics: the sum of the samples of `name` that have all
   * `labels`; undefined where there is none.
   */
  async metric(
    name: string,
    labels: Readonly<Record<string, string>> = {},
  ): Promise<number | undefined> {
    const wanted = Object.entries(labels).map(([key, value]) => `${key}="${value}"`);
    const values = (await this.metrics())
      .split('\n')
      .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
      .filter((line) => wanted.every((label) => line.includes(label)))
      .map((line) => Number(line.slice(line.lastIndexOf(' ') + 1)));
    return values.length === 0 ? undefined : values.reduce((a, b) => a + b);
  }

  /** The text of /metrics. */
  async metrics(): Promise<string> {
    return (await this.get('/metrics')).text();
  }

  /** A request to the server of metrics and health: `/metrics`, `/healthz`, `/readyz`. */
  async get(path: string): Promise<Response> {
    if (this.#metrics === undefined) throw new Error('the job was not started');
    return fetch(`${this.#metrics}${path}`);
  }

  #spawn(flags: readonly string[]): Running {
    if (this.#running !== undefined) throw new Error('the job runs already');
    const args = [CLI, 'run', this.config, '--streaming', ...flags];
    const child = spawn(process.execPath, args, {
      cwd: this.#directory,
      env: { ...process.env, ...this.#environment },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    return new Running(child);
  }
}

/** A process with what it has said. */
class Running {
  readonly child: ChildProcess;
  readonly closed: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  stderr = '';
  stdout = '';
  ended: true | undefined;

  constructor(child: ChildProcess) {
    this.child = child;
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.stderr += text));
    child.stdout?.setEncoding('utf8').on('data', (text: string) => (this.stdout += text));
    // A child that was killed reads no more.
    child.stdin?.on('error', () => undefined);
    // Not even a test that fails leaves a process behind.
    const kill = (): void => {
      child.kill('SIGKILL');
    };
    process.once('exit', kill);
    this.closed = new Promise((done, failed) => {
      child.once('error', failed);
      child.once('close', (code, signal) => {
        this.ended = true;
        process.removeListener('exit', kill);
        done({ code, signal });
      });
    });
    // Whoever waits for it hears of it.
    this.closed.catch(() => undefined);
  }
}

function orderly(ended: Ended): Ended {
  const { code, signal, stderr } = ended;
  if (code === 0) return ended;
  throw new Error(`the job ended with ${String(code ?? signal)}: ${stderr}`);
}

/** The settings of a YAML file, such as the flowsieve.yaml of a generated network. */
export function settingsOf(path: string): Settings {
  return parse(readFileSync(path, 'utf8')) as Settings;
}

/** Findings without what differs between a job in batch and one in streaming: their revisions. */
export function withoutRevisions(findings: Iterable<Finding>): readonly Partial<Finding>[] {
  return [...findings]
    .map(({ revision: _revision, ...rest }) => rest)
    .sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** Asks until it holds, however slow the machine is. Throws, saying what did not happen, if it never does. */
export async function until(
  what: string,
  holds: () => boolean | Promise<boolean>,
  limitMs = LIMIT_MS,
): Promise<void> {
  const endMs = performance.now() + limitMs;
  while (!(await holds())) {
    if (performance.now() > endMs) throw new Error(`waited ${limitMs} ms in vain for ${what}`);
    await sleep(POLL_MS);
  }
}
