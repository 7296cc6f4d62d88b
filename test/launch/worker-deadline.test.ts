import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect } from 'chai';
import { WORKER_DEADLINE_MS, WorkerDeadline } from '../../launch/portable/worker-deadline.js';
import { TemporaryFiles } from './temporary-files.js';

describe('worker deadline', () => {
  const files = new TemporaryFiles();
  let now = 0;
  const deadline = (): WorkerDeadline => new WorkerDeadline(files.directory, () => now);

  beforeEach(() => {
    now = 0;
  });

  it('gives a worker a minute to start', () => {
    const watched = deadline();
    now = WORKER_DEADLINE_MS - 1;
    expect(watched.problem(false)).to.equal(undefined);
    now = WORKER_DEADLINE_MS;
    expect(watched.problem(false)).to.match(/^no worker has started for 60 s/);
  });

  it('says soon why a worker could not start', () => {
    const watched = deadline();
    files.write('77.failed', 'the module x cannot be loaded');
    expect(watched.problem(false)).to.equal(undefined);
    now = 6000;
    expect(watched.problem(false)).to.equal('no worker runs: the module x cannot be loaded');
  });

  it('has patience while a worker runs, and none for long once it was killed', async () => {
    const worker = spawn('sleep', ['60']);
    files.write(`${worker.pid ?? 0}.connected`, '');
    const watched = deadline();
    now = 10 * WORKER_DEADLINE_MS;
    expect(watched.problem(false)).to.equal(undefined);
    worker.kill('SIGKILL');
    await once(worker, 'exit');
    now += WORKER_DEADLINE_MS;
    expect(watched.problem(false)).to.match(/^no worker runs any more/);
  });

  it('takes counters for life where it cannot see the workers', () => {
    const watched = new WorkerDeadline(undefined, () => now);
    now = WORKER_DEADLINE_MS;
    expect(watched.problem(true)).to.equal(undefined);
    expect(watched.problem(false)).to.match(/no worker has started/);
  });
});
