import '../../beam/fn.js';
import { expect } from 'chai';
import { OutputTime_Enum, type Pipeline } from 'apache-beam/proto/beam_runner_api';
import { JobState_Enum } from 'apache-beam/proto/beam_job_api';
import { PipelineResult, Runner } from 'apache-beam/runners/runner';
import type { PCollection } from 'apache-beam';
import { groupByKey } from 'apache-beam/transforms/internal';
import { withName } from 'apache-beam/transforms/transform';
import { jsonCoder, keyedCoder } from '../../beam/coders.js';
import { keepEarliestTimes } from '../../beam/earliest-times.js';
import { applyFn } from '../../beam/fn.js';
import { reshuffle } from '../../beam/reshuffle.js';
import { always } from '../../beam/triggers.js';
import { windowInto, type Firing } from '../../beam/windows.js';
import { create, runGraph, type Graph } from './run-graph.js';

/** Takes the proto of a graph and runs nothing. */
class ProtoRunner extends Runner {
  proto: Pipeline | undefined;

  override runPipeline(pipeline: Pipeline): Promise<PipelineResult> {
    this.proto = pipeline;
    return Promise.resolve(
      Object.assign(new PipelineResult(), {
        waitUntilFinish: () => Promise.resolve(JobState_Enum.DONE),
        counters: () => Promise.resolve({}),
      }),
    );
  }
}

/** Times of what comes out of each GroupByKey, by name, as an engine is told. */
async function outputTimes(graph: Graph): Promise<Record<string, string>> {
  const runner = new ProtoRunner();
  await runGraph(runner, graph);
  keepEarliestTimes(runner.proto!);
  const { transforms, pcollections, windowingStrategies } = runner.proto!.components!;
  const grouping = Object.values(transforms).filter(
    ({ spec }) => spec?.urn === 'beam:transform:group_by_key:v1',
  );
  return Object.fromEntries(
    grouping.map(({ uniqueName, inputs, outputs }) => {
      const strategies = [...Object.values(inputs), ...Object.values(outputs)].map(
        (id) => windowingStrategies[pcollections[id].windowingStrategyId],
      );
      const [time, other] = strategies.map(({ outputTime }) => OutputTime_Enum[outputTime]);
      expect(time).to.equal(other);
      return [uniqueName, time];
    }),
  );
}

function grouped(start: PCollection<unknown>, sizeMs: number | null, firing?: Firing): void {
  const keyed = applyFn(create(start, 'made', [{ key: 'k', value: 1 }]), {
    name: 'keyed',
    fn: 'test/create',
    params: [{ key: 'k', value: 1 }],
    outputs: { out: keyedCoder(jsonCoder) },
  })['out'] as PCollection<unknown>;
  const windowed = windowInto(keyed, 'windows', sizeMs, firing);
  windowed.apply(withName('group', groupByKey() as never));
}

describe('times of groups on engines', () => {
  it('are the earliest in the global window', async () => {
    const times = await outputTimes((start) => {
      reshuffle(create(start, 'made', [1]), 'spread');
    });
    expect(Object.values(times)).to.deep.equal(['EARLIEST_IN_PANE']);
  });

  it('stay the ends of other windows', async () => {
    const times = await outputTimes((start) => {
      grouped(start, 60_000);
    });
    expect(times).to.deep.equal({ group: 'END_OF_WINDOW' });
  });

  it('stay as they are where a trigger fires', async () => {
    const firing: Firing = {
      trigger: always(),
      allowedLatenessMs: 0,
      accumulating: false,
      closing: 'if-nonempty',
    };
    const times = await outputTimes((start) => {
      grouped(start, null, firing);
    });
    expect(times).to.deep.equal({ group: 'END_OF_WINDOW' });
  });
});
