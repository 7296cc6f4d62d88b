import { jsonCoder } from './coders.js';
import { applyFn, registerFn } from './fn.js';
import type { PCollection } from 'apache-beam';

/** Its parameters are the only element. */
export const CONSTANT_FN = 'flowsieve/constant';

registerFn<unknown, unknown>(CONSTANT_FN, (value, context) => ({
  process(): void {
    context.emit('out', value);
  },
}));

/**
 * A collection of one JSON value, in the global window: what a side input is made of.
 * The SDK's `create` would reshuffle it by the general object coder.
 */
export function constant<T>(impulse: PCollection<unknown>, name: string, value: T): PCollection<T> {
  return applyFn(impulse, {
    name,
    fn: CONSTANT_FN,
    params: value,
    outputs: { out: jsonCoder },
  })['out'];
}
