/**
 * Breaks fusion: what follows runs in bundles of its own, spread over workers.
 *
 * The SDK's `create` reshuffles by its general object coder and lost its output on Prism when
 * timestamps followed; this one groups JSON values by their text.
 */
import { jsonCoder, keyedCoder } from './coders.js';
import { applyFn, registerFn } from './fn.js';
import type { PCollection } from 'apache-beam';
import { OutputTime_Enum } from 'apache-beam/proto/beam_runner_api';
import { createWindowingStrategyProto } from 'apache-beam/transforms/window';
import { globalWindows } from 'apache-beam/transforms/windowings';
import { withName } from 'apache-beam/transforms/transform';
import { groupByKey } from 'apache-beam/transforms/internal';

registerFn<null, unknown>('flowsieve/key-by-text', (_params, context) => ({
  process(value): void {
    context.emit('out', { key: JSON.stringify(value), value });
  },
}));

registerFn<null, { value: Iterable<unknown> }>('flowsieve/ungroup', (_params, context) => ({
  async process({ value }): Promise<void> {
    for (const item of value) await context.send('out', item);
  },
}));

/**
 * The same JSON values, in the global window, spread. Equal values stay as many as they are.
 *
 * They keep the earliest of their times: by default a group's time is the end of its window, here
 * the end of time, and whatever is given an earlier time after it is late. Prism drops it, and the
 * job is DONE without it.
 */
export function reshuffle<T>(input: PCollection<T>, name: string): PCollection<T> {
  const { pipeline } = input;
  const strategy = createWindowingStrategyProto(pipeline, globalWindows() as never);
  strategy.outputTime = OutputTime_Enum.EARLIEST_IN_PANE;
  const { out: keyed } = applyFn(input, {
    name: `${name}/key`,
    fn: 'flowsieve/key-by-text',
    params: null,
    outputs: { out: keyedCoder(jsonCoder) },
    windowingStrategyId: pipeline.context.getWindowingStrategyId(strategy),
  });
  const grouped = keyed.apply(withName(`${name}/group`, groupByKey() as never)) as PCollection<T>;
  return applyFn(grouped, {
    name: `${name}/ungroup`,
    fn: 'flowsieve/ungroup',
    params: null,
    outputs: { out: jsonCoder },
    // As it came: collections that are flattened must agree in this too.
    windowingStrategyId: pipeline.getProto().components?.pcollections[input.getId()]
      ?.windowingStrategyId as string,
  })['out'];
}
