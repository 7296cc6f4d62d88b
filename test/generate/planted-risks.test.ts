import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { compareLabels } from '../../launch/compare-labels.js';
import { loadConfig } from '../../launch/config/config.js';
import {
  duplicateSensors,
  redeliver,
  shuffleRows,
  swapAtRandom,
} from '../../launch/generate/disturb.js';
import {
  generateNetwork,
  WEEKLY_HISTORY,
  type Network,
} from '../../launch/generate/generate-network.js';
import { Random } from '../../launch/generate/random.js';
import { CSV_HEADER, csvLine, goflow2Line, type Row } from '../../launch/generate/row.js';
import { SENSORS } from '../../launch/generate/topology.js';
import { writeNetwork } from '../../launch/generate/write-network.js';
import { runJob, type RunOptions } from '../../launch/run-job.js';
import type { Finding } from '../../pipeline/finding.js';

const OPTIONS = { flows: 6_000, hours: 2, instances: 1 } as const;

/** Filters with something planted where there is no history. */
const WITHOUT_HISTORY = [
  'anonymizer',
  'c2-candidate',
  'honeypot-contact',
  'insecure-remote-service',
  'insecure-service-outbound',
  'known-bad-remote',
  'policy-violation',
  'sanctioned-country',
  'targeted-by-threat',
  'unpublicized-remote',
] as const;

interface Case {
  readonly what: string;
  readonly seed: number;
  readonly format?: 'csv' | 'goflow2';
  readonly cut?: Pick<RunOptions, 'rangeBytes' | 'bundleGroups'>;
  readonly disturb?: (rows: readonly Row[]) => readonly Row[];
}

const CASES: readonly Case[] = [
  { what: 'as generated', seed: 1 },
  { what: 'as goflow2', seed: 1, format: 'goflow2' },
  ...[2, 3].map((seed) => ({
    what: `source and destination swapped at random, seed ${seed}`,
    seed,
    disturb: (rows: readonly Row[]) => swapAtRandom(rows, new Random(seed)),
  })),
  { what: 'shuffled', seed: 2, disturb: (rows) => shuffleRows(rows, new Random(2)) },
  { what: 'seen by every sensor twice', seed: 3, disturb: duplicateSensors },
  { what: 'delivered twice', seed: 4, disturb: redeliver },
  { what: 'in ranges of 10 kB', seed: 5, cut: { rangeBytes: 10_000, bundleGroups: 1 } },
  {
    what: 'all of it at once',
    seed: 6,
    cut: { rangeBytes: 50_000, bundleGroups: 7 },
    disturb: (rows) =>
      shuffleRows(swapAtRandom(redeliver(duplicateSensors(rows)), new Random(6)), new Random(7)),
  },
];

describe('the job on a generated network', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'flowsieve-planted-'));
  });
  afterEach(() => {
    rmSync(directory, { recursive: true });
  });

  for (const { what, seed, format = 'csv', cut = {}, disturb } of CASES) {
    it(`finds every planted risk and nothing else: ${what}`, async () => {
      const network = generateNetwork({ ...OPTIONS, seed, format });
      const rows = [...network.rows()];
      const findings = await findingsOf(directory, network, disturb?.(rows) ?? rows, cut);
      const { filters, missed, false: wrong } = compareLabels(network.labels, findings);
      expect(missed).to.deep.equal([]);
      expect(wrong).to.deep.equal([]);
      expect(filters.map(({ filter }) => filter)).to.deep.equal(WITHOUT_HISTORY);
    });
  }

  for (const seed of [1, 2]) {
    it(`finds every planted risk and nothing else with a history of four weeks: seed ${seed}`, async function () {
      this.timeout(240_000);
      const network = generateNetwork({
        seed,
        flows: 30_000,
        hours: 24,
        historyDays: WEEKLY_HISTORY,
      });
      writeNetwork(directory, network);
      await runOn(join(directory, 'history.yaml'));
      const findings = await runOn(join(directory, 'flowsieve.yaml'));
      const { filters, missed, false: wrong } = compareLabels(network.labels, findings);
      expect(missed).to.deep.equal([]);
      expect(wrong).to.deep.equal([]);
      expect(filters.map(({ filter }) => filter)).to.deep.equal([
        ...WITHOUT_HISTORY,
        'volume-change',
      ]);
    });
  }

  const same = <T>(value: T): T => value;
  const PRESERVED = [
    {
      what: 'shuffled',
      disturb: (rows: readonly Row[]) => shuffleRows(rows, new Random(8)),
      of: same,
    },
    { what: 'delivered twice', disturb: redeliver, of: same },
    {
      what: 'swapped, but for what is out and what is in',
      disturb: (rows: readonly Row[]) => swapAtRandom(rows, new Random(8)),
      of: withoutDirections,
    },
    {
      what: 'seen by every sensor twice, but for records and sensors',
      disturb: duplicateSensors,
      of: withoutSensors,
    },
  ] as const;

  for (const { what, disturb, of } of PRESERVED) {
    it(`writes the same findings when records are ${what}`, async () => {
      const network = generateNetwork({ ...OPTIONS, seed: 8 });
      const rows = [...network.rows()];
      const plain = await findingsOf(join(directory, 'plain'), network, rows, {});
      const other = await findingsOf(join(directory, 'other'), network, disturb(rows), {});
      expect(plain.length).to.be.above(20);
      expect(other.map(of)).to.deep.equal(plain.map(of));
    });
  }
});

/**
 * Which sensor speaks for a direction, and so the rate, depends on the direction's counts; so does a
 * score of what was sent.
 */
function withoutDirections(finding: Finding): Finding {
  const none = { bytesIn: 0, bytesOut: 0, packetsIn: 0, packetsOut: 0, samplingRate: null };
  const scored = finding.evidence.some(({ type }) => type === 'score');
  const unscored = { severity: 'low', summary: '', evidence: [] } as const;
  return { ...finding, ...none, ...(scored ? unscored : {}) };
}

function withoutSensors(finding: Finding): Finding {
  return { ...finding, revision: 0, sensors: [] };
}

async function findingsOf(
  directory: string,
  network: Network,
  rows: readonly Row[],
  cut: NonNullable<Case['cut']>,
): Promise<readonly Finding[]> {
  const put = (path: string, text: string): void => {
    const full = join(directory, ...path.split('/'));
    mkdirSync(dirname(full), { recursive: true });
    writeFileSync(full, text);
  };
  for (const { path, text } of network.files) put(path, text);
  const addresses = new Map(SENSORS.map(({ id, address }) => [id, address]));
  if (network.format === 'csv') {
    put('flows/all.csv', CSV_HEADER + rows.map(csvLine).join(''));
  } else {
    const line = (row: Row): string => goflow2Line(row, addresses.get(row.sensor) ?? '');
    put('flows/all.ndjson', rows.map(line).join(''));
  }
  return runOn(join(directory, 'flowsieve.yaml'), cut);
}

async function runOn(
  path: string,
  cut: NonNullable<Case['cut']> = {},
): Promise<readonly Finding[]> {
  const loaded = await loadConfig(path);
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  const { config } = loaded;
  await runJob(config, { runner: 'local', nowMs: config.nowMs, ...cut });
  const text = readFileSync(join(config.output, 'findings.ndjson'), 'utf8');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Finding);
}
