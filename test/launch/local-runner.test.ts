import { expect } from 'chai';
import { Pipeline } from 'apache-beam/proto/beam_runner_api';
import { planPipeline } from '../../launch/local/plan.js';
import { buildPipeline, type JobSpec } from '../../pipeline/pipeline.js';
import { FILTERS } from '../../filters/filters.js';
import { planFilters } from '../../filters/policies.js';
import type { PCollection } from 'apache-beam';
import { withName } from 'apache-beam/transforms/transform';
import { impulse } from 'apache-beam/transforms/internal';
import { suppress } from '../../transforms/suppress.js';
import { create, protoOf } from '../beam/run-graph.js';

const { plan } = planFilters({ 'sanctioned-country': { countries: ['KP'] } }, undefined, FILTERS);
const SPEC: JobSpec = {
  inputs: [
    {
      name: 'a.csv',
      uri: 'a.csv',
      format: 'auto',
      sensor: '',
      samplingRate: 0,
      unknownFlags: 'drop',
    },
  ],
  rangeBytes: 1 << 20,
  windowMs: 300_000,
  findingWindowMs: 86_400_000,
  shards: 4,
  filters: plan,
  reference: { version: 'v', directory: 'd' },
  suppressions: [],
  nowMs: 0,
  findingsPath: 'findings.ndjson',
  rejectsPath: 'rejects.ndjson',
};

describe('the whole graph', () => {
  const proto = (): Promise<Pipeline> => protoOf((root) => buildPipeline(root, SPEC));

  it('stays small on the wire: side inputs carry no graph', async () => {
    expect(Pipeline.toBinary(await proto()).length).to.be.below(200_000);
  });

  it('is cut into stages, each after all that it needs', async () => {
    const { stages, groupings, components } = planPipeline(await proto());
    expect(stages.length).to.equal(groupings.size + 1);
    const done = new Set<string>();
    const ready = new Set<string>();
    stages.forEach((stage, place) => {
      if (place > 0) {
        const feeders = stages.filter(({ feeds }) => feeds.includes(stage.root));
        for (const { root } of feeders) expect(done.has(root), stage.name).to.equal(true);
        expect(feeders.length, stage.name).to.be.above(0);
      }
      for (const id of stage.transforms) {
        for (const [tag, collection] of Object.entries(components.transforms[id].inputs)) {
          if (tag.startsWith('side.')) expect(ready.has(collection), `${id} ${tag}`).to.equal(true);
        }
      }
      for (const collection of stage.sideOutputs) ready.add(collection);
      done.add(stage.root);
    });
  });

  it('folds every grouping but the reshuffle while values arrive', async () => {
    const folds = [...planPipeline(await proto()).groupings.values()].map(
      ({ fold }) => fold?.fold ?? 'none',
    );
    expect(folds.sort()).to.deep.equal([
      'flowsieve/conversations',
      'flowsieve/findings',
      'flowsieve/keep-rejects',
      'flowsieve/write',
      'flowsieve/write',
      'none',
    ]);
  });
});

describe('planPipeline', () => {
  it('refuses a step that reads a side input of its own stage, by its name', async () => {
    const pipeline = await protoOf((root) => {
      const start = root.apply(
        withName('start', impulse() as never),
      ) as unknown as PCollection<unknown>;
      const side = create(start, 'side', [1]) as never;
      suppress(create(start, 'main', [2]), side, 0);
    });
    expect(() => planPipeline(pipeline)).to.throw(
      'step suppress reads a side input of its own stage: reshuffle its main input',
    );
  });
});
