import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import type { BackfillCommandOptions } from './commands/backfill.js';
import { addCloudCommands } from './commands/cloud-commands.js';
import type { RunDataflowFlags } from './commands/run-dataflow.js';
import { addDataflowFlags, givenDataflowFlags, SHARED_FLAGS } from './dataflow/flags.js';
import { ConfigurationError } from './config/configuration-error.js';
import { DEFAULT_RATES, parseRates } from './evaluate/rates.js';
import { EXIT } from './exit-code.js';
import { printError, printFailure, printProblems } from './messages.js';
import type { WorkerFlags } from './commands/worker.js';
import type { PortableFlags } from './portable/portable-flags.js';
import { packageVersion } from './package-version.js';

/**
 * Runs one command line (without `node` and the script) and gives the exit code. Each command's
 * module is loaded only when it runs, so that `--help` does not wait for Beam.
 */
export async function runCommandLine(args: readonly string[]): Promise<number> {
  let code: number = EXIT.ran;
  const program = commandTree((result) => (code = result));
  try {
    await program.parseAsync(args, { from: 'user' });
    return code;
  } catch (error) {
    if (error instanceof CommanderError)
      return error.exitCode === 0 ? EXIT.ran : EXIT.configuration;
    if (error instanceof ConfigurationError) {
      printProblems(error.problems);
      return EXIT.configuration;
    }
    printFailure(error);
    return EXIT.failed;
  }
}

interface RunFlags extends RunDataflowFlags, Omit<PortableFlags, keyof RunDataflowFlags> {
  readonly runner: 'local' | 'direct' | 'portable' | 'dataflow';
  readonly strict?: boolean;
}

interface UpdateFlags {
  readonly confirm: readonly string[];
  readonly force?: boolean;
}

interface HuntFlags {
  readonly since: string;
  readonly until?: string;
  readonly output?: string;
}

interface DemoFlags {
  readonly output: string;
  readonly seed: number;
}

interface GenerateFlags {
  readonly seed: number;
  readonly flows: number;
  readonly hours: number;
  readonly format: 'csv' | 'goflow2';
}

interface EvaluateFlags {
  readonly seed: number;
  readonly flows: number;
  readonly rates: readonly number[];
  readonly output?: string;
  readonly plot?: string;
  readonly json?: string;
  readonly labels?: string;
  readonly labelFormat: 'ndjson' | 'zeek';
  readonly thin?: readonly number[];
  readonly diff?: boolean;
  readonly nullDays?: number;
  readonly now?: string;
}

