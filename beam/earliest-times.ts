/**
 * Times of what is grouped in the global window, for engines.
 *
 * Fault: all that the SDK groups in the global window comes out at the window's end, the end of
 * time. What is given its event time after that is late, and Prism drops it, in state DONE: not one
 * flow came out of `dedupe`. And Prism takes a side input for complete once its watermark has
 * passed, which the end of time does while the bundle that makes the side input still runs: it was
 * read as empty. Repair: such groups keep the earliest of their elements' times, which also holds
 * the watermark back until they are made. The stock direct runner refuses it, so that it is put into
 * the proto of a job for an engine and not into the graph.
 */
import './prepare.js';
import 'apache-beam';
import {
  OutputTime_Enum,
  WindowingStrategy,
  type Pipeline,
} from 'apache-beam/proto/beam_runner_api';

const GROUP_BY_KEY = 'beam:transform:group_by_key:v1';
const GLOBAL_WINDOWS = 'beam:window_fn:global_windows:v1';

/** Has every GroupByKey of the global window that fires once, at its end, keep earliest times. */
export function keepEarliestTimes(pipeline: Pipeline): void {
  const { components } = pipeline;
  if (components === undefined) return;
  const { transforms, pcollections, windowingStrategies } = components;
  for (const { spec, inputs, outputs } of Object.values(transforms)) {
    if (spec?.urn !== GROUP_BY_KEY) continue;
    const collections = [...Object.values(inputs), ...Object.values(outputs)];
    const id = pcollections[Object.values(inputs)[0]].windowingStrategyId;
    const strategy = windowingStrategies[id];
    if (strategy.windowFn?.urn !== GLOBAL_WINDOWS) continue;
    if (strategy.trigger !== undefined && strategy.trigger.trigger.oneofKind !== 'default')
      continue;
    const earliest = id.endsWith(SUFFIX) ? id : `${id}${SUFFIX}`;
    windowingStrategies[earliest] ??= Object.assign(WindowingStrategy.clone(strategy), {
      outputTime: OutputTime_Enum.EARLIEST_IN_PANE,
    });
    for (const collection of collections) {
      pcollections[collection].windowingStrategyId = earliest;
    }
  }
}

const SUFFIX = '-earliest';
