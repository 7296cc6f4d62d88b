/** `npm run bench:scale`: what a flow costs at each boundary, and what days of flows would: docs/scale.md. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import Table from 'cli-table3';
import { loadConfig } from '../../launch/config/config.js';
import { compileSnapshot } from '../../reference/compile.js';
import { BENCH_SIZE, generateBenchData } from '../generate-bench-data.js';
import type { Boundary } from './boundary.js';
import { ASSUMED, extrapolate, type Need, type PerFlow } from './extrapolate.js';
import type { Measured } from './measured-job.js';
import { BATCH, STREAMING, type Prices } from './prices.js';

const { values } = parseArgs({
  options: {
    flows: { type: 'string', default: '500000,2000000' },
    shards: { type: 'string', default: '8,64,1024' },
    runs: { type: 'string', default: '3' },
    seed: { type: 'string', default: '1' },
    window: { type: 'string', default: '6h' },
  },
});
const sizes = values.flows.split(',').map((text) => wholeNumber('--flows', text));
const shardCounts = values.shards.split(',').map((text) => wholeNumber('--shards', text));
const runs = wholeNumber('--runs', values.runs);
const seed = wholeNumber('--seed', values.seed);
/** Flows a day that the document speaks of. */
const DAYS = [1e9, 10e9, 139e9];

interface Scenario {
  readonly flows: number;
  readonly shards: number;
  readonly csvBytes: number;
  readonly weighed: Measured;
  readonly runs: readonly Measured[];
}

const measured: Scenario[] = [];
const largest = Math.max(...sizes);
for (const flows of sizes) {
  // Of a smaller size only what it says of growth is wanted.
  await measure(flows, flows === largest ? shardCounts : shardCounts.slice(0, 1));
}
report();

