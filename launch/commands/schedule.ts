import type { z } from 'zod';
import { flagOf } from '../dataflow/options.js';
import { EXIT } from '../exit-code.js';
import { printLine, printProblems } from '../messages.js';
import type { Problem } from '../config/problem.js';
import {
  cloudPlaceSchema,
  scheduleSchema,
  type CloudPlace,
  type Schedule,
} from '../schedule/definition.js';
import { renderTable } from '../text-table.js';

export interface ScheduleFlags {
  readonly cron?: string;
  readonly timeZone?: string;
  readonly image?: string;
  readonly mount?: readonly string[];
  readonly cpu?: string;
  readonly memory?: string;
  readonly timeout?: string;
  readonly project?: string;
  readonly region?: string;
  readonly serviceAccount?: string;
  readonly invoker?: string;
  readonly print?: 'systemd' | 'kubernetes';
  readonly dryRun?: boolean;
}

/** `flowsieve schedule create NAME -- COMMAND...`. Gives the exit code. */
export async function scheduleCreateCommand(
  name: string,
  args: readonly string[],
  flags: ScheduleFlags,
): Promise<number> {
  const schedule = checked(scheduleSchema, {
    name,
    args,
    cron: flags.cron,
    timeZone: flags.timeZone,
    // A systemd service runs what is installed.
    image: flags.image ?? (flags.print === 'systemd' ? 'localhost/flowsieve:none' : undefined),
    mounts: flags.mount,
    cpu: flags.cpu,
    memory: flags.memory,
    timeoutSeconds: flags.timeout === undefined ? undefined : Number(flags.timeout),
  });
  const place = flags.print === undefined ? checked(cloudPlaceSchema, placeOf(flags)) : undefined;
  const problems = [...schedule.problems, ...(place?.problems ?? [])];
  if (flags.print === 'systemd' && flags.mount !== undefined) {
    const message = 'expected it only for containers: a systemd service reads paths of its machine';
    problems.push({ place: '--mount', path: '', message });
  }
  if (problems.length > 0 || schedule.value === undefined) {
    printProblems(problems);
    return EXIT.configuration;
  }
  if (flags.print !== undefined) await print(schedule.value, flags.print);
  else if (place?.value !== undefined) await create(place.value, schedule.value, flags);
  return EXIT.ran;
}

async function print(schedule: Schedule, as: 'systemd' | 'kubernetes'): Promise<void> {
  if (as === 'kubernetes') {
    const { cronJob } = await import('../schedule/kubernetes.js');
    process.stdout.write(cronJob(schedule));
    return;
  }
  const { systemdUnits } = await import('../schedule/systemd.js');
  for (const { name, text } of systemdUnits(schedule)) {
    process.stdout.write(`# /etc/systemd/system/${name}\n${text}\n`);
  }
}

async function create(place: CloudPlace, schedule: Schedule, flags: ScheduleFlags): Promise<void> {
  if (flags.dryRun === true) {
    const { jobName, runJob, triggerJob } = await import('../schedule/requests.js');
    const requests = {
      'run.googleapis.com v2 Jobs': {
        name: jobName(place, schedule.name),
        ...runJob(place, schedule),
      },
      'cloudscheduler.googleapis.com v1 CloudScheduler': triggerJob(place, schedule),
    };
    process.stdout.write(`${JSON.stringify(requests, null, 2)}\n`);
    printLine('a dry run: nothing was sent');
    return;
  }
  const { CloudSchedules } = await import('../schedule/cloud.js');
  const schedules = new CloudSchedules();
  try {
    const done = await schedules.create(place, schedule);
    printLine(`schedule ${schedule.name} is ${done}: ${schedule.cron.text} ${schedule.timeZone}`);
  } finally {
    await schedules.close();
  }
}

/** `flowsieve schedule list`: on standard output. */
export async function scheduleListCommand(flags: ScheduleFlags): Promise<number> {
  return atPlace(flags, async (place) => {
    const { CloudSchedules } = await import('../schedule/cloud.js');
    const schedules = new CloudSchedules();
    try {
      const rows = (await schedules.list(place)).map(
        ({ name, state, cron, timeZone, lastAttempt }) => [
          name,
          state,
          cron,
          timeZone,
          lastAttempt,
        ],
      );
      const head = ['name', 'state', 'cron', 'time zone', 'last started'];
      const framed = process.stdout.isTTY;
      const aligns = head.map(() => 'left' as const);
      process.stdout.write(`${renderTable([head, ...rows], aligns, { framed })}\n`);
    } finally {
      await schedules.close();
    }
  });
}

/** `flowsieve schedule pause|delete NAME`. */
export async function scheduleStopCommand(
  how: 'pause' | 'delete',
  name: string,
  flags: ScheduleFlags,
): Promise<number> {
  return atPlace(flags, async (place) => {
    const { CloudSchedules } = await import('../schedule/cloud.js');
    const schedules = new CloudSchedules();
    try {
      if (how === 'pause') {
        await schedules.pause(place, name);
        printLine(`schedule ${name} is paused; "flowsieve schedule create" has it run again`);
      } else {
        const was = await schedules.delete(place, name);
        printLine(was ? `schedule ${name} is deleted` : `there is no schedule ${name}`);
      }
    } finally {
      await schedules.close();
    }
  });
}

type Where = Pick<CloudPlace, 'project' | 'region'>;

async function atPlace(
  flags: ScheduleFlags,
  run: (place: Where) => Promise<void>,
): Promise<number> {
  const { project, region } = flags;
  const places = cloudPlaceSchema.unwrap().pick({ project: true, region: true });
  const { value, problems } = checked(places, { project, region });
  if (value === undefined) {
    printProblems(problems);
    return EXIT.configuration;
  }
  await run(value);
  return EXIT.ran;
}

function placeOf({ project, region, serviceAccount, invoker }: ScheduleFlags): object {
  return { project, region, serviceAccount, invoker };
}

const FLAG_NAMES: Readonly<Record<string, string>> = {
  name: 'NAME',
  args: 'COMMAND',
  mounts: '--mount',
  timeoutSeconds: '--timeout',
};

function checked<S extends z.ZodType>(
  schema: S,
  value: Readonly<Record<string, unknown>> | object,
): { readonly value?: z.infer<S>; readonly problems: Problem[] } {
  const given = Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined));
  const parsed = schema.safeParse(given);
  if (parsed.success) return { value: parsed.data, problems: [] };
  const problems = parsed.error.issues.map(({ path, message }) => {
    const key = String(path[0]);
    const found = given[key] === undefined ? 'nothing' : JSON.stringify(given[key]).slice(0, 200);
    return { place: FLAG_NAMES[key] ?? flagOf(key), path: '', message: `${message}, got ${found}` };
  });
  return { problems };
}
