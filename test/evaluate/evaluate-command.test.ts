import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { expect } from 'chai';
import { evaluateCommand, type EvaluateCommandOptions } from '../../launch/commands/evaluate.js';
import { ConfigurationError } from '../../launch/config/configuration-error.js';
import type { Problem } from '../../launch/config/problem.js';
import { generateNetwork } from '../../launch/generate/generate-network.js';
import { writeNetwork } from '../../launch/generate/write-network.js';
import { TemporaryFiles } from '../launch/temporary-files.js';
import { withCaughtOutput, type CaughtOutput } from './caught-output.js';

interface Ran extends CaughtOutput {
  readonly code: number;
}

const DEFAULTS: EvaluateCommandOptions = {
  seed: 1,
  // With fewer, so many of the clients are compromised that no server reaches the lift of c2-candidate.
  flows: 30_000,
  rates: [1],
  labelFormat: 'ndjson',
};

/** Runs the command in this process with both streams caught. */
async function run(
  paths: readonly string[],
  options: Partial<EvaluateCommandOptions> = {},
): Promise<Ran> {
  const { result, ...caught } = await withCaughtOutput(() =>
    evaluateCommand(paths, { ...DEFAULTS, ...options }),
  );
  return { code: result, ...caught };
}

/** What is wrong with a command line that is refused. */
async function problemsOf(
  paths: readonly string[],
  options: Partial<EvaluateCommandOptions>,
): Promise<readonly Problem[]> {
  const error = await run(paths, options).catch((thrown: unknown) => thrown);
  if (!(error instanceof ConfigurationError)) throw new Error('expected a ConfigurationError');
  return error.problems;
}

function leftBehind(): readonly string[] {
  return readdirSync(tmpdir()).filter((name) => name.startsWith('flowsieve-evaluate-'));
}

interface Counts {
  readonly filter: string;
  readonly planted: number;
  readonly found: number;
  readonly false: number;
}

interface Point {
  readonly rate: number;
  readonly filters: readonly Counts[];
}

function found(filters: readonly Counts[]): number {
  return filters.reduce((sum, row) => sum + row.found, 0);
}

