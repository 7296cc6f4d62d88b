/**
 * Breaks fusion: what follows runs in bundles of its own, spread over workers.
 *
 * The SDK's `create` reshuffles by its general object coder and lost its output on Prism when
 * timestamps followed; this one groups JSON values by their text.
 */
import { jsonCoder, keyedCoder } from './coders.js';
import { applyFn, registerFn } from './fn.js';
import type { PCollection } from 'apache-beam';
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

/** The same JSON values, spread. Equal values stay as many as they are. */
export function reshuffle<T>(input: PCollection<T>, name: string): PCollection<T> {
  const { out: keyed } = applyFn(input, {
    name: `${name}/key`,
    fn: 'flowsieve/key-by-text',
    params: null,
    outputs: { out: keyedCoder(jsonCoder) },
  });
  const grouped = keyed.apply(withName(`${name}/group`, groupByKey() as never)) as PCollection<T>;
  return applyFn(grouped, {
    name: `${name}/ungroup`,
    fn: 'flowsieve/ungroup',
    params: null,
    outputs: { out: jsonCoder },
  })['out'];
}
