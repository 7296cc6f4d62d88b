import { loadConfig } from '../config/config.js';
import { dataflowFlags, type GivenFlags } from '../dataflow/flags.js';
import { EXIT } from '../exit-code.js';
import { printLine, printProblems } from '../messages.js';

export interface DeployFlags extends GivenFlags {
  readonly input: readonly string[];
  readonly output?: string;
  /** `OLD=NEW`. */
  readonly rename: readonly string[];
  readonly drain: boolean;
  readonly dryRun?: boolean;
}

/** `flowsieve deploy CONFIG`: starts or updates the streaming job on Dataflow. Gives the exit code. */
export async function deployCommand(file: string, flags: DeployFlags): Promise<number> {
  const loaded = await loadConfig(file, {
    inputs: flags.input,
    output: flags.output,
    streaming: true,
    dataflow: dataflowFlags(flags),
  });
  const wrong = flags.rename.filter((text) => !/^[^=]+=/.test(text));
  if (!loaded.ok || wrong.length > 0) {
    const problems = wrong.map((text) => ({
      place: '--rename',
      path: '',
      message: `expected OLD=NEW, or OLD= for a step that is gone, got ${JSON.stringify(text)}`,
    }));
    printProblems([...(loaded.ok ? [] : loaded.problems), ...problems]);
    return EXIT.configuration;
  }
  for (const warning of loaded.warnings) printLine(`note: ${warning}`);
  const { prepareJob, stageJob } = await import('../dataflow/prepare-job.js');
  const { DataflowClient } = await import('../dataflow/client.js');
  const { consoleUrl } = await import('../dataflow/console-url.js');
  const { deploy } = await import('../deploy/deploy.js');
  const { graphSteps } = await import('../deploy/graph-steps.js');
  const dryRun = flags.dryRun === true;
  const job = await prepareJob(loaded.config, { streaming: true, dryRun });
  const { options } = job;
  if (dryRun) {
    const { jobBody } = await import('../dataflow/job-body.js');
    const body = jobBody({ ...job, clientRequestId: 'dry-run' });
    process.stdout.write(`${JSON.stringify(body, null, 2)}\n`);
    printLine(`a dry run: nothing was sent; ${graphSteps(job.pipeline.proto).size} steps`);
    return EXIT.ran;
  }
  const renames = Object.fromEntries(
    flags.rename.map((text) => [
      text.slice(0, text.indexOf('=')),
      text.slice(text.indexOf('=') + 1),
    ]),
  );
  const client = new DataflowClient(options);
  const done = await deploy(client, job, {
    renames,
    drain: flags.drain,
    stage: () => stageJob(job),
    say: printLine,
  });
  const replaced =
    done.how === 'updated'
      ? `, in the place of ${done.replaced}`
      : done.how === 'restarted'
        ? `, after ${done.drained} was drained`
        : '';
  printLine(`job ${done.id} (${options.jobName}) runs${replaced}`);
  printLine(consoleUrl(options.project, options.region, done.id));
  return EXIT.ran;
}
