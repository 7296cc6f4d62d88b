import { expect } from 'chai';
import { appendFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { loadConfig } from '../../launch/config/config.js';
import { formatProblem } from '../../launch/config/problem.js';
import { readFindings } from '../../launch/findings-file.js';
import { generateNetwork, type Network } from '../../launch/generate/generate-network.js';
import { CSV_HEADER, csvLine, type Row } from '../../launch/generate/row.js';
import { writeNetwork } from '../../launch/generate/write-network.js';
import { runJob } from '../../launch/run-job.js';
import type { Finding } from '../../pipeline/finding.js';
import { settingsOf, StreamingJob, withoutRevisions, type Settings } from './streaming-job.js';

/** A generated network in a directory, and what a job in batch finds in it. */
export interface CrashNetwork {
  readonly network: Network;
  readonly settings: Settings;
  readonly expected: ReadonlyMap<string, Finding>;
}

export async function crashNetwork(
  directory: string,
  size: { readonly flows: number; readonly hours: number; readonly seed?: number },
): Promise<CrashNetwork> {
  const network = generateNetwork({ seed: 23, ...size });
  writeNetwork(directory, network);
  const settings = settingsOf(join(directory, 'flowsieve.yaml'));
  const own = { ...settings, output: 'batch-out', history: 'batch-history' };
  const { config: file } = new StreamingJob(directory, own, { name: 'batch' });
  const loaded = await loadConfig(file);
  if (!loaded.ok) throw new Error(loaded.problems.map(formatProblem).join('\n'));
  await runJob(loaded.config, { runner: 'local', nowMs: Date.now() });
  const expected = await readFindings(loaded.config.output);
  expect(expected.size).to.be.above(20);
  // What is followed instead is written while the job runs.
  rmSync(join(directory, 'flows'), { recursive: true });
  return { network, settings, expected };
}

/** What a job has told in the end is what the batch told, and no revision is there twice. */
export async function expectFinalSet(
  job: StreamingJob,
  expected: ReadonlyMap<string, Finding>,
): Promise<void> {
  const found = await job.findings();
  expect([...found.keys()].sort()).to.deep.equal([...expected.keys()].sort());
  const differences = differencesOf(found, expected);
  expect(differences.slice(0, 20), `${differences.length} differences`).to.deep.equal([]);
  const told = (await job.revisions()).map(({ id, revision }) => `${id} ${revision}`);
  expect(told.length, 'revisions').to.equal(new Set(told).size);
}

/** Fields of findings that are not as expected, one a line. */
export function differencesOf(
  found: ReadonlyMap<string, Finding>,
  expected: ReadonlyMap<string, Finding>,
): readonly string[] {
  return withoutRevisions(expected.values()).flatMap((wanted) => {
    const got = found.get(wanted.id ?? '') as Readonly<Record<string, unknown>> | undefined;
    return Object.entries(wanted)
      .filter(([key, value]) => JSON.stringify(got?.[key]) !== JSON.stringify(value))
      .map(([key, value]) => {
        const texts = [got?.[key], value].map((each) => JSON.stringify(each));
        return `${wanted.filter} ${wanted.id}: ${key} ${texts[0]}, expected ${texts[1]}`;
      });
  });
}

/** Whether the findings told so far are those of the batch. */
export async function hasAll(
  job: StreamingJob,
  expected: ReadonlyMap<string, Finding>,
): Promise<boolean> {
  const found = await job.findings();
  const texts = [found, expected].map((set) => JSON.stringify(withoutRevisions(set.values())));
  return texts[0] === texts[1];
}

/** Flow files, one a sensor, that grow as a collector writes them: in pieces, not in lines. */
export class GrowingFiles {
  readonly #parts: { readonly path: string; readonly bytes: Buffer }[][] = [];
  #next = 0;

  /** Cuts the rows into `steps` by the time they leave the sensors. */
  constructor(directory: string, rows: Iterable<Row>, steps: number) {
    const all = [...rows].sort((a, b) => a.exportedMs - b.exportedMs);
    const ends = new Map<string, number>();
    const whole = new Map<string, Buffer>();
    const bySensor = new Map<string, Row[]>();
    for (const row of all) {
      const own = bySensor.get(row.sensor);
      if (own === undefined) bySensor.set(row.sensor, [row]);
      else own.push(row);
    }
    for (const [sensor, own] of bySensor) {
      whole.set(sensor, Buffer.from(CSV_HEADER + own.map(csvLine).join('')));
    }
    const path = (sensor: string): string => join(directory, `${sensor}.csv`);
    mkdirSync(directory, { recursive: true });
    // Each sensor has spoken before the first is read on.
    for (const [sensor, bytes] of whole) {
      const end = bytes.indexOf(10, CSV_HEADER.length) + 1;
      writeFileSync(path(sensor), bytes.subarray(0, end));
      ends.set(sensor, end);
    }
    const firstMs = all[0].exportedMs;
    const stepMs = (all[all.length - 1].exportedMs - firstMs + 1) / steps;
    for (let step = 1; step <= steps; step++) {
      const parts: { path: string; bytes: Buffer }[] = [];
      for (const [sensor, own] of bySensor) {
        const until = own.findIndex(({ exportedMs }) => exportedMs >= firstMs + step * stepMs);
        const rowsIn = own.slice(0, until < 0 || step === steps ? own.length : until);
        const lines = CSV_HEADER.length + rowsIn.map(csvLine).join('').length;
        const bytes = whole.get(sensor) ?? Buffer.alloc(0);
        // In the middle of a line, as a buffered writer leaves it.
        const end = step === steps ? bytes.length : Math.max(lines - 17, ends.get(sensor) ?? 0);
        parts.push({ path: path(sensor), bytes: bytes.subarray(ends.get(sensor), end) });
        ends.set(sensor, end);
      }
      this.#parts.push(parts);
    }
  }

  get left(): number {
    return this.#parts.length - this.#next;
  }

  /** Writes the next step; says whether there was one. */
  grow(): boolean {
    if (this.left === 0) return false;
    for (const { path, bytes } of this.#parts[this.#next++]) appendFileSync(path, bytes);
    return true;
  }
}

/** Does one thing after another beside a test until there is no more; `end` waits for the rest. */
export class Meanwhile {
  readonly #step: () => boolean | Promise<boolean>;
  readonly #everyMs: number;
  #hurries = false;
  readonly #done: Promise<void>;

  /** `step` says whether there was something to do. */
  constructor(everyMs: number, step: () => boolean | Promise<boolean>) {
    this.#step = step;
    this.#everyMs = everyMs;
    this.#done = this.#run();
    this.#done.catch(() => undefined);
  }

  /** Does the rest without a pause. */
  async end(): Promise<void> {
    this.#hurries = true;
    await this.#done;
  }

  async #run(): Promise<void> {
    while (await this.#step()) if (!this.#hurries) await sleep(this.#everyMs);
  }
}