async function measure(flows: number, shardsOf: readonly number[]): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'flowsieve-scale-'));
  try {
    const data = generateBenchData(directory, seed, { ...BENCH_SIZE, flows });
    const loaded = await loadConfig(data.allFilters);
    if (!loaded.ok) throw new Error(loaded.problems.map(({ message }) => message).join('; '));
    const { spec, snapshot } = loaded.config.reference;
    await compileSnapshot(spec, snapshot);
    for (const shards of shardsOf) {
      const config = join(directory, `shards-${shards}.yaml`);
      const given = readFileSync(data.allFilters, 'utf8');
      // Wide windows, so that a window of few flows is as full as a short one of many.
      const wide = given.replace(/^window: .*$/m, `window: ${values.window}\nshards: ${shards}`);
      writeFileSync(config, wide);
      const job = (...args: string[]): Promise<Measured> => runJob(directory, config, args);
      const weighed = await job('weigh');
      say(`${text(flows)} flows, ${shards} shards: weighed`);
      const plain: Measured[] = [];
      for (let run = 1; run <= runs; run++) {
        const one = await job();
        plain.push(one);
        say(
          `  run ${run} of ${runs}: ${one.cpuSeconds.toFixed(1)} s CPU in ${one.seconds.toFixed(1)} s`,
        );
      }
      measured.push({ flows, shards, csvBytes: data.bytes, weighed, runs: plain });
    }
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** The job in a process of its own, without a history before it. */
async function runJob(
  directory: string,
  config: string,
  args: readonly string[],
): Promise<Measured> {
  rmSync(join(directory, 'history'), { recursive: true, force: true });
  const script = join(import.meta.dirname, 'measured-job.js');
  const all = [script, config, join(directory, 'out'), ...args];
  const { stdout } = await promisify(execFile)(process.execPath, all);
  return JSON.parse(stdout) as Measured;
}

function report(): void {
  for (const { flows, shards, weighed } of measured) {
    const { boundaries, conversations } = weighed;
    const table = newTable([
      `${text(flows)} flows, ${text(conversations)} conversations, ${text(shards)} shards`,
      ...['elements', 'groups', 'MB', 'B/flow', 'largest group kB', 'coder us/flow'],
    ]);
    const rows = [...boundaries].sort((a, b) => b.bytes - a.bytes);
    for (const each of rows.filter(({ bytes }) => bytes >= flows / 100))
      table.push(row(each, flows));
    table.push(row(total(boundaries), flows));
    print(table);
  }
  const head = measured.map(({ flows, shards }) => `${text(flows)}, ${text(shards)} shards`);
  const cost = newTable(['a flow of', ...head]);
  const line = (name: string, of: (scenario: Scenario) => string): unknown =>
    cost.push([name, ...measured.map(of)]);
  line('bytes of CSV', ({ csvBytes, flows }) => (csvBytes / flows).toFixed(1));
  line('us CPU, least of the runs', (each) => micros(least(each), each));
  line('us CPU, most of the runs', (each) => micros(most(each), each));
  line('us CPU of the coders', (each) => micros(coders(each), each));
  line('peak RSS, MB', ({ runs: all }) =>
    mb(Math.max(...all.map(({ peakRssBytes }) => peakRssBytes))),
  );
  line('RSS with tables open, MB', ({ weighed }) => mb(weighed.tablesRssBytes));
  line('snapshot on disk, MB', ({ weighed }) => mb(weighed.snapshotBytes));
  print(cost);

  const batch = DAYS.map((flows) => needOf(flows, BATCH, false));
  const stream = DAYS.map((flows) => needOf(flows, STREAMING, true));
  const days = newTable(['flows a day', ...DAYS.map((flows) => `${flows / 1e9} G`)]);
  days.push([
    'flows/s, average',
    ...batch.map(({ need }) => text(Math.round(need.flowsPerSecond))),
  ]);
  days.push(['GB of a window at the peak', ...batch.map(({ need }) => amount(need.windowGb))]);
  days.push(['shards for 64 MB each', ...batch.map(({ need }) => text(need.shards))]);
  days.push(['by the figures of shards', ...batch.map(({ shards }) => text(shards))]);
  days.push(['vCPU-hours, batch', ...batch.map(({ need }) => amount(need.vcpuHours))]);
  days.push(['vCPUs, streaming', ...stream.map(({ need }) => amount(need.vcpus))]);
  days.push(['shuffle GB, written and read', ...batch.map(({ need }) => amount(need.shuffleGb))]);
  days.push(['batch: workers + shuffle, $/day', ...batch.map(money)]);
  days.push(['streaming: workers + shuffle, $/day', ...stream.map(money)]);
  print(days);
  process.stdout.write(
    `${JSON.stringify({
      seed,
      window: values.window,
      machine: { node: process.version, cpu: cpus()[0]?.model ?? '', cores: cpus().length },
      assumed: ASSUMED,
      prices: { batch: BATCH, streaming: STREAMING },
      measured,
    })}\n`,
  );
}

interface DayNeed {
  readonly need: Need;
  /** Shards of the scenario whose figures were taken. */
  readonly shards: number;
}

/** By the scenario of the largest size that has enough shards, or else the most. */
function needOf(flowsPerDay: number, prices: Prices, alwaysOn: boolean): DayNeed {
  const scenarios = measured.filter(({ flows }) => flows === largest);
  const needs = scenarios.map((scenario) => ({
    need: extrapolate(flowsPerDay, perFlowOf(scenario), prices, alwaysOn),
    shards: scenario.shards,
  }));
  return needs.find(({ need, shards }) => shards >= need.shards) ?? needs[needs.length - 1];
}

/**
 * What a flow costs on an engine that moves the values. Pieces are linear in flows. Other states
 * grow more slowly the more was seen before: what counts of them is what the flows beyond the
 * smaller size added.
 */
function perFlowOf(scenario: Scenario): PerFlow {
  const small = measured.find(({ flows }) => flows < scenario.flows);
  const large = measured.find(
    ({ flows, shards }) => flows === scenario.flows && shards === small?.shards,
  );
  const pieceBytes = piecesOf(scenario) / scenario.flows;
  const others = (each: Scenario): number => total(each.weighed.boundaries).bytes - piecesOf(each);
  const otherBytes =
    small === undefined || large === undefined
      ? others(scenario) / scenario.flows
      : (others(large) - others(small)) / (large.flows - small.flows);
  return {
    cpuSeconds: (least(scenario) + coders(scenario)) / scenario.flows,
    shuffleBytes: pieceBytes + otherBytes,
    pieceBytes,
  };
}

function piecesOf({ weighed }: Scenario): number {
  const pieces = weighed.boundaries.find(({ name }) => name.startsWith('dedupe'));
  if (pieces === undefined) throw new Error('no boundary is called dedupe');
  return pieces.bytes;
}

/** Least CPU of the runs: what else the machine did can only add to it. */
function least({ runs: all }: Scenario): number {
  return Math.min(...all.map(({ cpuSeconds }) => cpuSeconds));
}

function most({ runs: all }: Scenario): number {
  return Math.max(...all.map(({ cpuSeconds }) => cpuSeconds));
}

function micros(seconds: number, { flows }: Scenario): string {
  return ((seconds / flows) * 1e6).toFixed(2);
}

function coders({ weighed }: Scenario): number {
  const { encodeSeconds, decodeSeconds } = total(weighed.boundaries);
  return encodeSeconds + decodeSeconds;
}

function total(boundaries: readonly Boundary[]): Boundary {
  const add = (of: (each: Boundary) => number): number =>
    boundaries.reduce((sum, each) => sum + of(each), 0);
  return {
    name: 'all',
    elements: add(({ elements }) => elements),
    bytes: add(({ bytes }) => bytes),
    groups: add(({ groups }) => groups),
    greatestGroupBytes: Math.max(...boundaries.map(({ greatestGroupBytes }) => greatestGroupBytes)),
    encodeSeconds: add(({ encodeSeconds }) => encodeSeconds),
    decodeSeconds: add(({ decodeSeconds }) => decodeSeconds),
  };
}

function row(each: Boundary, flows: number): string[] {
  return [
    each.name,
    text(each.elements),
    text(each.groups),
    mb(each.bytes),
    (each.bytes / flows).toFixed(2),
    (each.greatestGroupBytes / 1000).toFixed(0),
    (((each.encodeSeconds + each.decodeSeconds) / flows) * 1e6).toFixed(3),
  ];
}

function money({ need: { workers, shuffle } }: DayNeed): string {
  return `${amount(workers)} + ${amount(shuffle)}`;
}

/** Two digits: more would be a claim. */
function amount(value: number): string {
  return text(Number(value.toPrecision(2)));
}

function mb(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}

function text(value: number): string {
  return value.toLocaleString('en-US');
}

function newTable(head: string[]): Table.Table {
  return new Table({
    head,
    colAligns: ['left', ...head.slice(1).map(() => 'right' as const)],
    style: { head: [], border: [] },
  });
}

function print(table: Table.Table): void {
  process.stdout.write(`${table.toString()}\n`);
}

function wholeNumber(option: string, given: string): number {
  const value = Number(given);
  if (Number.isInteger(value) && value >= 1) return value;
  throw new Error(`${option}: expected a whole number >= 1, got ${JSON.stringify(given)}`);
}

function say(message: string): void {
  process.stderr.write(`${message}\n`);
}
