import { loadConfig } from '../config/config.js';
import type { Problem } from '../config/problem.js';
import { EXIT } from '../exit-code.js';
import { printLine, printProblems } from '../messages.js';
import { dataflowFlags, type GivenFlags } from '../dataflow/flags.js';

export interface RunDataflowFlags extends GivenFlags {
  readonly input: readonly string[];
  readonly output?: string;
  readonly now?: string;
  readonly streaming?: boolean;
  readonly metrics?: string;
  readonly drain?: boolean;
  readonly dryRun?: boolean;
  /** Whether the command ends when the job is submitted. */
  readonly wait?: boolean;
  readonly submitter?: 'node' | 'python';
}

const POLL_MS = 10_000;

/**
 * `flowsieve run CONFIG --runner dataflow`: submits the job, and waits for its end in batch and until
 * it runs in streaming. Gives the exit code.
 */
export async function runDataflowCommand(file: string, flags: RunDataflowFlags): Promise<number> {
  const streaming = flags.streaming === true;
  const loaded = await loadConfig(file, {
    inputs: flags.input,
    output: flags.output,
    streaming,
    now: streaming ? undefined : flags.now,
    dataflow: dataflowFlags(flags),
  });
  const problems = [...(loaded.ok ? [] : loaded.problems), ...misplaced(flags)];
  if (!loaded.ok || problems.length > 0) {
    printProblems(problems);
    return EXIT.configuration;
  }
  const { config, warnings } = loaded;
  for (const warning of warnings) printLine(`note: ${warning}`);
  const { prepareJob, stageJob } = await import('../dataflow/prepare-job.js');
  const { newRequestId, submitJob } = await import('../dataflow/submit.js');
  const { DataflowClient } = await import('../dataflow/client.js');
  const { consoleUrl } = await import('../dataflow/console-url.js');
  const { jobBody } = await import('../dataflow/job-body.js');
  const dryRun = flags.dryRun === true;
  const job = await prepareJob(config, { streaming, dryRun });
  const { options, pipeline } = job;
  const parts = { ...job, clientRequestId: newRequestId() };
  if (dryRun) {
    process.stdout.write(`${JSON.stringify(jobBody(parts), null, 2)}\n`);
    printLine(
      `a dry run: nothing was sent; the pipeline has ${pipeline.bytes.length} bytes and would be put to ${job.pipelineUrl}`,
    );
    return EXIT.ran;
  }
  await stageJob(job);
  const client = new DataflowClient(options);
  const submit = async (): Promise<string> => {
    if (flags.submitter !== 'python') return (await submitJob(client, parts)).id;
    const { submitByPython } = await import('../dataflow/python-submitter.js');
    return submitByPython(job);
  };
  const id = await submit();
  printLine(`job ${id} (${options.jobName}) is submitted`);
  printLine(consoleUrl(options.project, options.region, id));
  if (flags.wait === false) return EXIT.ran;
  const { isOver, stateName, waitFor } = await import('../dataflow/job-state.js');
  const reached = await waitFor(
    client,
    id,
    (each) => (streaming ? each.currentState === 'JOB_STATE_RUNNING' : isGood(each.currentState)),
    {
      everyMs: POLL_MS,
      onState: (each) => {
        printLine(`job ${id} is ${stateName(each)}`);
      },
    },
  );
  if (isOver(reached)) printLine(`written to ${config.output}`);
  printLine(consoleUrl(options.project, options.region, id));
  return EXIT.ran;
}

function isGood(state: string | undefined): boolean {
  return state === 'JOB_STATE_DONE' || state === 'JOB_STATE_DRAINED';
}

/** Flags of other runners, by what commander calls them. */
const OTHERS = {
  environment: '--environment',
  environmentConfig: '--environment-config',
  expansionService: '--expansion-service',
  parallelism: '--parallelism',
  engineOption: '--engine-option',
  strict: '--strict',
} as const;

function misplaced({ streaming, metrics, drain, now, ...given }: RunDataflowFlags): Problem[] {
  const problems: Problem[] = [];
  const add = (place: string, message: string): void => {
    problems.push({ place, path: '', message });
  };
  for (const [name, flag] of Object.entries(OTHERS)) {
    const value = given[name];
    if (value === undefined || (Array.isArray(value) && value.length === 0)) continue;
    add(flag, 'expected with another runner than dataflow');
  }
  if (metrics !== undefined) add('--metrics', 'the service has the metrics of a job on Dataflow');
  if (drain !== undefined) add('--drain', 'use "flowsieve dataflow drain" for a job on Dataflow');
  if (streaming === true && now !== undefined)
    add('--now', 'a job without an end goes by the clock');
  return problems;
}
