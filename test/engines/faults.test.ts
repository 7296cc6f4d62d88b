import '../../beam/fn.js';
import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import type { PCollection, Root } from 'apache-beam';
import { impulse } from 'apache-beam/transforms/internal';
import { withName } from 'apache-beam/transforms/transform';
import { jsonCoder } from '../../beam/coders.js';
import { applyFn } from '../../beam/fn.js';
import { reshuffle } from '../../beam/reshuffle.js';
import { generateNetwork } from '../../launch/generate/generate-network.js';
import { writeNetwork } from '../../launch/generate/write-network.js';
import { PortableRunner, type PortableOptions } from '../../launch/portable/portable-runner.js';
import { JobDirectory } from '../end-to-end/job-directory.js';
import type { Engine } from './engine.js';
import { ENGINES, opened } from './engines.js';
import { large, MODULES, tellLines } from './steps.js';

type Graph = (start: PCollection<unknown>) => void;

function rooted(graph: Graph): (root: Root) => void {
  return (root) => {
    graph(root.apply(withName('start', impulse() as never)) as unknown as PCollection<unknown>);
  };
}

/** A step without outputs that anybody reads. */
function ending(fn: string): Graph {
  return (start) => {
    applyFn(start, { name: fn, fn, params: null, outputs: { none: jsonCoder } });
  };
}

/** Why it failed: the error's message and that of its cause. */
async function failureOf(running: Promise<unknown>): Promise<string> {
  const error: unknown = await running.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof Error)) throw new Error('it did not fail');
  return `${error.message}: ${error.cause instanceof Error ? error.cause.message : ''}`;
}

for (const installed of ENGINES) {
  describe(`much data and faults on ${installed.name}`, () => {
    const job = new JobDirectory();
    let engine: Engine;
    let endpoint: string;

    beforeEach(async function () {
      engine = opened(this, installed);
      endpoint = await engine.start();
    });

    afterEach(() => engine.stop());

    function run(graph: Graph, options: Partial<PortableOptions> = {}): Promise<unknown> {
      const runner = new PortableRunner({
        endpoint,
        workers: { kind: 'here' },
        jobName: 'faults',
        modules: MODULES,
        ...engine.options,
        ...options,
      });
      return runner.run(rooted(graph));
    }

    it('a side input of 20 MB, read for each element', async () => {
      const path = job.files.path('told');
      await run((start) => {
        const side = large(start, 'side', { count: 200, size: 100_000 });
        const main = reshuffle(large(start, 'main', { count: 3, size: 10 }), 'spread');
        const { out } = applyFn(main, {
          name: 'measure',
          fn: 'engine-test/measure',
          params: null,
          sides: { texts: side },
          outputs: { out: jsonCoder },
        });
        tellLines(out, path);
      });
      const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
      expect(lines.length).to.equal(3);
      for (const line of lines) expect(line).to.match(/^10 beside 200 of 20000000 /);
    });

    it('a bundle that emits 20 MB, to the element', async () => {
      const path = job.files.path('told');
      await run((start) => {
        tellLines(reshuffle(large(start, 'large', { count: 2000, size: 10_000 }), 'spread'), path);
      });
      const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
      expect(lines.length).to.equal(2000);
      expect(lines.every((line) => line.startsWith('x'.repeat(10_000)))).to.equal(true);
    });

    it('a step that throws fails the job, and its error is told', async () => {
      expect(await failureOf(run(ending('engine-test/fail')))).to.include('this step always fails');
    });

    it('a worker that cannot start fails the job within a minute', async () => {
      const began = performance.now();
      const failure = await failureOf(
        run(ending('engine-test/fail'), { modules: ['/nowhere/steps.js'] }),
      );
      expect(failure).to.include('/nowhere/steps.js');
      expect(performance.now() - began).to.be.lessThan(60_000);
    });

    it('an interrupt cancels the job', async () => {
      const interrupted = new AbortController();
      const running = failureOf(run(ending('engine-test/hang'), { cancelled: interrupted.signal }));
      while (engine.workers().length === 0) await sleep(100);
      await sleep(1000);
      interrupted.abort();
      expect(await running).to.include('it was interrupted');
    });

    it('a worker that is killed changes no finding: the job fails or gives the same', async () => {
      writeNetwork(
        job.files.directory,
        generateNetwork({ seed: 3, flows: 5000, hours: 24, historyDays: [] }),
      );
      const local = await job.run({ output: 'local' });
      const portable = { endpoint, workers: { kind: 'here' }, jobName: 'killed' } as const;
      const again = (): ReturnType<typeof job.run> =>
        job.run({
          output: 'engine',
          runner: 'portable',
          portable: { ...portable, ...engine.options },
        });
      const running = again().then(
        () => undefined,
        (reason: unknown) => reason,
      );
      while (engine.workers().length === 0) await sleep(50);
      await sleep(1500 + Math.random() * 4000);
      for (const pid of engine.workers()) process.kill(pid, 'SIGKILL');
      const error = await running;
      if (error !== undefined) {
        process.stdout.write(`      ${(error as Error).message}\n`);
        const path = job.files.path('engine/findings.ndjson');
        if (existsSync(path)) expect(readFileSync(path, 'utf8')).to.equal(local.texts.findings);
      }
      expect((await again()).texts).to.deep.equal(local.texts);
    });
  });
}
