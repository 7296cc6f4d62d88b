/**
 * Side inputs that are known when the graph is built: each step that reads one carries its value.
 *
 * Fault: an unbounded engine keeps a side input as state, and a job that replaces another takes its
 * state over: an Impulse that has fired does not fire again, so the new job would go on with the
 * values of the old one. Adding a side input to a step also fails Dataflow's compatibility check.
 * Fault (Flink, Beam 2.70): a streaming job with a side input fails at its first checkpoint, `class [B
 * cannot be cast to class WindowedValue`, and so never has one.
 * Repair: the value travels in the payload of the DoFn, which a new job brings with it.
 */
import { constant } from './constant.js';
import { fixValue } from './fn.js';
import type { PCollection } from 'apache-beam';

/** As `constant`; steps that read it as a side input find `value` in their own payload. JSON. */
export function fixed<T>(impulse: PCollection<unknown>, name: string, value: T): PCollection<T> {
  const collection = constant(impulse, name, value);
  fixValue(collection, value);
  return collection;
}
