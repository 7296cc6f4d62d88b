import { jsonCoder } from './coders.js';
import { applyFn, registerFn } from './fn.js';
import type { PCollection } from 'apache-beam';

registerFn<unknown, unknown>('flowsieve/constant', (value, context) => ({
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
    fn: 'flowsieve/constant',
    params: value,
    outputs: { out: jsonCoder },
  })['out'];
}
