import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import Table from 'cli-table3';
import { loadConfig } from '../launch/config/config.js';
import { compileSnapshot } from '../reference/compile.js';
import { BENCH_SIZE, generateBenchData, type BenchData } from './generate-bench-data.js';

/** What a measured process prints. */
interface Run {
  readonly flows: number;
  readonly findings: number;
  readonly seconds: number;
  readonly openSeconds: number;
  readonly peakRssBytes: number;
}

const CONTENDERS = [
  'hand loop',
  'flowsieve',
  'flowsieve, all delivered 3 times',
  'flowsieve, all filters and history',
] as const;
/** Does more than the others, so its findings are its own. */
const MORE: Contender = 'flowsieve, all filters and history';
/** How often a contender reads every record. */
const DELIVERIES: Readonly<Record<Contender, number>> = {
  'hand loop': 1,
  flowsieve: 1,
  'flowsieve, all delivered 3 times': 3,
  'flowsieve, all filters and history': 1,
};
type Contender = (typeof CONTENDERS)[number];

const { values } = parseArgs({
  options: {
    flows: { type: 'string', default: String(BENCH_SIZE.flows) },
    runs: { type: 'string', default: '3' },
    seed: { type: 'string' },
    keep: { type: 'boolean', default: false },
  },
});
const flows = wholeNumber('--flows', values.flows);
const runs = wholeNumber('--runs', values.runs);
// Fresh data each time, unless somebody wants the same again.
const seed = values.seed === undefined ? Date.now() % 2 ** 31 : wholeNumber('--seed', values.seed);

const directory = mkdtempSync(join(tmpdir(), 'flowsieve-bench-'));
try {
  process.exitCode = await bench();
} finally {
  if (values.keep) say(`kept ${directory}`);
  else rmSync(directory, { recursive: true });
}

async function bench(): Promise<number> {
  say(`seed ${seed}: generating ${flows.toLocaleString('en-US')} flows`);
  const data = await timed('generated', () =>
    Promise.resolve(generateBenchData(directory, seed, { ...BENCH_SIZE, flows })),
  );
  const loaded = await loadConfig(data.config);
  if (!loaded.ok) throw new Error(loaded.problems.map(({ message }) => message).join('; '));
  const { spec, snapshot } = loaded.config.reference;
  await timed('compiled the snapshot', () => compileSnapshot(spec, snapshot));

  const results: Record<Contender, Run[]> = {
    'hand loop': [],
    flowsieve: [],
    'flowsieve, all delivered 3 times': [],
    'flowsieve, all filters and history': [],
  };
  for (let run = 1; run <= runs; run++) {
    // In turn, so that what else the machine does hits both.
    for (const contender of CONTENDERS) {
      const result = await measure(contender, data);
      results[contender].push(result);
      say(`run ${run} of ${runs}: ${contender} ${result.seconds.toFixed(2)} s`);
    }
  }
  return report(data, results);
}

async function measure(contender: Contender, data: BenchData): Promise<Run> {
  const here = dirname(fileURLToPath(import.meta.url));
  const args =
    contender === 'hand loop'
      ? [join(here, 'hand-loop-process.js'), directory, ...data.flowFiles]
      : [
          join(here, 'job-process.js'),
          contender === MORE ? data.allFilters : data.config,
          join(directory, 'out'),
          String(DELIVERIES[contender]),
        ];
  const { stdout } = await promisify(execFile)(process.execPath, [...process.execArgv, ...args]);
  return JSON.parse(stdout) as Run;
}

function report(data: BenchData, results: Record<Contender, Run[]>): number {
  const rows = CONTENDERS.map((contender) => {
    const of = results[contender];
    return {
      contender,
      seconds: spread(of.map(({ seconds }) => seconds)),
      flowsPerSecond: spread(of.map(({ seconds, flows }) => flows / seconds)),
      openSeconds: spread(of.map(({ openSeconds }) => openSeconds)).median,
      peakRssBytes: spread(of.map(({ peakRssBytes }) => peakRssBytes)).max,
      flowsRead: [...new Set(of.map((run) => run.flows))],
      findings: [...new Set(of.map((run) => run.findings))],
    };
  });
  const base = rows[0].seconds.median;
  const table = new Table({
    head: ['', 'M flows/s', 'min-max', 'seconds', 'x hand loop', 'peak RSS MB', 'findings'],
    colAligns: ['left', 'right', 'right', 'right', 'right', 'right', 'right'],
    style: { head: [], border: [] },
  });
  for (const { contender, seconds, flowsPerSecond, peakRssBytes, findings } of rows) {
    const millions = (value: number): string => (value / 1e6).toFixed(2);
    table.push([
      contender,
      millions(flowsPerSecond.median),
      `${millions(flowsPerSecond.min)}-${millions(flowsPerSecond.max)}`,
      seconds.median.toFixed(2),
      (seconds.median / base).toFixed(2),
      Math.round(peakRssBytes / 1e6),
      findings.join(' or '),
    ]);
  }
  const agree =
    new Set(rows.flatMap((row) => (row.contender === MORE ? [] : row.findings))).size === 1 &&
    rows.every(
      ({ contender, flowsRead }) =>
        flowsRead.length === 1 && flowsRead[0] === data.flows * DELIVERIES[contender],
    );
  const machine = { node: process.version, cpu: cpus()[0]?.model ?? '', cores: cpus().length };
  const json = {
    seed,
    runs,
    flows: data.flows,
    csvBytes: data.bytes,
    machine,
    agree,
    results: rows,
  };
  process.stdout.write(`${table.toString()}\n${JSON.stringify(json)}\n`);
  if (agree) return 0;
  say('the contenders disagree on the number of flows or findings');
  return 1;
}

function spread(numbers: readonly number[]): { median: number; min: number; max: number } {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const median =
    sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  return { median, min: sorted[0], max: sorted[sorted.length - 1] };
}

async function timed<T>(what: string, work: () => Promise<T>): Promise<T> {
  const began = performance.now();
  const result = await work();
  say(`${what} in ${((performance.now() - began) / 1000).toFixed(1)} s`);
  return result;
}

function wholeNumber(option: string, text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1) return value;
  throw new Error(`${option}: expected a whole number >= 1, got ${JSON.stringify(text)}`);
}

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}
