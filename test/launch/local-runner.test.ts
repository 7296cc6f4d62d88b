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
  noticesPath: 'notices.ndjson',
  history: 'history',
  stream: null,
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

  it('folds every grouping but the reshuffles while values arrive', async () => {
    const { groupings, components } = planPipeline(await proto());
    const kept = [...groupings.values()]
      .filter(({ fold }) => fold === undefined)
      .map(({ id }) => components.transforms[id].uniqueName);
    expect(kept.sort()).to.deep.equal(['spread days/group', 'spread ranges/group']);
  });

  it('works without a history', async () => {
    const without = await protoOf((root) => {
      buildPipeline(root, { ...SPEC, history: null });
    });
    const names = Object.values(without.components?.transforms ?? {}).map((t) => t.uniqueName);
    expect(names).to.include('detect unpublicized-remote');
    expect(names.filter((name) => name.includes('judge'))).to.deep.equal([]);
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
