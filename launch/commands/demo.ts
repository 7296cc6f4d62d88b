import { join } from 'node:path';
import Table from 'cli-table3';
import type { Finding } from '../../pipeline/finding.js';
import { compareLabels, type Comparison } from '../compare-labels.js';
import { loadConfig } from '../config/config.js';
import { EXIT } from '../exit-code.js';
import { readLines } from '../findings-file.js';
import { generateNetwork } from '../generate/generate-network.js';
import { writeNetwork } from '../generate/write-network.js';
import { printLine, printProblems } from '../messages.js';
import { createProgress } from '../progress.js';
import { renderSummary } from '../summary.js';

export interface DemoCommandOptions {
  readonly output: string;
  readonly seed: number;
}

/** Enough for a rhythm of day and night, few enough for seconds. */
const FLOWS = 100_000;
const HOURS = 24;

/**
 * `flowsieve demo`: generates a labelled network into OUTPUT/network, runs the job on it into OUTPUT
 * and compares findings with labels. Gives the exit code: failed if anything was missed or false.
 */
export async function demoCommand({ output, seed }: DemoCommandOptions): Promise<number> {
  const directory = join(output, 'network');
  const network = generateNetwork({ seed, flows: FLOWS, hours: HOURS });
  const { flows } = writeNetwork(directory, network);
  printLine(
    `generated ${flows.toLocaleString('en-US')} records of a made-up network: ${directory}`,
  );

  const loaded = await loadConfig(join(directory, 'flowsieve.yaml'), { output });
  if (!loaded.ok) {
    printProblems(loaded.problems);
    return EXIT.configuration;
  }
  const { config } = loaded;
  const { runJob } = await import('../run-job.js');
  const progress = createProgress(process.stderr);
  try {
    const report = await runJob(config, {
      runner: 'local',
      nowMs: config.nowMs,
      onProgress: (at) => progress.update(at),
    });
    progress.stop();
    printLine(renderSummary(report, { table: process.stderr.isTTY }));
  } finally {
    progress.stop();
  }
  const findings: Finding[] = [];
  for await (const { number, text } of readLines(join(output, 'findings.ndjson'))) {
    if (text === undefined) throw new Error(`findings.ndjson: line ${number} is too long`);
    findings.push(JSON.parse(text) as Finding);
  }
  const comparison = compareLabels(network.labels, findings);
  process.stdout.write(renderComparison(comparison));
  return comparison.missed.length + comparison.false.length === 0 ? EXIT.ran : EXIT.failed;
}

/** Findings beside labels, a line a filter, then each that is missed or false. */
function renderComparison({ filters, missed, false: wrong }: Comparison): string {
  const table = new Table({
    head: ['filter', 'planted', 'found', 'missed', 'false', 'near-misses silent'],
    colAligns: ['left', 'right', 'right', 'right', 'right', 'right'],
    style: { head: [], border: [] },
  });
  for (const row of filters) {
    table.push([row.filter, row.planted, row.found, row.missed, row.false, row.silent]);
  }
  const lines = [
    ...missed.map(
      (label) =>
        `missed: ${label.filter} ${label.scenario}: ${label.customer} ${label.customerAddress} ` +
        `and ${label.remoteAddress}, ${label.service}, ${label.indicator}, ${label.day}`,
    ),
    ...wrong.map(
      ({ finding, nearMiss }) =>
        `false: ${finding.filter}: ${finding.customer} ${finding.customerAddress} and ` +
        `${finding.remoteAddress}, ${finding.service}, ${finding.indicator}` +
        (nearMiss === undefined ? '' : `: near-miss ${nearMiss.scenario}`) +
        ` (${finding.id})`,
    ),
  ];
  return [table.toString(), ...lines, ''].join('\n');
}
