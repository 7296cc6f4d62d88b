import '../../beam/fn.js';
import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import type { PCollection, Root } from 'apache-beam';
import type { Pipeline } from 'apache-beam/proto/beam_runner_api';
import type { PipelineResult } from 'apache-beam/runners/runner';
import { impulse } from 'apache-beam/transforms/internal';
import { withName } from 'apache-beam/transforms/transform';
import { constant } from '../../beam/constant.js';
import { together } from '../../beam/together.js';
import { LocalRunner } from '../../launch/local/local-runner.js';
import { PortableRunner } from '../../launch/portable/portable-runner.js';
import { compileSnapshot } from '../../reference/compile.js';
import type { ManifestRef } from '../../reference/snapshot.js';
import { loadConfig } from '../../launch/config/config.js';
import { decode } from '../../transforms/decode.js';
import { established } from '../../transforms/established.js';
import { joinCustomers } from '../../transforms/join-customers.js';
import { orient } from '../../transforms/orient.js';
import { JobDirectory } from '../end-to-end/job-directory.js';
import { ENGINES, opened } from './engines.js';
import { tell } from './matrix-table.js';
import { messages, MODULES, tellShards } from './steps.js';

const MESSAGES = 100_000;
const PARAMS = { windowMs: 300_000, shards: 8, attempts: false };

/** Has the steps whose names begin with `second` run in a further worker process. */
class TwoProcesses extends PortableRunner {
  override runPipeline(pipeline: Pipeline): Promise<PipelineResult> {
    const { environments, transforms } = pipeline.components!;
    const [own] = Object.keys(environments);
    environments['second'] = structuredClone(environments[own]);
    for (const transform of Object.values(transforms)) {
      if (transform.uniqueName.startsWith('second') && transform.environmentId !== '') {
        transform.environmentId = 'second';
      }
    }
    return super.runPipeline(pipeline);
  }
}

describe('100,000 one-record messages', () => {
  const job = new JobDirectory();
  let reference: ManifestRef;

  beforeEach(async () => {
    job.files.write('customers.csv', 'customer,cidr\nlan,10.0.0.0/8\n');
    job.files.write('none.csv', '');
    const config = job.configure({
      customers: 'customers.csv',
      inputs: [{ uri: 'none.csv', format: 'csv' }],
      reference: { feeds: [], snapshot: 'snapshot/' },
      output: 'out',
    });
    const loaded = await loadConfig(config, {});
    if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
    const { spec, snapshot } = loaded.config.reference;
    const { version } = await compileSnapshot(spec, snapshot);
    reference = { version, directory: snapshot };
  });

  function graph(path: string): (root: Root) => void {
    return (root) => {
      const start = root.apply(
        withName('start', impulse() as never),
      ) as unknown as PCollection<Uint8Array>;
      const side = constant(start, 'reference', reference);
      const flows = ['first', 'second'].map((name, i) => {
        const params = { from: (i * MESSAGES) / 2, count: MESSAGES / 2 };
        const named = (_start: PCollection<unknown>): PCollection<never> => {
          const { flows: decoded } = decode(messages(constant(_start, 'made', params)));
          return joinCustomers(established(orient(decoded)), side);
        };
        const joined: unknown = start.apply(withName(name, named) as never);
        return joined as PCollection<never>;
      });
      tellShards(together('flows', flows), PARAMS, path);
    };
  }

  for (const installed of ENGINES) {
    it(`the same (window, shard)s from two processes of ${installed.name} as from one here`, async function () {
      const engine = opened(this, installed);
      const paths = { local: job.files.path('local'), engine: job.files.path('engine') };
      await new LocalRunner().run(graph(paths.local));
      const endpoint = await engine.start();
      try {
        const runner = new TwoProcesses({
          endpoint,
          workers: { kind: 'here' },
          jobName: 'shards',
          modules: MODULES,
          ...engine.options,
        });
        await runner.run(graph(paths.engine));
      } finally {
        await engine.stop();
      }
      const local = shardsIn(paths.local);
      const lines = shardsIn(paths.engine);
      told(local, 'local', true);
      told(lines, `${installed.name}, 2 processes`, lines.join() === local.join());
      expect(rowsOf(local)).to.equal(MESSAGES);
      expect(local.length).to.equal(6 * PARAMS.shards);
      expect(lines).to.deep.equal(local);
    });
  }
});

function shardsIn(path: string): string[] {
  const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
  // Without the pane, which engines may call on time or not.
  return lines.map((line) => line.split(' ').slice(0, 6).join(' ')).sort();
}

function rowsOf(lines: readonly string[]): number {
  return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
}

function told(lines: readonly string[], on: string, same: boolean): void {
  const kept = `${rowsOf(lines)} rows`;
  tell('one-record messages', on, { in: MESSAGES, kept, out: `${lines.length} shards` }, same);
}
