import { jsonCoder, keyedCoder } from '../beam/coders.js';
import { applyFn, registerFn } from '../beam/fn.js';
import { foldPerKey, registerFold } from '../beam/fold-per-key.js';
import { windowInto } from '../beam/windows.js';
import type { PCollection } from 'apache-beam';
import { filterById } from '../filters/filters.js';
import type { Finding } from '../pipeline/finding.js';
import type { Hit } from '../pipeline/hit.js';
import {
  FindingState,
  findingKey,
  findingWindowStart,
  type FindingStateJson,
} from './collapse/finding-state.js';

interface CollapseParams {
  readonly findingWindowMs: number;
}

/** Findings in the making that a bundle holds before it hands them on. */
const HELD_STATES = 20_000;

registerFn<CollapseParams, Hit>('flowsieve/collapse-hits', ({ findingWindowMs }, context) => {
  const states = new Map<string, FindingState>();
  const emit = (): void => {
    for (const [key, state] of states) {
      context.emit(
        'states',
        { key, value: state.toJson() },
        { timestampMs: state.windowStartMs, window: 'global' },
      );
    }
    states.clear();
  };
  return {
    process(hit): void {
      const key = findingKey(hit, findingWindowMs);
      const state = states.get(key);
      if (state !== undefined) {
        state.add(hit);
        return;
      }
      states.set(key, FindingState.ofHit(hit, findingWindowStart(hit, findingWindowMs)));
      if (states.size >= HELD_STATES) emit();
    },
    finishBundle: emit,
  };
});

registerFold<null, FindingStateJson>('flowsieve/findings', () => {
  let state: FindingState | undefined;
  return {
    add(json): void {
      if (state === undefined) state = FindingState.fromJson(json);
      else state.merge(json);
    },
    finish(context): void {
      if (state === undefined) return;
      const finding = state.finding();
      context.emit('findings', summarized(finding));
    },
  };
});

/** The finding with its sentence, which the filter renders from the finished counts. */
export function summarized(finding: Finding): Finding {
  return { ...finding, summary: filterById(finding.filter).summarize(finding) };
}

/** Hits -> findings: the same finding within a finding window is one, that counts its conversations. */
export function collapse(hits: PCollection<Hit>, findingWindowMs: number): PCollection<Finding> {
  const { states } = applyFn(hits, {
    name: 'collapse hits',
    fn: 'flowsieve/collapse-hits',
    params: { findingWindowMs } satisfies CollapseParams,
    outputs: { states: keyedCoder(jsonCoder) },
  });
  const windowed = windowInto(states, 'finding windows', findingWindowMs);
  const { findings } = foldPerKey(
    windowed,
    'collapse',
    { fold: 'flowsieve/findings', params: null },
    { findings: jsonCoder },
  );
  return windowInto<Finding>(findings, 'leave finding windows', null);
}
