/** `npm run bench:scale`: what a flow costs at each boundary, and what days of flows would: docs/scale.md. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import Table from 'cli-table3';
import { loadConfig } from '../../launch/config/config.js';
import { compileSnapshot } from '../../reference/compile.js';
import { BENCH_SIZE, generateBenchData } from '../generate-bench-data.js';
import type { Boundary } from './boundary.js';
import { ASSUMED, extrapolate, type PerFlow } from './extrapolate.js';
import type { Measured } from './measured-job.js';
import { BATCH, STREAMING } from './prices.js';

const { values } = parseArgs({
  options: {
    flows: { type: 'string', default: '500000,2000000' },
    runs: { type: 'string', default: '3' },
    seed: { type: 'string', default: '1' },
  },
});
const sizes = values.flows.split(',').map((text) => wholeNumber('--flows', text));
const runs = wholeNumber('--runs', values.runs);
const seed = wholeNumber('--seed', values.seed);
/** Flows a day that the document speaks of. */
const DAYS = [1e9, 10e9, 139e9];

interface Size {
  readonly flows: number;
  readonly csvBytes: number;
  readonly weighed: Measured;
  readonly runs: readonly Measured[];
}

const measured: Size[] = [];
for (const flows of sizes) measured.push(await measure(flows));
report(measured);

async function measure(flows: number): Promise<Size> {
  const directory = mkdtempSync(join(tmpdir(), 'flowsieve-scale-'));
  try {
    const data = generateBenchData(directory, seed, { ...BENCH_SIZE, flows });
    const loaded = await loadConfig(data.allFilters);
    if (!loaded.ok) throw new Error(loaded.problems.map(({ message }) => message).join('; '));
    const { spec, snapshot } = loaded.config.reference;
    await compileSnapshot(spec, snapshot);
    const job = async (...args: string[]): Promise<Measured> => {
      rmSync(join(directory, 'history'), { recursive: true, force: true });
      const script = join(import.meta.dirname, 'measured-job.js');
      const { stdout } = await promisify(execFile)(process.execPath, [
        ...[script, data.allFilters, join(directory, 'out')],
        ...args,
      ]);
      return JSON.parse(stdout) as Measured;
    };
    const weighed = await job('weigh');
    say(`${text(flows)} flows: weighed`);
    const plain: Measured[] = [];
    for (let run = 0; run < runs; run++) {
      plain.push(await job());
      say(`${text(flows)} flows: run ${run + 1} of ${runs}, ${plain[run].cpuSeconds.toFixed(1)} s CPU`);
    }
    return { flows, csvBytes: data.bytes, weighed, runs: plain };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function report(all: readonly Size[]): void {
  for (const { flows, weighed } of all) {
    const { boundaries, conversations } = weighed;
    const table = newTable([
      `${text(flows)} flows, ${text(conversations)} conversations`,
      ...['elements', 'groups', 'MB', 'B/flow', 'largest group kB', 'coder us/flow'],
    ]);
    const rows = [...boundaries].sort((a, b) => b.bytes - a.bytes);
    for (const each of rows.filter(({ bytes }) => bytes > 0)) table.push(row(each, flows));
    table.push(row(total(boundaries), flows));
    print(table);
  }
  const cost = newTable(['a flow', ...all.map(({ flows }) => `of ${text(flows)}`)]);
  const line = (name: string, of: (size: Size) => string): unknown => cost.push([name, ...all.map(of)]);
  line('CSV bytes', ({ csvBytes, flows }) => (csvBytes / flows).toFixed(1));
  line('us CPU, least of the runs', (size) => (least(size) / size.flows * 1e6).toFixed(2));
  line('us CPU, most of the runs', (size) =>
    ((Math.max(...size.runs.map(({ cpuSeconds }) => cpuSeconds)) / size.flows) * 1e6).toFixed(2),
  );
  line('us CPU of coders at the boundaries', (size) => (coders(size) / size.flows * 1e6).toFixed(2));
  line('peak RSS, MB', ({ runs }) => mb(Math.max(...runs.map(({ peakRssBytes }) => peakRssBytes))));
  line('RSS with tables open, MB', ({ weighed }) => mb(weighed.tablesRssBytes));
  line('snapshot on disk, MB', ({ weighed }) => mb(weighed.snapshotBytes));
  print(cost);

  const largest = all.reduce((a, b) => (b.flows > a.flows ? b : a));
  const perFlow = perFlowOf(largest);
  const days = newTable(['flows a day', ...DAYS.map((flows) => `${flows / 1e9} G`)]);
  const batch = DAYS.map((flows) => extrapolate(flows, perFlow, BATCH, false));
  const stream = DAYS.map((flows) => extrapolate(flows, perFlow, STREAMING, true));
  days.push(['flows/s, average', ...batch.map((need) => text(Math.round(need.flowsPerSecond)))]);
  days.push(['vCPU-hours, batch', ...batch.map((need) => amount(need.vcpuHours))]);
  days.push(['vCPUs, streaming', ...stream.map((need) => amount(need.vcpus))]);
  days.push(['shuffle GB, written and read', ...batch.map((need) => amount(need.shuffleGb))]);
  days.push(['GB of a window at the peak', ...batch.map((need) => amount(need.windowGb))]);
  days.push(['shards for 64 MB each', ...batch.map((need) => text(need.shards))]);
  days.push(['batch: workers + shuffle, $/day', ...batch.map(money)]);
  days.push(['streaming: workers + shuffle, $/day', ...stream.map(money)]);
  print(days);
  process.stdout.write(
    `${JSON.stringify({
      seed,
      machine: { node: process.version, cpu: cpus()[0]?.model ?? '', cores: cpus().length },
      assumed: ASSUMED,
      prices: { batch: BATCH, streaming: STREAMING },
      perFlow,
      sizes: all,
    })}\n`,
  );
}

/** Coders cost where an engine moves the values; the local runner moves none. */
function perFlowOf(size: Size): PerFlow {
  const { boundaries } = size.weighed;
  const pieces = boundaries.find(({ name }) => name.includes('dedupe'));
  if (pieces === undefined) throw new Error('no boundary is called dedupe');
  return {
    cpuSeconds: (least(size) + coders(size)) / size.flows,
    shuffleBytes: total(boundaries).bytes / size.flows,
    pieceBytes: pieces.bytes / size.flows,
  };
}

/** Least CPU of the runs: what else the machine did can only add to it. */
function least({ runs: all }: Size): number {
  return Math.min(...all.map(({ cpuSeconds }) => cpuSeconds));
}

function coders({ weighed }: Size): number {
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

function money({ workers, shuffle }: { workers: number; shuffle: number }): string {
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
