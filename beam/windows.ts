/**
 * Windowing, built in one place.
 *
 * Fault: `windowInto` serialises closures, breaks on negative times and on number offsets, and
 * inherits nothing: it starts from no lateness and the default trigger each time. The SDK has no
 * triggers API; a windowing strategy's proto has all of them.
 */
import { applyFn, registerFn } from './fn.js';
import type { PCollection } from 'apache-beam';
import {
  AccumulationMode_Enum,
  ClosingBehavior_Enum,
  OnTimeBehavior_Enum,
  type Trigger,
} from 'apache-beam/proto/beam_runner_api';
import { fixedWindows, globalWindows } from 'apache-beam/transforms/windowings';
import { createWindowingStrategyProto } from 'apache-beam/transforms/window';

/** A span of event time in ms, the end excluded. */
export interface TimeWindow {
  readonly startMs: number;
  readonly endMs: number;
}

/** When a window tells what it has. `undefined` where one is asked for: once, when all is there. */
export interface Firing {
  readonly trigger: Trigger;
  /** How long after its end a window still takes late elements. */
  readonly allowedLatenessMs: number;
  /** Whether a pane holds all elements of the window, or those since the pane before. */
  readonly accumulating: boolean;
  /** Whether a window that closes is told once more although nothing came since its last pane. */
  readonly closing: 'always' | 'if-nonempty';
}

/** The fixed window of `sizeMs` (aligned to 1970 UTC) that holds `timeMs`. */
export function fixedWindowOf(timeMs: number, sizeMs: number): TimeWindow {
  const startMs = Math.floor(timeMs / sizeMs) * sizeMs;
  return { startMs, endMs: startMs + sizeMs };
}

interface WindowParams {
  /** null = the global window. */
  readonly sizeMs: number | null;
}

registerFn<WindowParams, unknown>('flowsieve/window', ({ sizeMs }, context) => ({
  process(element, { timestamp }): void {
    const window = sizeMs === null ? 'global' : fixedWindowOf(timestamp.toNumber(), sizeMs);
    context.emit('out', element, { window });
  },
}));

/**
 * Assigns fixed windows of `sizeMs` (whole seconds) by timestamp, or with null the global window.
 * What is grouped after it fires as `firing` says.
 */
export function windowInto<T>(
  input: PCollection<T>,
  name: string,
  sizeMs: number | null,
  firing?: Firing,
): PCollection<T> {
  if (sizeMs !== null && (sizeMs <= 0 || sizeMs % 1000 !== 0)) {
    throw new Error(`window of ${sizeMs} ms is not a whole number of seconds`);
  }
  const { pipeline } = input;
  const windowFn = sizeMs === null ? globalWindows() : fixedWindows(sizeMs / 1000);
  const strategy = createWindowingStrategyProto(pipeline, windowFn);
  if (firing !== undefined) {
    strategy.trigger = firing.trigger;
    strategy.allowedLateness = BigInt(firing.allowedLatenessMs);
    strategy.accumulationMode = firing.accumulating
      ? AccumulationMode_Enum.ACCUMULATING
      : AccumulationMode_Enum.DISCARDING;
    strategy.closingBehavior =
      firing.closing === 'always'
        ? ClosingBehavior_Enum.EMIT_ALWAYS
        : ClosingBehavior_Enum.EMIT_IF_NONEMPTY;
    strategy.onTimeBehavior = OnTimeBehavior_Enum.FIRE_ALWAYS;
  }
  return applyFn(input, {
    name,
    fn: 'flowsieve/window',
    params: { sizeMs } satisfies WindowParams,
    outputs: { out: pipeline.context.getPCollectionCoder(input) },
    windowingStrategyId: pipeline.context.getWindowingStrategyId(strategy),
  })['out'];
}
