import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { JobDirectory, type Ran } from '../end-to-end/job-directory.js';
import { flow, NOW, SmallNetwork } from './small-network.js';

const CLI = join(import.meta.dirname, '../../launch/cli.js');
const DAYS = ['--from', '2026-01-01', '--to', '2026-01-04'];
const FLAGS = [...DAYS, '--as-of', 'now', '--now', NOW];

describe('the backfill command', function () {
  this.timeout(300_000);
  const job = new JobDirectory();
  const network = new SmallNetwork(job.files);

  beforeEach(() => {
    network.write();
    for (const day of [1, 2, 3]) network.hour(`2026010${day}12`, flow(`2026-01-0${day}T12:00:00Z`));
  });

  async function backfill(...flags: readonly string[]): Promise<Ran> {
    return await job.command('backfill', 'backfill.yaml', ...flags);
  }

  it('goes on when one of its processes is killed, and stops when it is asked to', async () => {
    const start = (): {
      child: ReturnType<typeof spawn>;
      ended: Promise<number | null>;
      text: () => string;
    } => {
      const child = spawn(process.execPath, [CLI, 'backfill', 'backfill.yaml', ...FLAGS], {
        cwd: job.files.directory,
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      let text = '';
      child.stderr.setEncoding('utf8').on('data', (more: string) => (text += more));
      const ended = new Promise<number | null>((done) => child.once('close', done));
      return { child, ended, text: () => text };
    };
    const stopped = start();
    while (!stopped.text().includes('history: done')) await sleep(20);
    stopped.child.kill('SIGTERM');
    expect(await stopped.ended).to.equal(1);
    expect(stopped.text()).to.match(/stopped; the same command goes on from here/);

    const disturbed = start();
    let worker: number | undefined;
    while (worker === undefined) {
      await sleep(20);
      worker = childrenOf(disturbed.child.pid ?? 0)[0];
    }
    process.kill(worker, 'SIGKILL');
    expect(await disturbed.ended, disturbed.text()).to.equal(0);
    expect(disturbed.text()).to.match(/its process.*; tried again in 2 s/);
    expect(disturbed.text()).to.match(/3 partitions: 3 judged/);
  });

  /** Processes that one has started (Linux). */
  function childrenOf(pid: number): number[] {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
    return text === '' ? [] : text.split(' ').map(Number);
  }

  it('says what is wrong before it does anything', async () => {
    const wrong = await job.command('backfill', 'all.yaml', ...DAYS);
    expect(wrong.code).to.equal(2);
    expect(wrong.stderr).to.match(/expected a path or glob with the date of its flows/);
    const none = await backfill(...DAYS);
    expect(none.code).to.equal(2);
    expect(none.stderr).to.match(/--as-of.*no snapshot in .* was published by 2026-01-02/);
    const every = await backfill(...FLAGS, '--every', '5h');
    expect(every.code).to.equal(2);
    expect(every.stderr).to.match(/--every: expected a multiple of finding windows \(1d\)/);
  });
});
