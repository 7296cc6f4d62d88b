import { expect } from 'chai';
import '../../beam/operators.js';
import { Pipeline as ProtoPipeline, ParDoPayload } from 'apache-beam/proto/beam_runner_api';
import type { Trigger } from 'apache-beam/proto/beam_runner_api';
import { fireOnce } from '../../beam/once-triggers.js';
import { afterDelay, atEndOfWindow, backingOff, never, repeatedly } from '../../beam/triggers.js';
import { loadConfig } from '../../launch/config/config.js';
import { pipelineFile } from '../../launch/dataflow/pipeline-proto.js';
import { engineStreamingSpec } from '../../launch/streaming-spec.js';
import { buildPipeline } from '../../pipeline/pipeline.js';
import { TemporaryFiles } from '../launch/temporary-files.js';

function pipelineOf(components: object): ProtoPipeline {
  const empty = { coders: {}, pcollections: {}, environments: {}, transforms: {} };
  return ProtoPipeline.create({
    components: { windowingStrategies: {}, ...empty, ...components },
  });
}

function triggerAfter(trigger: Trigger): Trigger | undefined {
  const pipeline = pipelineOf({ windowingStrategies: { w: { trigger } } });
  fireOnce(pipeline);
  return pipeline.components?.windowingStrategies['w'].trigger;
}

describe('a graph made ready for an engine', () => {
  it('has early and late firings that fire once, as Java wants them', () => {
    const early = afterDelay(5000);
    expect(triggerAfter(atEndOfWindow(repeatedly(early), repeatedly(early)))).to.deep.equal(
      atEndOfWindow(early, early),
    );
    expect(triggerAfter(atEndOfWindow(backingOff(1000, 8000), undefined))).to.deep.equal(
      atEndOfWindow(afterDelay(1000), undefined),
    );
    expect(triggerAfter(never())).to.deep.equal(never());
  });

  describe('without an end', () => {
    const files = new TemporaryFiles();
    const reference = { version: 'v1', directory: '/snapshots' };

    async function pipelineWith(history: string): Promise<ProtoPipeline> {
      files.write('customers.csv', 'customer,cidr\nacme,192.0.2.0/24\n');
      const lines = [
        'customers: customers.csv',
        "inputs: [{ uri: 'kafka://a:9092/flows' }]",
        "sinks: ['kafka://a:9092/findings']",
        'filters: { sanctioned-country: { countries: [KP] } }',
        `history: ${history}`,
      ];
      const path = files.write('flowsieve.yaml', `${lines.join('\n')}\n`);
      const loaded = await loadConfig(path, { streaming: true, engine: 'portable' });
      if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
      const spec = await engineStreamingSpec(loaded.config, reference);
      const { proto } = await pipelineFile((root) => {
        buildPipeline(root, spec);
      }, 'image');
      return proto;
    }

    // Flink could take no checkpoint.
    for (const history of ['past', 'false']) {
      it(`has no side inputs, steps carry what they look up (history: ${history})`, async () => {
        const { components } = await pipelineWith(history);
        let carried: unknown;
        for (const { spec, uniqueName } of Object.values(components?.transforms ?? {})) {
          if (spec?.urn !== 'beam:transform:pardo:v1') continue;
          const { sideInputs, doFn } = ParDoPayload.fromBinary(spec.payload);
          expect(Object.keys(sideInputs), uniqueName).to.deep.equal([]);
          if (uniqueName !== 'join customers') continue;
          carried = JSON.parse(Buffer.from(doFn?.payload ?? []).toString());
        }
        expect(carried).to.have.deep.property('fixed', { 'side.reference': reference });
      });
    }
  });
});
