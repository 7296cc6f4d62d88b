import { z } from 'zod';
import { DataflowClient } from '../dataflow/client.js';
import { consoleUrl } from '../dataflow/console-url.js';
import type { DataflowJob } from '../dataflow/job-body.js';
import { isOver, stateName, waitFor } from '../dataflow/job-state.js';
import { dataflowSchema, flagOf } from '../dataflow/options.js';
import { EXIT } from '../exit-code.js';
import { printLine, printProblems } from '../messages.js';
import { printable } from '../terminal-text.js';
import { renderTable } from '../text-table.js';

export interface PlaceFlags {
  readonly project?: string;
  readonly region?: string;
  readonly endpoint?: string;
}

export interface ListFlags extends PlaceFlags {
  readonly all?: boolean;
}

export interface StopFlags extends PlaceFlags {
  readonly wait?: boolean;
}

type Place = z.infer<typeof placeSchema>;

const placeSchema = z.object({
  project: dataflowSchema.shape.project,
  region: dataflowSchema.shape.region,
  endpoint: dataflowSchema.shape.endpoint,
});

const POLL_MS = 5000;

/** `flowsieve dataflow list`: the active jobs, or with --all all of them, on standard output. */
export async function dataflowListCommand(flags: ListFlags): Promise<number> {
  return withPlace(flags, async (client) => {
    const rows: string[][] = [];
    for await (const job of client.list(flags.all === true ? 'ALL' : 'ACTIVE')) {
      const { id = '', name = '', type = '', createTime = '' } = job;
      const kind = type.replace(/^JOB_TYPE_/, '').toLowerCase();
      rows.push([name, id, kind, stateName(job), createTime]);
    }
    const table = renderTable(
      [['name', 'id', 'type', 'state', 'created'], ...rows],
      ['left', 'left', 'left', 'left', 'left'],
      { framed: process.stdout.isTTY },
    );
    process.stdout.write(`${table}\n`);
    return EXIT.ran;
  });
}

/** `flowsieve dataflow status JOB`: state of a job, and what went wrong. */
export async function dataflowStatusCommand(which: string, flags: PlaceFlags): Promise<number> {
  return withPlace(flags, async (client, place) => {
    const job = await find(client, which, true);
    process.stdout.write(`${describe(job, place)}\n`);
    for (const { time = '', messageText = '' } of await client.errors(job.id)) {
      process.stdout.write(`${time} ${printable(messageText)}\n`);
    }
    return job.currentState === 'JOB_STATE_FAILED' ? EXIT.failed : EXIT.ran;
  });
}

/** `flowsieve dataflow drain|cancel JOB`: has the job stop, and waits until it did. */
export async function dataflowStopCommand(
  how: 'drain' | 'cancel',
  which: string,
  flags: StopFlags,
): Promise<number> {
  return withPlace(flags, async (client) => {
    const job = await find(client, which, false);
    if (isOver(job)) {
      printLine(`job ${job.id} is ${stateName(job)} already`);
      return EXIT.ran;
    }
    if (how === 'drain' && job.type === 'JOB_TYPE_BATCH') {
      throw new Error(`job ${job.id} is a batch job, which cannot be drained: cancel it`);
    }
    const wanted = how === 'drain' ? 'JOB_STATE_DRAINED' : 'JOB_STATE_CANCELLED';
    await client.request(job.id, wanted);
    printLine(`job ${job.id} was asked to ${how}`);
    if (flags.wait === false) return EXIT.ran;
    await waitFor(client, job.id, ({ currentState }) => currentState === wanted, {
      everyMs: POLL_MS,
      onState: (each) => {
        printLine(`job ${job.id} is ${stateName(each)}`);
      },
    });
    return EXIT.ran;
  });
}

async function withPlace(
  flags: PlaceFlags,
  run: (client: DataflowClient, place: Place) => Promise<number>,
): Promise<number> {
  const parsed = placeSchema.safeParse(flags);
  if (parsed.success) return run(new DataflowClient(parsed.data), parsed.data);
  const problems = parsed.error.issues.map(({ path, message }) => {
    const key = String(path[0]);
    const value = (flags as Record<string, unknown>)[key];
    const got = value === undefined ? 'nothing' : JSON.stringify(value).slice(0, 200);
    return { place: flagOf(key), path: '', message: `${message}, got ${got}` };
  });
  printProblems(problems);
  return EXIT.configuration;
}

/** The job of this id, or the active one of this name; `recent`: or the newest of this name. */
async function find(
  client: DataflowClient,
  which: string,
  recent: boolean,
): Promise<DataflowJob & { readonly id: string }> {
  if (/^\d{4}-\d{2}-\d{2}_/.test(which)) return { ...(await client.get(which)), id: which };
  const active = await client.active(which);
  if (active !== undefined) return active;
  if (recent) {
    for await (const job of client.list('TERMINATED')) {
      if (job.name === which && job.id !== undefined) return { ...job, id: job.id };
    }
  }
  throw new Error(`there is no ${recent ? '' : 'active '}job named ${which}`);
}

function describe(job: DataflowJob & { readonly id: string }, { project, region }: Place): string {
  const { name = '', currentStateTime = '', replaceJobId, replacedByJobId } = job;
  return [
    `${printable(name)} (${job.id}) is ${stateName(job)} since ${printable(currentStateTime)}`,
    ...(replaceJobId === undefined ? [] : [`it replaced ${printable(replaceJobId)}`]),
    ...(replacedByJobId === undefined ? [] : [`it was replaced by ${printable(replacedByJobId)}`]),
    consoleUrl(project, region, job.id),
  ].join('\n');
}
