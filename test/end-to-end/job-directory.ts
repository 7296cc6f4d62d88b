import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { stringify } from 'yaml';
import { loadConfig } from '../../launch/config/config.js';
import { formatProblem } from '../../launch/config/problem.js';
import { runJob, type RunOptions, type RunReport } from '../../launch/run-job.js';
import type { Finding } from '../../pipeline/finding.js';
import type { Reject } from '../../pipeline/reject.js';
import { TemporaryFiles } from '../launch/temporary-files.js';

/** What a run left in its output directory. */
export interface Output {
  readonly findings: readonly Finding[];
  readonly rejects: readonly Reject[];
  /** Bytes of findings.ndjson, rejects.ndjson, notices.ndjson and summary.json, as text. */
  readonly texts: Readonly<Record<'findings' | 'rejects' | 'notices' | 'summary', string>>;
  /** Of summary.json. */
  readonly summary: RunReport;
}

/** What a process of the command line did. */
export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Most memory that it held. */
  readonly maxRssBytes: number;
}

/** Any instant after all captures; expiry is compared with it. */
export const NOW = '2026-01-01T00:00:00Z';

const CLI = resolve(import.meta.dirname, '../../launch/cli.js');

/** Tells the most memory of the process that loads it. */
const WATCH_MEMORY = `process.on('exit', () => require('node:fs').writeFileSync(
  process.env.FLOWSIEVE_TEST_RSS, String(process.resourceUsage().maxRSS * 1024)));`;

/** A directory with a configuration and all that it names, made for each test and removed after it. */
export class JobDirectory {
  readonly files = new TemporaryFiles();

  /** Writes flowsieve.yaml; gives its path. Relative paths of inputs and feeds are below the directory. */
  configure(settings: Readonly<Record<string, unknown>>): string {
    return this.files.write('flowsieve.yaml', stringify(settings));
  }

  /** Runs the job of flowsieve.yaml in this process. */
  async run(options: Partial<RunOptions> & { readonly output?: string } = {}): Promise<Output> {
    const { output = 'out', ...rest } = options;
    const loaded = await loadConfig(this.files.path('flowsieve.yaml'), {
      output: this.files.path(output),
    });
    if (!loaded.ok) throw new Error(loaded.problems.map(formatProblem).join('\n'));
    await runJob(loaded.config, { runner: 'local', nowMs: Date.parse(NOW), ...rest });
    return this.output(output);
  }

  /** Runs the command line as a process of its own, in the directory. */
  async command(...args: readonly string[]): Promise<Ran> {
    const watch = this.files.write('watch-memory.cjs', WATCH_MEMORY);
    const rss = this.files.path('max-rss');
    const child = spawn(process.execPath, ['--require', watch, CLI, ...args], {
      cwd: this.files.directory,
      env: { ...process.env, FLOWSIEVE_TEST_RSS: rss },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const caught = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const) {
      child[name].setEncoding('utf8').on('data', (text: string) => (caught[name] += text));
    }
    const code = await new Promise<number | null>((done, failed) => {
      child.on('error', failed).on('close', done);
    });
    return { code, ...caught, maxRssBytes: existsSync(rss) ? Number(readFileSync(rss)) : 0 };
  }

  output(directory = 'out'): Output {
    const read = (name: string): string =>
      readFileSync(join(this.files.path(directory), name), 'utf8');
    const texts = {
      findings: read('findings.ndjson'),
      rejects: read('rejects.ndjson'),
      notices: read('notices.ndjson'),
      summary: read('summary.json'),
    };
    return {
      findings: linesOf(texts.findings) as Finding[],
      rejects: linesOf(texts.rejects) as Reject[],
      texts,
      summary: JSON.parse(texts.summary) as RunReport,
    };
  }
}

function linesOf(text: string): unknown[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as unknown);
}
