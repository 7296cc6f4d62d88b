import { join } from 'node:path';
import { compareLabels } from '../compare-labels.js';
import { loadConfig, type Config } from '../config/config.js';
import { ConfigurationError } from '../config/configuration-error.js';
import { measure } from '../evaluate/measure.js';
import { runAndRead } from '../evaluate/run-quietly.js';
import { measureTable, mistakes } from '../evaluate/tables.js';
import { EXIT } from '../exit-code.js';
import { generateNetwork, WEEKLY_HISTORY } from '../generate/generate-network.js';
import { writeNetwork } from '../generate/write-network.js';
import { printLine } from '../messages.js';
import { renderSummary } from '../summary.js';

export interface DemoCommandOptions {
  readonly output: string;
  readonly seed: number;
}

/** Records a day: enough for a rhythm of day and night, few enough for seconds. */
const FLOWS = 30_000;
const HOURS = 24;

/**
 * `flowsieve demo`: generates a labelled network into OUTPUT/network, runs the job on the days before
 * and then on the day itself into OUTPUT, and compares findings with labels. Gives the exit code:
 * failed if anything was missed or false.
 */
export async function demoCommand({ output, seed }: DemoCommandOptions): Promise<number> {
  const directory = join(output, 'network');
  const network = generateNetwork({
    seed,
    flows: FLOWS,
    hours: HOURS,
    historyDays: WEEKLY_HISTORY,
  });
  const { flows, historyFlows } = writeNetwork(directory, network);
  printLine(
    `generated ${flows.toLocaleString('en-US')} records of a day of a made-up network, and ` +
      `${historyFlows.toLocaleString('en-US')} of ${WEEKLY_HISTORY.length} days before it: ${directory}`,
  );
  printLine('the days before, for what is usual:');
  await runAndRead(await configOf(join(directory, 'history.yaml'), join(output, 'history-out')));
  printLine('the day:');
  const { report, findings } = await runAndRead(
    await configOf(join(directory, 'flowsieve.yaml'), output),
  );
  printLine(renderSummary(report, { table: process.stderr.isTTY }));
  const comparison = compareLabels(network.labels, findings.values());
  process.stdout.write(measureTable(measure(comparison)) + mistakes(comparison));
  return comparison.missed.length + comparison.false.length === 0 ? EXIT.ran : EXIT.failed;
}

async function configOf(file: string, output: string): Promise<Config> {
  const loaded = await loadConfig(file, { output });
  if (!loaded.ok) throw new ConfigurationError(loaded.problems);
  return loaded.config;
}
