import { jsonCoder, keyedCoder } from '../beam/coders.js';
import { applyFn, registerFn } from '../beam/fn.js';
import { foldPerKey, registerFold } from '../beam/fold-per-key.js';
import { windowInto } from '../beam/windows.js';
import type { PCollection } from 'apache-beam';
import type { FindingPiece } from './collapse/finding-piece.js';
import {
  FindingState,
  findingKey,
  findingWindowStart,
  type FindingStateJson,
} from './collapse/finding-state.js';
import type { HitSet } from './filter.js';
import { findingFiring, type StreamTiming } from './firing.js';

/** Which findings one pane's hits of one filter belong to. */
interface PaneFindings {
  readonly filter: string;
  readonly key: string;
  readonly revision: number;
  readonly last: boolean;
  /** Findings with what they are about, without counts. */
  readonly findings: readonly (readonly [key: string, about: FindingStateJson])[];
  /** Of a value that stands for many: findings that only earlier panes had. */
  readonly gone?: PaneFindings['findings'];
}

registerFn<{ readonly findingWindowMs: number }, HitSet>(
  'flowsieve/findings-of-panes',
  ({ findingWindowMs }, context) => ({
    process({ filter, origin, hits }, { pane }): void {
      if (pane.isFirst && pane.isLast) return;
      const { key } = origin;
      const findings = new Map<string, FindingStateJson>();
      for (const hit of hits) {
        const id = findingKey(hit, findingWindowMs);
        if (findings.has(id)) continue;
        const state = FindingState.ofHit(hit, findingWindowStart(hit, findingWindowMs));
        findings.set(id, { ...state.toJson(), sightings: [], sketch: null });
      }
      const { index: revision, isLast: last } = pane;
      const value: PaneFindings = { filter, key, revision, last, findings: [...findings] };
      context.emit('panes', { key: `${filter} ${key}`, value });
    },
  }),
);

registerFold<null, PaneFindings>('flowsieve/withdrawn-hits', () => {
  let latest: PaneFindings | undefined;
  let current = new Map<string, FindingStateJson>();
  const gone = new Map<string, FindingStateJson>();
  return {
    add(value): void {
      for (const [key, about] of value.gone ?? []) gone.set(key, about);
      if (latest === undefined || value.revision > latest.revision) {
        for (const [key, about] of current) gone.set(key, about);
        current = new Map(value.findings);
        latest = value;
      } else if (value.revision === latest.revision) {
        // Another part of the same pane, or the last pane, which has nothing new.
        for (const [key, about] of value.findings) current.set(key, about);
        latest = { ...latest, last: latest.last || value.last };
      } else {
        for (const [key, about] of value.findings) gone.set(key, about);
      }
    },
    finish(context): void {
      if (latest === undefined) return;
      const { key, revision, last } = latest;
      for (const [finding, about] of gone) {
        if (current.has(finding)) continue;
        const value: FindingPiece = {
          origin: { key, revision, part: 0, last },
          state: about,
          withdrawn: true,
        };
        context.emit('withdrawn', { key: finding, value }, { timestampMs: about.windowStartMs });
      }
    },
    compact: () =>
      latest === undefined ? [] : [{ ...latest, findings: [...current], gone: [...gone] }],
  };
});

/**
 * Hits of several panes -> what later panes took back: findings that an earlier pane of a window and
 * shard had a conversation for, and the latest has none. A filter sees one pane and cannot know.
 */
export function withdrawHits(
  hits: PCollection<HitSet>,
  findingWindowMs: number,
  timing: StreamTiming,
): PCollection<{ key: string; value: FindingPiece }> {
  const { panes } = applyFn(hits, {
    name: 'findings of panes',
    fn: 'flowsieve/findings-of-panes',
    params: { findingWindowMs },
    outputs: { panes: keyedCoder(jsonCoder) },
  }) as { panes: PCollection<unknown> };
  const { withdrawn } = foldPerKey(
    windowInto(panes as never, 'windows of panes', timing.windowMs, findingFiring(timing)),
    'withdraw hits',
    { fold: 'flowsieve/withdrawn-hits', params: null },
    { withdrawn: keyedCoder(jsonCoder) },
  );
  return windowInto(withdrawn as never, 'leave windows of panes', null);
}
