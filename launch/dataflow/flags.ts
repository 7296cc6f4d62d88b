import { Option, type Command } from 'commander';
import { flagOf, type DataflowFlags } from './options.js';

type FlagName = keyof DataflowFlags;

/** How each setting `dataflow.NAME` is given on the command line. */
const FLAGS: readonly (readonly [name: FlagName, value: string, help: string])[] = [
  ['project', '<id>', 'Google Cloud project'],
  ['region', '<name>', 'region of the job, such as europe-west4'],
  ['image', '<uri>', 'container image of the workers, with a tag or digest'],
  ['tempLocation', '<gs://...>', 'for temporary files of the service'],
  ['stagingLocation', '<gs://...>', 'for pipeline and reference data (default: below the former)'],
  ['jobName', '<name>', 'name of the job'],
  ['numWorkers', '<n>', 'workers to begin with'],
  ['maxWorkers', '<n>', 'most workers'],
  ['autoscaling', '<how>', 'THROUGHPUT_BASED or NONE'],
  ['machineType', '<type>', 'machine type of the workers'],
  ['diskSizeGb', '<n>', 'boot disk of a worker'],
  ['diskType', '<type>', 'such as pd-ssd'],
  ['network', '<name>', 'network of the workers'],
  ['subnetwork', '<name>', 'regions/REGION/subnetworks/NAME'],
  ['serviceAccount', '<email>', 'account that the workers run as'],
  ['kmsKey', '<name>', "customer's key for what the service stores"],
  ['flexrs', '<goal>', 'COST_OPTIMIZED or SPEED_OPTIMIZED; batch only'],
  ['workerRegion', '<name>', 'region of the workers, if not that of the job'],
  ['workerZone', '<name>', 'zone of the workers'],
  ['userAgentName', '<text>', 'what the job says it was made by'],
  ['userAgentVersion', '<text>', 'and in which version'],
  ['environmentMajor', '<n>', "major version of the job's environment"],
  ['endpoint', '<url>', 'of the Dataflow API'],
];

const WHOLE_NUMBERS: ReadonlySet<string> = new Set(['numWorkers', 'maxWorkers', 'diskSizeGb']);

/** What commander makes of the flags. */
export interface GivenFlags extends Readonly<Record<string, unknown>> {
  readonly label?: readonly string[];
  readonly experiment?: readonly string[];
  readonly serviceOption?: readonly string[];
  readonly publicIps?: boolean;
}

/** Flags that `run` has for other engines too. */
export const SHARED_FLAGS: readonly string[] = ['--endpoint', '--job-name'];

/** Adds a flag for each setting of `dataflow` that the command has not yet, and the repeatable ones. */
export function addDataflowFlags(command: Command): Command {
  const known = new Set(command.options.map(({ long }) => long));
  for (const [name, value, help] of FLAGS) {
    if (known.has(flagOf(name))) continue;
    command.addOption(new Option(`${flagOf(name)} ${value}`, help).helpGroup(GROUP));
  }
  const several = (flag: string, help: string): void => {
    const option = new Option(flag, `${help} (repeatable)`).helpGroup(GROUP);
    option.argParser((text: string, before: readonly string[] | undefined) => [
      ...(before ?? []),
      text,
    ]);
    command.addOption(option);
  };
  command.addOption(
    new Option('--no-public-ips', 'workers have internal addresses only').helpGroup(GROUP),
  );
  several('--label <key=value>', 'label of the job');
  several('--experiment <name>', 'experiment');
  several('--service-option <name>', 'service option, such as min_num_workers=2');
  return command;
}

const GROUP = 'Dataflow (or in the setting dataflow of the configuration):';

/** The few that name a project's jobs. */
export function addPlaceFlags(command: Command): Command {
  for (const [name, value, help] of FLAGS) {
    if (name === 'project' || name === 'region' || name === 'endpoint') {
      command.option(`${flagOf(name)} ${value}`, help);
    }
  }
  return command;
}

/** Flags by the names of the settings, numbers as numbers; what was not given is left out. */
export function dataflowFlags(given: GivenFlags): DataflowFlags {
  const flags: Partial<Record<FlagName, unknown>> = {};
  for (const [name] of FLAGS) {
    const value = given[name];
    if (value === undefined) continue;
    flags[name] = WHOLE_NUMBERS.has(name) ? numberOr(value) : value;
  }
  // Commander has true for a flag --no-... that was not given.
  if (given.publicIps === false) flags.publicIps = false;
  if (given.label !== undefined) flags.labels = Object.fromEntries(given.label.map(pair));
  if (given.experiment !== undefined) flags.experiments = given.experiment;
  if (given.serviceOption !== undefined) flags.serviceOptions = given.serviceOption;
  return flags;
}

/** Names of flags that only a job on Dataflow has and that were given. */
export function givenDataflowFlags(given: GivenFlags): readonly string[] {
  return Object.keys(dataflowFlags(given)).map((name) => SPELLED[name] ?? flagOf(name));
}

const SPELLED: Readonly<Record<string, string>> = {
  publicIps: '--no-public-ips',
  labels: '--label',
  experiments: '--experiment',
  serviceOptions: '--service-option',
};

function pair(text: string): [string, string] {
  const at = text.indexOf('=');
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}

function numberOr(value: unknown): unknown {
  return typeof value === 'string' && /^[0-9]{1,9}$/.test(value) ? Number(value) : value;
}
