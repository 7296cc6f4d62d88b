import { mkdirSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { backfillSpan, type SpanFlags } from '../../launch/backfill/partitions.js';
import type { AsOf } from '../../launch/backfill/plan.js';
import type { OnTaskProgress, TaskRunner } from '../../launch/backfill/process-pool.js';
import {
  runBackfill,
  type BackfillOptions,
  type BackfillReport,
} from '../../launch/backfill/run-backfill.js';
import { runTask } from '../../launch/backfill/run-task.js';
import type { Task } from '../../launch/backfill/task.js';
import { loadConfig, type Config } from '../../launch/config/config.js';
import { formatProblem } from '../../launch/config/problem.js';
import { runJob } from '../../launch/run-job.js';
import type { TemporaryFiles } from '../launch/temporary-files.js';

export const HEADER =
  'start_ms,end_ms,src_ip,dst_ip,src_port,dst_port,protocol,packets,bytes,tcp_flags,sampling_rate,sensor\n';

/** The remote that the small network's list names. */
export const C2 = '192.0.2.66';

export const NOW = '2026-06-01T00:00:00Z';

/** A line of CSV: one established flow from a customer's host to C2 that ends then (ISO 8601). */
export function flow(end: string, host = '198.51.100.7', port = 40_000): string {
  const endMs = Date.parse(end);
  return `${endMs - 1000},${endMs},${host},${C2},${port},443,6,20,9000,24,1,s1\n`;
}

/** Runs tasks in this process: what a backfill does, without the time that processes take to start. */
export class TasksHere implements TaskRunner {
  /** Each task, before it is run; throws where it is to fail. */
  readonly #before: (task: Task) => void;
  readonly run = async (
    task: Task,
    onProgress: OnTaskProgress,
  ): Promise<Record<string, number>> => {
    this.ran.push(`${task.pass} ${partitionOf(task)}`);
    this.#before(task);
    return await runTask(task, onProgress);
  };
  /** `findings 2026-01-02`, in the order they were begun. */
  readonly ran: string[] = [];

  constructor(before: (task: Task) => void = () => undefined) {
    this.#before = before;
  }

  close(): void {
    // Nothing goes on here.
  }
}

/** The partition that a task is of: its attempt's directory says it. */
export function partitionOf({ spec }: Task): string {
  return /attempts\/(\d{4}-\d\d-\d\d)/.exec(spec.findingsPath)?.[1] ?? '';
}

/** A customer, a list of one C2 address, and hourly files of flows. */
export class SmallNetwork {
  readonly files: TemporaryFiles;

  constructor(files: TemporaryFiles) {
    this.files = files;
  }

  /** Writes what all runs share; `settings` go into both configurations. */
  write(settings: Readonly<Record<string, unknown>> = {}): void {
    this.files.write('customers.csv', 'customer,cidr,exclusive\nacme,198.51.100.0/24,\n');
    this.files.write('c2.txt', `${C2}\n`);
    const shared = {
      customers: 'customers.csv',
      reference: {
        feeds: [
          { name: 'c2', kind: 'tags', category: 'c2', format: 'address-list', uri: 'c2.txt' },
        ],
        snapshot: 'snapshot',
      },
      ...settings,
    };
    const input = (uri: string): unknown => ({ uri, format: 'csv' });
    const write = (name: string, more: Readonly<Record<string, unknown>>): void => {
      this.files.write(name, stringify({ ...shared, ...more }));
    };
    write('backfill.yaml', {
      history: 'history',
      inputs: [input('flows/%Y%m%d/s1-%Y%m%d%H.csv')],
      output: 'out',
      ...settings,
    });
    write('all.yaml', {
      history: 'history-all',
      inputs: [input('flows/*/*.csv')],
      output: 'out-all',
    });
  }

  /** The file of an hour, `2026010123`, with these lines. */
  hour(hour: string, ...lines: readonly string[]): string {
    const path = `flows/${hour.slice(0, 8)}/s1-${hour}.csv`;
    mkdirSync(join(this.files.directory, 'flows', hour.slice(0, 8)), { recursive: true });
    return this.files.write(path, HEADER + lines.join(''));
  }

  /** Makes a file look as if it was written at another time. */
  touch(path: string, time: string): void {
    utimesSync(path, new Date(time), new Date(time));
  }

  async config(name = 'backfill.yaml', dated = true): Promise<Config> {
    const loaded = await loadConfig(this.files.path(name), { dated, now: NOW });
    if (!loaded.ok) throw new Error(loaded.problems.map(formatProblem).join('\n'));
    return loaded.config;
  }

  /** One run over all files. */
  async runAll(): Promise<void> {
    const config = await this.config('all.yaml', false);
    await runJob(config, { runner: 'local', nowMs: config.nowMs });
  }

  async backfill({
    from = '2026-01-01',
    to = '2026-01-04',
    every = '1d',
    margin = '1h',
    asOf = 'now',
    ...flags
  }: Partial<SpanFlags> & { readonly asOf?: AsOf } & Partial<BackfillOptions> = {}): Promise<
    BackfillReport & { readonly lines: readonly string[] }
  > {
    const config = await this.config();
    const span = backfillSpan({ from, to, every, margin }, config);
    if ('problems' in span) throw new Error(span.problems.map(formatProblem).join('\n'));
    const lines: string[] = [];
    const report = await runBackfill(config, {
      span,
      asOf,
      runner: 'local',
      parallel: 1,
      signal: new AbortController().signal,
      onLine: (line) => lines.push(line),
      onProgress: () => undefined,
      tasks: new TasksHere(),
      retryDelaysMs: [1, 1],
      ...flags,
    });
    return { ...report, lines };
  }
}
