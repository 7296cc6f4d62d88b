/**
 * Windowing, built in one place.
 *
 * Fault: `windowInto` serialises closures, breaks on negative times and on number offsets, and
 * inherits nothing: it starts from no lateness and the default trigger each time.
 */
import { applyFn, registerFn } from './fn.js';
import type { PCollection } from 'apache-beam';
import { fixedWindows, globalWindows } from 'apache-beam/transforms/windowings';
import { createWindowingStrategyProto } from 'apache-beam/transforms/window';

/** A span of event time in ms, the end excluded. */
export interface TimeWindow {
  readonly startMs: number;
  readonly endMs: number;
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

/** Assigns fixed windows of `sizeMs` (whole seconds) by timestamp, or with null the global window. */
export function windowInto<T>(
  input: PCollection<T>,
  name: string,
  sizeMs: number | null,
): PCollection<T> {
  if (sizeMs !== null && (sizeMs <= 0 || sizeMs % 1000 !== 0)) {
    throw new Error(`window of ${sizeMs} ms is not a whole number of seconds`);
  }
  const { pipeline } = input;
  const windowFn = sizeMs === null ? globalWindows() : fixedWindows(sizeMs / 1000);
  const strategy = createWindowingStrategyProto(pipeline, windowFn);
  return applyFn(input, {
    name,
    fn: 'flowsieve/window',
    params: { sizeMs } satisfies WindowParams,
    outputs: { out: pipeline.context.getPCollectionCoder(input) },
    windowingStrategyId: pipeline.context.getWindowingStrategyId(strategy),
  })['out'];
}
