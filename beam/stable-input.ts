/**
 * A point that elements pass only once they are stored: what comes after it is handed the same ones
 * again after a failure, so that a sink which knows what it has writes each once.
 *
 * In the graph it is a composite around a GroupByKey that fires with every element. Engines commit
 * what they group, so it does the same there; the local runner knows the URN and fires what the last
 * commit has, not what this turn brought.
 */
import { jsonCoder, keyedCoder } from './coders.js';
import { applyFn, registerFn } from './fn.js';
import './reshuffle.js';
import { always } from './triggers.js';
import { windowInto } from './windows.js';
import type { PCollection } from 'apache-beam';
import type { Pipeline } from 'apache-beam/internal/pipeline';
import type { PTransform } from 'apache-beam/proto/beam_runner_api';
import { groupByKey } from 'apache-beam/transforms/internal';
import { withName } from 'apache-beam/transforms/transform';
import { textHash } from '../pipeline/text-hash.js';

export const STABLE_URN = 'flowsieve:transform:stable_input:v1';

/** Groups that elements are spread over; each is open for good. */
const KEYS = 8;

registerFn<null, { readonly id: string }>('flowsieve/key-by-id', (_params, context) => ({
  process(value): void {
    context.emit('out', { key: String(Math.floor(textHash(value.id) * KEYS)), value });
  },
}));

/** The same JSON values, stored before they go on; those of one id in their order. */
export function stableInput<T extends { readonly id: string }>(
  input: PCollection<T>,
  name: string,
): PCollection<T> {
  const expand = (
    values: PCollection<unknown>,
    _pipeline: Pipeline,
    proto: PTransform,
  ): PCollection<unknown> => {
    proto.spec = { urn: STABLE_URN, payload: new Uint8Array() };
    const { out: keyed } = applyFn(values, {
      name: 'key',
      fn: 'flowsieve/key-by-id',
      params: null,
      outputs: { out: keyedCoder(jsonCoder) },
    });
    const passing = windowInto(keyed, 'pass', null, {
      trigger: always(),
      allowedLatenessMs: 0,
      accumulating: false,
      closing: 'if-nonempty',
    });
    const grouped = (passing as PCollection<unknown>).apply(
      withName('group', groupByKey() as never),
    ) as PCollection<unknown>;
    const { out } = applyFn(grouped, {
      name: 'ungroup',
      fn: 'flowsieve/ungroup',
      params: null,
      outputs: { out: jsonCoder },
    });
    return out;
  };
  const stored: unknown = input.apply(withName(name, expand) as never);
  return stored as PCollection<T>;
}
