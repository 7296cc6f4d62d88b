import '../../beam/operators.js';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import {
  ParDoPayload,
  PubSubReadPayload,
  PubSubWritePayload,
  type Pipeline,
} from 'apache-beam/proto/beam_runner_api';
import { FILTERS } from '../../filters/filters.js';
import { loadConfig } from '../../launch/config/config.js';
import { prepareJob } from '../../launch/dataflow/prepare-job.js';
import { graphSteps } from '../../launch/deploy/graph-steps.js';
import { Cloud } from './cloud.js';

/** What an engine of Beam's model knows. */
const STANDARD = new Set([
  'beam:transform:impulse:v1',
  'beam:transform:pardo:v1',
  'beam:transform:flatten:v1',
  'beam:transform:group_by_key:v1',
  'beam:transform:pubsub_read:v1',
  'beam:transform:pubsub_write:v1',
]);

describe('graph for Dataflow', () => {
  const cloud = new Cloud();

  async function pipeline(streaming: boolean, changes = {}): Promise<Pipeline> {
    const filters = Object.fromEntries(FILTERS.map(({ id }) => [id, {}]));
    const all = {
      filters: { ...filters, 'sanctioned-country': { countries: ['KP'] } },
      ...changes,
    };
    const path = streaming ? cloud.streamingConfig(all) : cloud.config(all);
    const loaded = await loadConfig(path, { streaming, dataflow: {} });
    if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
    return (await prepareJob(loaded.config, { streaming, dryRun: true })).pipeline.proto;
  }

  for (const streaming of [true, false]) {
    const kind = streaming ? 'streaming' : 'batch';

    it(`${kind}: engines know every step, and run ours in the image`, async () => {
      const { components } = await pipeline(streaming);
      for (const step of Object.values(components!.transforms)) {
        if (step.subtransforms.length > 0) continue;
        expect([...STANDARD], step.uniqueName).to.include(step.spec?.urn);
        const ours = step.spec?.urn === 'beam:transform:pardo:v1';
        if (ours) expect(step.environmentId, step.uniqueName).to.equal('jsEnvironment');
      }
    });

    // What a running job keeps is found again by these names: change one, and the next deployment
    // needs --rename, or drains.
    it(`${kind}: the names of its steps are the contract in ${kind}-steps.txt`, async () => {
      const file = join('test', 'dataflow', `${kind}-steps.txt`);
      const steps = [...graphSteps(await pipeline(streaming)).values()];
      const text = steps
        .map(({ name, keeps }) => `${name}\t${keeps}\n`)
        .sort()
        .join('');
      if (process.env['UPDATE_STEPS'] === '1') writeFileSync(file, text);
      expect(text).to.equal(readFileSync(file, 'utf8'));
    });
  }

  it('streaming: no step has a side input that a replaced job would leave stale', async () => {
    const pipelines = [await pipeline(true), await pipeline(true, { history: false })];
    const steps = pipelines.flatMap(({ components }) => Object.values(components!.transforms));
    for (const { spec, uniqueName } of steps) {
      if (spec?.urn !== 'beam:transform:pardo:v1') continue;
      const { sideInputs, doFn } = ParDoPayload.fromBinary(spec.payload);
      expect(Object.keys(sideInputs), uniqueName).to.deep.equal([]);
      const { fixed } = JSON.parse(Buffer.from(doFn!.payload).toString()) as { fixed?: object };
      if (uniqueName === 'join customers') expect(fixed).to.have.property('side.reference');
    }
  });

  it('streaming: Pub/Sub is read and written by the engine', async () => {
    const { components } = await pipeline(true);
    const steps = Object.values(components!.transforms);
    const read = steps.find(({ spec }) => spec?.urn === 'beam:transform:pubsub_read:v1');
    expect(PubSubReadPayload.fromBinary(read!.spec!.payload)).to.include({
      subscription: 'projects/fake-proj/subscriptions/flows',
      timestampAttribute: 'first',
      withAttributes: true,
    });
    const write = steps.find(({ spec }) => spec?.urn === 'beam:transform:pubsub_write:v1');
    expect(PubSubWritePayload.fromBinary(write!.spec!.payload).topic).to.equal(
      'projects/fake-proj/topics/findings',
    );
    const [input] = Object.values(write!.inputs);
    const coder = components!.coders[components!.pcollections[input].coderId];
    expect(coder.spec?.urn).to.equal('beam:coder:bytes:v1');
  });

  it('streaming: the order of inputs and sinks changes no name', async () => {
    const uri = (name: string): string => `pubsub://projects/fake-proj/subscriptions/${name}`;
    const inputs = ['one', 'two'].map((name) => ({ uri: uri(name), format: 'csv' }));
    const names = async (list: object[]): Promise<string[]> =>
      [...graphSteps(await pipeline(true, { inputs: list })).keys()].sort();
    expect(await names(inputs)).to.deep.equal(await names([...inputs].reverse()));
  });
});