describe('evaluate', function () {
  this.timeout(300_000);
  const files = new TemporaryFiles();
  let before: readonly string[] = [];
  beforeEach(() => (before = leftBehind()));
  afterEach(() => expect(leftBehind()).to.deep.equal(before));

  it('measures a generated network: all found by its own sensors, less with each rate', async () => {
    const plot = files.path('recall.svg');
    const json = files.path('evaluation.json');
    const { code, stdout, stderr } = await run([], { rates: [1, 100, 100_000], plot, json });
    expect(code).to.equal(0);
    expect(stderr).to.match(/generating a network\n.*1 in 100 packets\n/s);
    const result = JSON.parse(readFileSync(json, 'utf8')) as {
      own: {
        filters: readonly Counts[];
        missed: readonly { filter: string; scenario: string }[];
        false: readonly { finding: { summary: string } }[];
      };
      points: readonly Point[];
    };
    const { own } = result;
    expect(own.missed.map(({ filter, scenario }) => `${filter} ${scenario}`)).to.deep.equal([]);
    expect(own.false.map(({ finding }) => finding.summary)).to.deep.equal([]);
    for (const { filter, planted } of own.filters) {
      expect(planted, filter).to.be.greaterThan(0);
      expect(stdout).to.match(new RegExp(`│ ${filter} +│ +${planted} │ +${planted} │ +0 │ +0 │`));
    }
    const [whole, some, few] = result.points.map(({ filters }) => found(filters));
    expect(some).to.be.below(whole);
    expect(few).to.be.below(some);
    expect(stdout).to.match(/│ recall +│ +1 │ +1\/100 │ +1\/100,000 │/);
    const svg = readFileSync(plot, 'utf8');
    expect(svg).to.match(/^<svg /);
    for (const { filter } of own.filters) expect(svg).to.include(`>${filter}</text>`);
  });

  describe('of a configuration', () => {
    let config = '';
    let labels = '';
    beforeEach(() => {
      const network = generateNetwork({ seed: 3, flows: 12_000, hours: 24 });
      writeNetwork(files.path('network'), network);
      config = files.path('network/flowsieve.yaml');
      labels = files.path('network/labels.ndjson');
    });

    it('measures its inputs, thinned ones too, and leaves its folder as it was', async () => {
      const listed = readdirSync(files.path('network'));
      const json = files.path('e.json');
      const { code, stdout } = await run([config], { labels, thin: [1000], json });
      expect(code).to.equal(0);
      expect(stdout).to.match(/│ recall +│ +1 │ +1\/1,000 │/);
      const { points } = JSON.parse(readFileSync(json, 'utf8')) as { points: readonly Point[] };
      expect(points.map(({ rate }) => rate)).to.deep.equal([1, 1000]);
      const [whole, thin] = points.map(({ filters }) => found(filters));
      expect(whole).to.be.greaterThan(20);
      expect(thin).to.be.below(whole / 2);
      expect(readdirSync(files.path('network'))).to.deep.equal(listed);
    });

    it('compares two feeds', async () => {
      const c2 = readFileSync(files.path('network/c2.txt'), 'utf8').split('\n');
      files.write('network/less.txt', c2.slice(0, c2.length / 2).join('\n'));
      const text = readFileSync(config, 'utf8');
      const other = files.write('network/b.yaml', text.replace('uri: c2.txt', 'uri: less.txt'));
      const json = files.path('d.json');
      const { code, stdout } = await run([config, other], { diff: true, json });
      expect(code).to.equal(0);
      expect(stdout).to.match(/^silenced: known-bad-remote \(critical\/high\): /m);
      const diff = JSON.parse(readFileSync(json, 'utf8')) as Readonly<
        Record<'fired' | 'silenced', readonly { filter: string; remoteAddress: string }[]>
      >;
      const known = (findings: typeof diff.fired): string[] =>
        findings
          .filter(({ filter }) => filter === 'known-bad-remote')
          .map(({ remoteAddress }) => remoteAddress);
      expect(known(diff.silenced).length).to.be.greaterThan(0);
      // What fires anew is on another list as well, under another indicator.
      expect(known(diff.silenced)).to.include.members(known(diff.fired));
      expect(existsSync(files.path('network/out'))).to.equal(false);
    });

    it('compares outputs of earlier runs with a configuration', async () => {
      const output = files.path('kept');
      await run([config], { labels, output });
      const { stdout } = await run([files.path('kept/out-1'), config], { diff: true });
      expect(stdout).not.to.match(/^(fired|silenced|changed): /m);
    });

    it('ends with 2 where a label is wrong', async () => {
      const wrong = files.write('labels.ndjson', '{}\n');
      const error = await run([config], { labels: wrong }).catch((thrown: unknown) => thrown);
      expect(error).to.be.instanceOf(ConfigurationError);
    });

    const notFiles = [
      ['/dev/null', 'it is a device'],
      [tmpdir(), 'it is a directory'],
      [`${tmpdir()}/no such labels`, 'there is no such file'],
    ] as const;
    for (const [path, what] of notFiles) {
      it(`says of labels where ${what}`, async () => {
        const [problem] = await problemsOf([config], { labels: path });
        expect(problem).to.deep.equal({
          place: '--labels',
          path: '',
          message: `expected a file, got ${JSON.stringify(path)}: ${what}`,
        });
      });
    }

    it('compares nothing, and runs nothing, where either side is none', async () => {
      const typo = files.path('typo');
      const broken = files.write('broken.ndjson', 'nonsense\n');
      for (const paths of [
        [config, typo],
        [typo, config],
      ]) {
        const output = files.path('out');
        const [problem, ...others] = await problemsOf(paths, { diff: true, output });
        expect(others).to.deep.equal([]);
        expect(problem.message).to.match(/^expected a configuration, an output directory or a fil/);
        expect(existsSync(output)).to.equal(false);
      }
      const both = await problemsOf([typo, files.path('other')], { diff: true });
      expect(both.length).to.equal(2);
      const output = files.path('out');
      const error = await run([config, broken], { diff: true, output }).catch(
        (thrown: unknown) => thrown,
      );
      expect(String(error)).to.include('broken.ndjson:1: expected a finding');
      expect(existsSync(output)).to.equal(false);
    });

    it('refuses labels of days where the finding window is none', async () => {
      const text = readFileSync(config, 'utf8').replace('findingWindow: 1d', 'findingWindow: 1h');
      const hourly = files.write('network/hourly.yaml', text);
      const error = await run([hourly], { labels }).catch((thrown: unknown) => thrown);
      expect(String(error)).to.include('labels name the day of what they want');
    });
  });

  const usage = [
    [['a.yaml', 'b.yaml'], {}, /expected one configuration, got 2/],
    [['a.yaml'], {}, /a configuration is evaluated against --labels FILE, got none/],
    [[], { labels: 'labels.ndjson' }, /--labels and --thin are for a configuration/],
    [[], { thin: [10] }, /--labels and --thin are for a configuration/],
    [
      ['a', 'b'],
      { diff: true, thin: [10] },
      /--diff goes with none of --labels, --thin and --plot/,
    ],
    [[], { plot: 'recall.png' }, /--plot writes SVG: expected .* ends in \.svg, got "recall\.png"/],
    [['a.yaml'], { labels: 'l', plot: 'svg' }, /--plot writes SVG: .* got "svg"/],
    [['a.yaml'], { diff: true }, /--diff compares two configurations or output directories, got 1/],
  ] as const;
  for (const [paths, options, message] of usage) {
    it(`is not for ${JSON.stringify([paths, options])}: 2`, async () => {
      const { code, stdout, stderr } = await run(paths, options);
      expect(code).to.equal(2);
      expect(stdout).to.equal('');
      expect(stderr).to.match(message);
    });
  }

  it('names files that are not there, before anything runs', async () => {
    const config = files.write('flowsieve.yaml', 'customers: none.csv\n');
    mkdirSync(files.path('empty'));
    mkdirSync(files.path('empty.svg'));
    const cases = [
      [[config], { labels: files.path('none') }, 'customers'],
      [[files.path('none.yaml')], { labels: 'x' }, 'no such file'],
      [[], { plot: files.path('none/recall.svg') }, 'there is no folder'],
      [[], { plot: files.path('empty.svg') }, 'it is a directory'],
      [[files.path('empty'), config], { diff: true }, 'there is no such file'],
      [[files.path('none.ndjson'), config], { diff: true }, 'there is no such file'],
    ] as const;
    for (const [paths, options, message] of cases) {
      const error = await run(paths, options).catch((thrown: unknown) => thrown);
      expect(error, message).to.be.instanceOf(ConfigurationError);
      const told = JSON.stringify((error as ConfigurationError).problems);
      expect(told).to.include(message);
    }
  });
});