function commandTree(ended: (code: number) => void): Command {
  const program = new Command('flowsieve')
    .description('Turns netflow into security findings.')
    .version(packageVersion())
    .showHelpAfterError('(flowsieve --help shows what there is)')
    .configureOutput({ outputError: (text) => printError(text.trim().replace(/^error: /, '')) })
    .exitOverride();

  const run = program
    .command('run')
    .description('run the job that a configuration describes')
    .argument('<config>', 'YAML file')
    .option(
      '--input <uri>',
      'read this instead of the configured inputs (repeatable)',
      (uri: string, before: readonly string[]) => [...before, uri],
      [],
    )
    .option('--output <dir>', 'write here instead of the configured directory')
    .addOption(
      new Option('--runner <name>', 'what runs the graph')
        .choices(['local', 'direct', 'portable', 'dataflow'])
        .default('local'),
    )
    .option(
      '--endpoint <host:port>',
      'with --runner portable: job service of the engine; with dataflow: URL of its API',
    )
    .addOption(
      new Option('--environment <name>', 'with --runner portable: what its workers run in').choices(
        ['process', 'docker', 'external', 'loopback'],
      ),
    )
    .option('--environment-config <text>', 'command, image or host:port of that environment')
    .option(
      '--expansion-service <host:port>',
      'with --runner portable: what knows Kafka (default: port 8097 of the endpoint)',
    )
    .option('--job-name <name>', 'with --runner portable or dataflow: name of the job')
    .option(
      '--parallelism <n>',
      'with --runner portable: how much the engine does at once',
      wholeNumber(1, 100_000),
    )
    .option(
      '--engine-option <name=value>',
      'with --runner portable: a pipeline option for the engine (repeatable)',
      (text: string, before: readonly string[]) => [...before, text],
      [],
    )
    .option('--now <time>', 'time that suppressions expire against (ISO 8601, default: now)')
    .option('--strict', 'fail where an input cannot be read whole, instead of going on without it')
    .option('--streaming', 'run without an end: follow the inputs, tell findings within seconds')
    .option('--metrics <host:port>', 'with --streaming: serve metrics and health there')
    .option('--drain', 'with --streaming: take nothing in, close the open windows, and end')
    .option('--dry-run', 'with --runner dataflow: print the job, and send nothing')
    .option('--no-wait', 'with --runner dataflow: end when the job is submitted')
    .addOption(
      new Option('--submitter <name>', 'with --runner dataflow: who sends the job')
        .choices(['node', 'python'])
        .default('node'),
    );
  addDataflowFlags(run).action(async (config: string, flags: RunFlags) => {
    const { runner } = flags;
    if (runner === 'dataflow') {
      const { runDataflowCommand } = await import('./commands/run-dataflow.js');
      ended(await runDataflowCommand(config, flags));
      return;
    }
    const misplaced = givenDataflowFlags(flags).find((flag) => !SHARED_FLAGS.includes(flag));
    if (misplaced !== undefined || flags.dryRun === true) {
      const place = misplaced ?? '--dry-run';
      printProblems([{ place, path: '', message: 'expected only with --runner dataflow' }]);
      ended(EXIT.configuration);
      return;
    }
    if (flags.streaming === true && runner === 'portable') {
      const { runPortableStreamingCommand } = await import('./commands/run-portable-streaming.js');
      ended(await runPortableStreamingCommand(config, { ...flags, runner }));
      return;
    }
    if (flags.streaming === true) {
      const { runStreamingCommand } = await import('./commands/run-streaming.js');
      ended(await runStreamingCommand(config, { ...flags, runner }));
      return;
    }
    const { runCommand } = await import('./commands/run.js');
    ended(await runCommand(config, { ...flags, runner }));
  });

  program
    .command('worker')
    .description('run a worker of a portable engine; engines start it')
    .option('--id <id>')
    .option('--provision_endpoint <host:port>')
    .option('--control_endpoint <host:port>')
    .option('--logging_endpoint <host:port>')
    .option('--pool <host:port>', 'start workers for engines that ask there (environment external)')
    .option(
      '--module <name>',
      'module that registers steps of the graph (repeatable)',
      (name: string, before: readonly string[]) => [...before, name],
      [],
    )
    // Each engine has further flags.
    .allowUnknownOption()
    .allowExcessArguments()
    .action(async (flags: WorkerFlags) => {
      const { workerCommand } = await import('./commands/worker.js');
      await workerCommand(flags);
    });

  program
    .command('demo')
    .description('generate a labelled network, run the job on it, compare findings with labels')
    .option('--output <dir>', 'directory for all of it', 'demo')
    .option('--seed <n>', 'seed of the generated network', wholeNumber(0, 0xffffffff), 1)
    .action(async (flags: DemoFlags) => {
      const { demoCommand } = await import('./commands/demo.js');
      ended(await demoCommand(flags));
    });

  program
    .command('generate')
    .description('write labelled synthetic netflow with its configuration')
    .argument('<dir>', 'directory to write to')
    .option('--seed <n>', 'seed of the generated network', wholeNumber(0, 0xffffffff), 1)
    .option('--flows <n>', 'flow records a day', wholeNumber(1, 1_000_000_000), 30_000)
    .option('--hours <n>', 'hours that they span', wholeNumber(1, 24 * 31), 24)
    .addOption(
      new Option('--format <name>', 'format of the records')
        .choices(['csv', 'goflow2'])
        .default('csv'),
    )
    .action(async (directory: string, flags: GenerateFlags) => {
      const { generateCommand } = await import('./commands/generate.js');
      ended(await generateCommand(directory, flags));
    });

  program
    .command('evaluate')
    .description('measure the filters against labels, or compare two configurations')
    .argument('[paths...]', 'a configuration; with --diff two, or output directories')
    .option('--seed <n>', 'seed of the generated network', wholeNumber(0, 0xffffffff), 1)
    .option('--flows <n>', 'records a day of the generated network', wholeNumber(1, 1e9), 30_000)
    .option(
      '--rates <list>',
      'sampling rates to look at, 1 in N packets',
      parseRates,
      DEFAULT_RATES,
    )
    .option('--labels <file>', 'what is in the inputs of the configuration')
    .addOption(
      new Option('--label-format <name>', 'labels.ndjson, or labelled Zeek conn logs')
        .choices(['ndjson', 'zeek'])
        .default('ndjson'),
    )
    .option('--thin <list>', 'sample the packets of the inputs too, 1 in N', parseRates)
    .option('--diff', 'what the second path fires, silences or changes against the first')
    .option(
      '--null-days <n>',
      'false alarms and power of volume-change on so many generated customer-days',
      wholeNumber(1, 1_000_000),
    )
    .option('--plot <file>', 'write recall by sampling rate as SVG')
    .option('--json <file>', 'write all numbers as JSON')
    .option('--output <dir>', 'keep the generated network and the outputs here')
    .option('--now <time>', 'time that suppressions expire against (ISO 8601, default: now)')
    .action(async (paths: string[], flags: EvaluateFlags) => {
      const { evaluateCommand } = await import('./commands/evaluate.js');
      ended(await evaluateCommand(paths, flags));
    });

  program
    .command('hunt')
    .description('look for indicators in the conversations that a streaming job has archived')
    .argument('<config>', 'YAML file')
    .requiredOption('--since <when>', 'how far back: 24h, or a time (ISO 8601)')
    .option('--until <time>', 'up to here (ISO 8601, default: the end)')
    .option('--output <dir>', 'write here instead of the configured directory')
    .action(async (config: string, flags: HuntFlags) => {
      const { huntCommand } = await import('./commands/hunt.js');
      ended(await huntCommand(config, flags));
    });

  program
    .command('backfill')
    .description('run the job over past days in partitions; goes on where it was stopped')
    .argument('<config>', 'YAML file whose input URIs have dates: flows/%Y/%m/%d/*')
    .requiredOption('--from <time>', 'the first day or time (ISO 8601, UTC)')
    .requiredOption('--to <time>', 'the end, which is not judged')
    .option('--every <duration>', 'length of a partition: whole finding windows', '1d')
    .option(
      '--margin <duration>',
      'how far before and after a partition its files are read too (default: 1h)',
    )
    .option('--parallel <n>', 'partitions at once', wholeNumber(1, 256), 1)
    .addOption(
      new Option('--runner <name>', 'what runs the graph')
        .choices(['local', 'direct'])
        .default('local'),
    )
    .addOption(
      new Option('--as-of <when>', "reference data of the partition's time, or of today")
        .choices(['event', 'now'])
        .default('event'),
    )
    .option('--output <dir>', 'write here instead of the configured directory')
    .option('--now <time>', 'time that suppressions expire against (ISO 8601, default: now)')
    .option('--dry-run', 'only list the partitions and their files')
    .action(async (config: string, flags: BackfillCommandOptions) => {
      const { backfillCommand } = await import('./commands/backfill.js');
      ended(await backfillCommand(config, flags));
    });

  const reference = program
    .command('reference')
    .description('reference data: feeds and their compiled snapshot');
  reference
    .command('build')
    .description("compile a configuration's feeds into its snapshot")
    .argument('<config>', 'YAML file')
    .action(async (config: string) => {
      const { referenceBuildCommand } = await import('./commands/reference.js');
      ended(await referenceBuildCommand(config));
    });
  reference
    .command('update')
    .description('fetch the feeds that are due and publish their snapshot')
    .argument('<config>', 'YAML file')
    .option(
      '--confirm <feed>',
      'take the version of this feed that was held back (repeatable)',
      (name: string, before: readonly string[]) => [...before, name],
      [],
    )
    .option('--force', 'look at all feeds, whether they are due or not')
    .action(async (config: string, flags: UpdateFlags) => {
      const { referenceUpdateCommand } = await import('./commands/reference-update.js');
      ended(await referenceUpdateCommand(config, flags));
    });

  program
    .command('explain')
    .description('say in plain words why a finding is there')
    .argument(
      '<findings>',
      'findings.ndjson, a file of findings/, or the output directory of a run',
    )
    .argument('<id>', 'id of the finding, or its first 6 or more digits')
    .action(async (findings: string, id: string) => {
      const { explainCommand } = await import('./commands/explain.js');
      ended(await explainCommand(findings, id));
    });

  addCloudCommands(program, ended);
  return program;
}

/** A parser of whole numbers from `min` to `max` for commander. */
function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = /^[0-9]{1,15}$/.test(text) ? Number(text) : NaN;
    if (value >= min && value <= max) return value;
    throw new InvalidArgumentError(`expected a whole number from ${min} to ${max}.`);
  };
}
