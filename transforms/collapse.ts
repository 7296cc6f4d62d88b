import { jsonCoder, keyedCoder } from '../beam/coders.js';
import { applyFn, registerFn } from '../beam/fn.js';
import { foldPerKey, registerFold } from '../beam/fold-per-key.js';
import { together } from '../beam/together.js';
import { windowInto } from '../beam/windows.js';
import type { PCollection } from 'apache-beam';
import { filterById } from '../filters/filters.js';
import type { Finding } from '../pipeline/finding.js';
import { FindingPieces, type FindingPiece } from './collapse/finding-piece.js';
import { FindingState, findingKey, findingWindowStart } from './collapse/finding-state.js';
import type { HitSet } from './filter.js';
import { findingFiring, type Timing } from './firing.js';

interface CollapseParams {
  readonly findingWindowMs: number;
}

/** Findings in the making that a bundle holds before it hands them on. */
const HELD_STATES = 20_000;

registerFn<CollapseParams, HitSet>('flowsieve/collapse-hits', ({ findingWindowMs }, context) => {
  const states = new Map<string, FindingState>();
  const emit = (key: string, state: FindingState, origin?: FindingPiece['origin']): void => {
    const value: FindingPiece = {
      ...(origin === undefined ? {} : { origin }),
      state: state.toJson(),
    };
    const at = { timestampMs: state.windowStartMs, window: 'global' } as const;
    context.emit('pieces', { key, value }, at);
  };
  const emitAll = (): void => {
    for (const [key, state] of states) emit(key, state);
    states.clear();
  };
  const gather = (into: Map<string, FindingState>, hits: HitSet['hits']): void => {
    for (const hit of hits) {
      const key = findingKey(hit, findingWindowMs);
      const state = into.get(key);
      if (state !== undefined) state.add(hit);
      else into.set(key, FindingState.ofHit(hit, findingWindowStart(hit, findingWindowMs)));
    }
  };
  return {
    process({ origin, hits }, { pane }): void {
      if (pane.isFirst && pane.isLast) {
        gather(states, hits);
        if (states.size >= HELD_STATES) emitAll();
        return;
      }
      const own = new Map<string, FindingState>();
      gather(own, hits);
      // Not the batch's: a pane may say more of the same records than an early one, or a new snapshot.
      const at = { ...origin, revision: pane.index, last: pane.isLast };
      for (const [key, state] of own) emit(key, state, at);
    },
    finishBundle: emitAll,
  };
});

registerFold<null, FindingPiece>('flowsieve/findings', () => {
  const pieces = new FindingPieces();
  return {
    add(piece): void {
      pieces.add(piece);
    },
    finish(context): void {
      const finding = pieces.finding();
      if (finding !== undefined) context.emit('findings', summarized(finding));
    },
    compact: () => pieces.compact(),
  };
});

/** The finding with its sentence, which the filter renders from the finished counts. */
export function summarized(finding: Finding): Finding {
  return { ...finding, summary: filterById(finding.filter).summarize(finding) };
}

/**
 * Hits, and what was withdrawn of them -> findings: the same finding within a finding window is one,
 * that counts its conversations.
 */
export function collapse(
  hits: PCollection<HitSet>,
  withdrawn: readonly PCollection<{ key: string; value: FindingPiece }>[],
  findingWindowMs: number,
  timing: Timing,
): PCollection<Finding> {
  const { pieces } = applyFn(hits, {
    name: 'collapse hits',
    fn: 'flowsieve/collapse-hits',
    params: { findingWindowMs } satisfies CollapseParams,
    outputs: { pieces: keyedCoder(jsonCoder) },
  }) as { pieces: PCollection<{ key: string; value: FindingPiece }> };
  const all =
    withdrawn.length === 0 ? pieces : together('pieces of findings', [pieces, ...withdrawn]);
  const windowed = windowInto(all, 'finding windows', findingWindowMs, findingFiring(timing));
  const { findings } = foldPerKey(
    windowed,
    'collapse',
    { fold: 'flowsieve/findings', params: null },
    { findings: jsonCoder },
  );
  return windowInto<Finding>(findings, 'leave finding windows', null);
}
