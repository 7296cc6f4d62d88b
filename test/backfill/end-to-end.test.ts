import { spawn } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { generateNetwork } from '../../launch/generate/generate-network.js';
import { writeNetwork } from '../../launch/generate/write-network.js';
import { JobDirectory, NOW, type Ran } from '../end-to-end/job-directory.js';
import { HEADER } from './small-network.js';

const DAYS = ['2025-03-01', '2025-03-02', '2025-03-03'] as const;
const FLAGS = ['--from', '2025-03-01', '--to', '2025-03-04', '--as-of', 'now', '--now', NOW];

/** Kills of one backfill at moments of chance; one more comes as soon as a partition is judged. */
const KILLS = 3;

describe('flowsieve backfill', function () {
  this.timeout(300_000);
  const job = new JobDirectory();

  /** Three days of a generated network by day and hour, and what crosses midnight. */
  beforeEach(() => {
    const { directory } = job.files;
    const network = generateNetwork({
      seed: 11,
      flows: 1000,
      hours: 24,
      historyDays: [1, 2],
      instances: 1,
    });
    writeNetwork(directory, network);
    renameSync(job.files.path('flows'), job.files.path(`history-flows/${DAYS[2]}`));
    rmSync(job.files.path('history.yaml'));
    writeEdges(readFileSync(job.files.path('c2.txt'), 'utf8').trim().split('\n').at(-1) ?? '');
    const text = readFileSync(job.files.path('flowsieve.yaml'), 'utf8');
    const configure = (name: string, uri: string, suffix: string): void => {
      const changed = text
        .replace(/uri: "[^"]*", format/, `uri: "${uri}", format`)
        .replace(/^history: .*$/m, `history: history${suffix}`)
        .replace(/^output: .*$/m, `output: out${suffix}`);
      writeFileSync(job.files.path(name), changed);
    };
    configure('all.yaml', 'history-flows/*/*.csv', '-all');
    configure('backfill.yaml', 'history-flows/%F/*-%Y%m%dT%H.csv', '');
  });

  /** One conversation with a C2 server over midnight, the half of it in the wrong files. */
  function writeEdges(c2: string): void {
    const row = (end: string, port: number): string => {
      const endMs = Date.parse(end);
      return `${endMs - 2000},${endMs},198.18.1.77,${c2},${port},443,6,20,9000,24,1,edge-1\n`;
    };
    const file = (day: string, hour: string, ...rows: readonly string[]): void => {
      const folder = job.files.path(`history-flows/${day}`);
      mkdirSync(folder, { recursive: true });
      const name = `edge-1-${day.replaceAll('-', '')}T${hour}.csv`;
      writeFileSync(join(folder, name), `${HEADER}${rows.join('')}no flow of ${day}\n`);
    };
    const [first, second] = DAYS;
    file(first, '23', row(`${first}T23:59:59.999Z`, 50_000), row(`${second}T00:40:00Z`, 50_001));
    file(second, '00', row(`${second}T00:00:00.000Z`, 50_000), row(`${first}T23:30:00Z`, 50_002));
  }

  function outputs(directory: string): Record<string, string> {
    const { texts } = job.output(directory);
    const history = `history${directory.slice('out'.length)}`;
    const days = readdirSync(job.files.path(history)).map((name) => {
      return [name, readFileSync(join(job.files.path(history), name), 'latin1')] as const;
    });
    return { ...texts, ...Object.fromEntries(days) };
  }

  function expectEqual(found: Record<string, string>, wanted: Record<string, string>): void {
    expect(Object.keys(found).sort()).to.deep.equal(Object.keys(wanted).sort());
    for (const [name, text] of Object.entries(wanted)) {
      expect(found[name] === text, `${name} is the same`).to.equal(true);
    }
  }

  async function backfill(...flags: readonly string[]): Promise<Ran> {
    return await job.command('backfill', 'backfill.yaml', ...FLAGS, ...flags);
  }

  function startOver(): void {
    for (const name of ['out', 'history']) {
      rmSync(job.files.path(name), { recursive: true, force: true });
    }
  }

  it('gives the bytes of one run over all days, however it is run, stopped or killed', async () => {
    const run = await job.command('run', 'all.yaml', '--now', NOW);
    expect(run.code, run.stderr).to.equal(0);
    const wanted = outputs('out-all');
    const edges = job
      .output('out-all')
      .findings.filter(({ customerAddress, filter }) => {
        return customerAddress === '198.18.1.77' && filter === 'known-bad-remote';
      })
      .map(({ windowStart, conversations }) => `${windowStart.slice(0, 10)} ${conversations}`);
    expect(edges).to.deep.equal([`${DAYS[0]} 2`, `${DAYS[1]} 2`]);

    const listed = await backfill('--dry-run');
    expect(listed.code, listed.stderr).to.equal(0);
    expect(listed.stdout).to.match(
      /^2025-03-02 {2}from 2025-03-02T00.* to 2025-03-03T00.*, \d+ files/m,
    );
    expect(listed.stdout).to.match(/20250301T23\.csv {2}\(margin\)/);
    expect(readdirSync(job.files.directory)).not.to.include('out');

    const one = await backfill();
    expect(one.code, one.stderr).to.equal(0);
    expect(one.stderr).to.match(/^2025-03-03 +\d+ +[\d,]+ +\d+ {2}judged/m);
    expectEqual(outputs('out'), wanted);

    const again = await backfill('--parallel', '2');
    expect(again.stderr).to.match(/3 partitions: 3 unchanged/);
    expectEqual(outputs('out'), wanted);

    const [{ id }] = job.output('out').findings;
    const explained = await job.command('explain', 'out', id);
    expect(explained.stdout).to.include(id);

    startOver();
    const kills = await killedAtRandom();
    process.stdout.write(
      `      killed ${kills.join(', ')} ms after its start, and when one was judged\n`,
    );
    await killed((text) => text.includes('findings: done'));
    const two = await backfill('--parallel', '2');
    expect(two.code, two.stderr).to.equal(0);
    expectEqual(outputs('out'), wanted);
    expect(readdirSync(job.files.path('out/backfill')).sort()).to.deep.equal([
      'lock',
      'partitions',
    ]);
  });

  /** Kills backfills (SIGKILL) at moments of chance; gives when. */
  async function killedAtRandom(): Promise<number[]> {
    const moments: number[] = [];
    for (let kill = 0; kill < KILLS; kill++) {
      const moment = Math.round(500 + Math.random() * 4000);
      moments.push(moment);
      const began = performance.now();
      await killed(() => performance.now() - began > moment);
    }
    return moments;
  }

  /** Runs a backfill and kills it when it is time, by what it has printed. */
  async function killed(isTime: (text: string) => boolean): Promise<void> {
    const args = ['backfill', 'backfill.yaml', ...FLAGS, '--parallel', '2'];
    const cli = join(import.meta.dirname, '../../launch/cli.js');
    const child = spawn(process.execPath, [cli, ...args], {
      cwd: job.files.directory,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let text = '';
    child.stderr.setEncoding('utf8').on('data', (more: string) => (text += more));
    const ended = new Promise((done) => child.once('exit', done));
    while (child.exitCode === null && !isTime(text)) await sleep(10);
    child.kill('SIGKILL');
    await ended;
  }
});
