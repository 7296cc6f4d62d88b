import { Option, type Command } from 'commander';
import { addDataflowFlags, addPlaceFlags } from '../dataflow/flags.js';
import type { ListFlags, PlaceFlags, StopFlags } from './dataflow.js';
import type { DeployFlags } from './deploy.js';
import type { ScheduleFlags } from './schedule.js';

const several = (text: string, before: readonly string[] | undefined): readonly string[] => [
  ...(before ?? []),
  text,
];

/** Adds what concerns jobs in Google Cloud: `dataflow`, `deploy` and `schedule`. */
export function addCloudCommands(program: Command, ended: (code: number) => void): void {
  addDataflow(program, ended);
  addDeploy(program, ended);
  addSchedule(program, ended);
}

function addDataflow(program: Command, ended: (code: number) => void): void {
  const dataflow = program.command('dataflow').description('jobs on Dataflow');
  addPlaceFlags(dataflow.command('list').description('jobs that are active'))
    .option('--all', 'those that are over, too')
    .action(async (flags: ListFlags) => {
      const { dataflowListCommand } = await import('./dataflow.js');
      ended(await dataflowListCommand(flags));
    });
  addPlaceFlags(dataflow.command('status').description('state of a job, and its errors'))
    .argument('<job>', 'id, or name')
    .action(async (job: string, flags: PlaceFlags) => {
      const { dataflowStatusCommand } = await import('./dataflow.js');
      ended(await dataflowStatusCommand(job, flags));
    });
  for (const [how, description] of [
    ['drain', 'have a streaming job take nothing in, close its windows, and end'],
    ['cancel', 'end a job at once; open windows are lost'],
  ] as const) {
    addPlaceFlags(dataflow.command(how).description(description))
      .argument('<job>', 'id, or name of an active job')
      .option('--no-wait', 'do not wait until it has ended')
      .action(async (job: string, flags: StopFlags) => {
        const { dataflowStopCommand } = await import('./dataflow.js');
        ended(await dataflowStopCommand(how, job, flags));
      });
  }
}

function addDeploy(program: Command, ended: (code: number) => void): void {
  const deploy = program
    .command('deploy')
    .description('start or update the streaming job on Dataflow, and wait until it runs')
    .argument('<config>', 'YAML file')
    .addOption(
      new Option('--input <uri>', 'read this instead of the configured inputs (repeatable)')
        .argParser(several)
        .default([]),
    )
    .option('--output <gs://...>', 'write here instead of the configured place')
    .addOption(
      new Option('--rename <old=new>', 'a step that is called otherwise now (repeatable)')
        .argParser(several)
        .default([]),
    )
    .option('--no-drain', 'leave a job that cannot be updated as it is')
    .option('--dry-run', 'print the job, and send nothing');
  addDataflowFlags(deploy).action(async (config: string, flags: DeployFlags) => {
    const { deployCommand } = await import('./deploy.js');
    ended(await deployCommand(config, flags));
  });
}

function addSchedule(program: Command, ended: (code: number) => void): void {
  const schedule = program
    .command('schedule')
    .description('run a command of flowsieve at certain times');
  schedule
    .command('create')
    .description(
      'a Cloud Run job with its times in Cloud Scheduler; as it is defined, however often',
    )
    .argument('<name>', 'name of the schedule')
    .argument('<command...>', 'after --: what flowsieve is to do, such as -- run /config/job.yaml')
    .requiredOption('--cron <fields>', 'when: minute, hour, day, month, weekday')
    .option('--time-zone <name>', 'of these times (default: Etc/UTC)')
    .option('--image <uri>', 'container image of flowsieve')
    .addOption(
      new Option(
        '--mount <gs://bucket=/path>',
        'a bucket that the container sees as a folder (repeatable)',
      ).argParser(several),
    )
    .option('--cpu <n>', 'processors: 1, 2, 4 or 8 (default: 2)')
    .option('--memory <n>', 'such as 4Gi, which is the default')
    .option('--timeout <seconds>', 'that a run may take (default: a day)')
    .option('--project <id>', 'Google Cloud project')
    .option('--region <name>', 'region of both')
    .option('--service-account <email>', 'account that the container runs as')
    .option('--invoker <email>', 'account that starts it (default: the same)')
    .option('--dry-run', 'print the requests, and send nothing')
    .addOption(
      new Option('--print <what>', 'print it for another scheduler instead').choices([
        'systemd',
        'kubernetes',
      ]),
    )
    .action(async (name: string, command: string[], flags: ScheduleFlags) => {
      const { scheduleCreateCommand } = await import('./schedule.js');
      ended(await scheduleCreateCommand(name, command, flags));
    });
  const placed = (command: Command): Command =>
    command
      .option('--project <id>', 'Google Cloud project')
      .option('--region <name>', 'region of the schedules');
  placed(schedule.command('list').description('schedules of a project and region')).action(
    async (flags: ScheduleFlags) => {
      const { scheduleListCommand } = await import('./schedule.js');
      ended(await scheduleListCommand(flags));
    },
  );
  for (const [how, description] of [
    ['pause', 'start nothing until the schedule is created again'],
    ['delete', 'remove the schedule and its job'],
  ] as const) {
    placed(schedule.command(how).description(description))
      .argument('<name>', 'name of the schedule')
      .action(async (name: string, flags: ScheduleFlags) => {
        const { scheduleStopCommand } = await import('./schedule.js');
        ended(await scheduleStopCommand(how, name, flags));
      });
  }
}
