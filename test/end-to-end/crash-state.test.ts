import { expect } from 'chai';
import { cpSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { Random } from '../../launch/generate/random.js';
import { TemporaryFiles } from '../launch/temporary-files.js';
import { crashNetwork, expectFinalSet, GrowingFiles, type CrashNetwork } from './crash-network.js';
import { StreamingJob, until, type Ended, type Settings } from './streaming-job.js';

/** How many times the state is damaged; 50 take some minutes. */
const DAMAGES = Number(process.env['FLOWSIEVE_DAMAGES'] ?? 10);

const SEED = Number(process.env['FLOWSIEVE_SEED'] ?? 1);

const STREAMING = {
  disorder: '10m',
  allowedLateness: '40m',
  idle: '1d',
  earlyFirings: '1s',
  lookback: '0s',
};

/** What a start on a damaged state came to. */
type Outcome = 'resumed whole' | 'said, went on' | 'refused';

describe('the state of a streaming job', function () {
  this.timeout(1_800_000);
  const files = new TemporaryFiles();
  const jobs: StreamingJob[] = [];

  afterEach(async () => {
    for (const job of jobs.splice(0)) await job.kill();
  });

  function jobOf(settings: Settings, more: Settings = {}, name = 'streaming'): StreamingJob {
    const job = new StreamingJob(
      files.directory,
      { ...settings, inputs: [{ uri: 'flows/', format: 'csv' }], streaming: STREAMING, ...more },
      { name },
    );
    jobs.push(job);
    return job;
  }

  /** Whom a job has heard of it waits for; who comes later than the others could be too late. */
  async function allSensors(
    job: StreamingJob,
    { sensors }: CrashNetwork['network'],
  ): Promise<void> {
    await until('all sensors', async () => {
      return ((await job.metric('flowsieve_records_total')) ?? 0) >= sensors.length;
    });
  }

  /** Starts it, lets it take in `steps` steps, and kills it. */
  async function cutShort(
    job: StreamingJob,
    { network }: CrashNetwork,
    steps = 30,
  ): Promise<GrowingFiles> {
    const growing = new GrowingFiles(files.path('flows'), network.rows(), 40);
    await job.start();
    await allSensors(job, network);
    for (let step = 0; step < steps; step++) growing.grow();
    const half = [...network.rows()].length / 2;
    await until('half of the records', async () => {
      return ((await job.metric('flowsieve_records_total')) ?? 0) >= half;
    });
    await until('a finding', async () => (await job.findings()).size > 0);
    await job.kill();
    while (growing.grow());
    return growing;
  }

  it('is whole, or its damage is told, or it is refused: never a silent difference', async () => {
    const whole = await crashNetwork(files.directory, { flows: 1500, hours: 3 });
    const first = jobOf(whole.settings);
    await cutShort(first, whole);
    cpSync(first.state, files.path('saved-state'), { recursive: true });
    cpSync(first.output, files.path('saved-out'), { recursive: true });
    const records = [...whole.network.rows()].length;

    const random = new Random(SEED, 9);
    const counts = new Map<string, number>();
    const told = new Set<string>();
    for (let damage = 0; damage < DAMAGES; damage++) {
      for (const [path, saved] of [
        [first.state, 'saved-state'],
        [first.output, 'saved-out'],
      ] as const) {
        rmSync(path, { recursive: true });
        cpSync(files.path(saved), path, { recursive: true });
      }
      const what = damageOne(first.state, random);
      const outcome = await resumed(first, records);
      const key = `${outcome.kind}: ${basename(what.path).replace(/\d+/, 'N')}`;
      counts.set(key, (counts.get(key) ?? 0) + 1);
      const about = `${what.how} of ${what.path}: ${outcome.stderr}`;
      if (outcome.kind === 'refused') {
        expect(outcome.stderr, about).to.include(first.state);
      } else if (outcome.kind === 'resumed whole') {
        await expectFinalSet(first, whole.expected).catch((error: unknown) => {
          throw new Error(`silent difference after ${about}`, { cause: error });
        });
      }
      for (const line of outcome.said) told.add(line.replace(/\d[\d.T:Z-]*/g, 'N'));
    }
    for (const [key, count] of counts) process.stdout.write(`      ${count} x ${key}\n`);
    if (DAMAGES > 10) for (const line of told) process.stdout.write(`      said: ${line}\n`);
  });

  /** Starts on what is there, takes in the rest and drains. */
  async function resumed(
    job: StreamingJob,
    records: number,
  ): Promise<{ kind: Outcome; stderr: string; said: readonly string[] }> {
    const said = (stderr: string): string[] =>
      stderr.split('\n').filter((line) => line.includes(job.state));
    try {
      await job.start();
    } catch (error) {
      const stderr = (error as Error).message;
      await job.kill();
      return { kind: 'refused', stderr, said: said(stderr) };
    }
    const about = (stderr: string): string[] =>
      said(stderr).filter((line) => !line.startsWith('flowsieve runs; '));
    const lost = about(job.stderr).length > 0;
    if (!lost) {
      await until('all records', async () => {
        return ((await job.metric('flowsieve_records_total')) ?? 0) >= records;
      });
    }
    const { stderr } = await job.stop();
    await job.drain();
    const lines = about(stderr).filter((line) => !line.startsWith('findings in '));
    return { kind: lost ? 'said, went on' : 'resumed whole', stderr, said: lines };
  }

  it('belongs to one process, and to one setting of windows until it is drained', async () => {
    const whole = await crashNetwork(files.directory, { flows: 1500, hours: 1 });
    const job = jobOf(whole.settings);
    const second = jobOf(
      whole.settings,
      { streaming: { ...STREAMING, state: 'streaming-state' } },
      'second',
    );
    const growing = new GrowingFiles(files.path('flows'), whole.network.rows(), 4);
    await job.start();
    await allSensors(job, whole.network);
    while (growing.left > 2) growing.grow();
    await until('an open window', async () => {
      return ((await job.metric('flowsieve_records_total')) ?? 0) > 100;
    });
    const refused = await endedOf(second);
    expect(refused.code).to.equal(1);
    expect(refused.stderr).to.include(`${job.state}/store: in use by another process`);
    while (growing.grow());
    const records = [...whole.network.rows()].length;
    await until('all records', async () => {
      return ((await job.metric('flowsieve_records_total')) ?? 0) >= records;
    });
    await job.stop();

    const other = jobOf(
      whole.settings,
      {
        window: '10m',
        streaming: { ...STREAMING, state: 'streaming-state' },
      },
      'other',
    );
    const changed = await endedOf(other);
    expect(changed.code).to.be.oneOf([1, 2]);
    expect(changed.stderr).to.match(
      /the state was begun with window 300000, not 600000: close its windows with --drain under the old setting/,
    );
    await job.drain();
    await expectFinalSet(job, whole.expected);
    await other.start();
    await other.stop();
  });

  async function endedOf(job: StreamingJob): Promise<Ended> {
    const message = await job.start().then(
      () => '',
      (error: unknown) => (error as Error).message,
    );
    expect(message, 'it started').not.to.equal('');
    return job.ended();
  }
});

/** Flips a bit of a file of the state, or cuts its end off. */
function damageOne(directory: string, random: Random): { path: string; how: string } {
  const paths = readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => !path.includes('/lock/') && statSync(path).size > 0)
    .sort();
  // LevelDB's own log of what it did, which nobody reads, is left in: it must not matter.
  const path = paths[Math.floor(random.float() * paths.length)];
  const bytes = readFileSync(path);
  const at = Math.floor(random.float() * bytes.length);
  if (random.chance(0.6)) {
    bytes[at] ^= 1 << Math.floor(random.float() * 8);
    writeFileSync(path, bytes);
    return { path, how: `flip in byte ${at} of ${bytes.length}` };
  }
  writeFileSync(path, bytes.subarray(0, at));
  return { path, how: `cut after byte ${at} of ${bytes.length}` };
}
