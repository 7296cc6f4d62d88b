import { constant } from '../beam/constant.js';
import { jsonCoder } from '../beam/coders.js';
import { applyFn, registerFn } from '../beam/fn.js';
import type { PCollection, Root } from 'apache-beam';
import { impulse } from 'apache-beam/transforms/internal';
import { withName } from 'apache-beam/transforms/transform';
import { filterById } from '../filters/filters.js';
import type { FilterPlan } from '../filters/policies.js';
import type { Suppression } from '../filters/suppression.js';
import type { HistoryRef } from '../history/store.js';
import type { Finding } from '../pipeline/finding.js';
import type { ManifestRef } from '../reference/snapshot.js';
import { huntHits } from './archive/hunt-hits.js';
import { searchArchive, type SearchSpec } from './archive/search.js';
import { collapse } from './collapse.js';
import { discountSharedRemotes } from './discount-shared.js';
import { publish } from './publish.js';
import { suppress } from './suppress.js';
import type { SinkSpec } from './write/open-sinks.js';

/** All that the graph of a hunt is made from. Plain JSON. */
interface HuntSpec {
  readonly search: SearchSpec;
  /** Enabled filters; those that judge single conversations hunt. */
  readonly filters: readonly FilterPlan[];
  readonly findingWindowMs: number;
  /** What it gave for a batch is not told again; null = all is told. */
  readonly before: ManifestRef | null;
  readonly reference: ManifestRef;
  readonly suppressions: readonly Suppression[];
  /** What expiry is compared with. */
  readonly nowMs: number;
  /** The history as it is; null = there is none. */
  readonly history: HistoryRef | null;
  readonly sinks: readonly SinkSpec[];
}

registerFn<null, Finding>('flowsieve/mark-retro', (_params, context) => ({
  process(finding): void {
    context.count(`retro/${finding.filter}`);
    context.emit('findings', { ...finding, retro: true } satisfies Finding);
  },
}));

/**
 * Batch: the conversations of an archive -> findings by indicators that were published after them,
 * `retro: true`. Their ids are those that they would have had; their revision is the number of
 * records behind them, so a sink keeps what it was told meanwhile if that rests on more.
 *
 * Filters that count groups or days do not hunt: what they tell depends on more than the tables.
 */
export function buildHunt(root: Root, spec: HuntSpec): void {
  const start = root.apply(
    withName('start', impulse() as never),
  ) as unknown as PCollection<Uint8Array>;
  const reference = constant(start, 'reference', spec.reference);
  const before = constant(start, 'before', spec.before);
  const suppressions = constant(start, 'suppressions', spec.suppressions);
  const history = constant(start, 'history', spec.history);
  const { findingWindowMs, nowMs } = spec;
  const plans = spec.filters.filter(({ id }) => filterById(id).shape === 'conversation');

  const conversations = searchArchive(start, spec.search);
  const hits = huntHits(conversations, reference, before, { plans, findingWindowMs });
  const all = collapse(hits, [], findingWindowMs, null);
  const { findings: sound } = discountSharedRemotes(all, history);
  const findings = suppress(sound, suppressions, nowMs);
  const { findings: retro } = applyFn(findings, {
    name: 'mark retro',
    fn: 'flowsieve/mark-retro',
    params: null,
    outputs: { findings: jsonCoder },
  }) as { findings: PCollection<Finding> };
  publish(retro, spec.sinks);
}
