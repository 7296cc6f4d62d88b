import { constant } from '../beam/constant.js';
import { together } from '../beam/together.js';
import type { PCollection, Root } from 'apache-beam';
import { withName } from 'apache-beam/transforms/transform';
import { impulse } from 'apache-beam/transforms/internal';
import { filterById, type Filter } from '../filters/filters.js';
import type { FilterPlan } from '../filters/policies.js';
import type { Suppression } from '../filters/suppression.js';
import type { ManifestRef } from '../reference/snapshot.js';
import { collapse } from '../transforms/collapse.js';
import { decode } from '../transforms/decode.js';
import { dedupe } from '../transforms/dedupe.js';
import { dropShared } from '../transforms/drop-shared.js';
import { established } from '../transforms/established.js';
import { discountSharedRemotes } from '../transforms/discount-shared.js';
import { applyFilter } from '../transforms/filter.js';
import { applyGroupFilter } from '../transforms/group.js';
import { keepHistory } from '../transforms/history.js';
import { joinCustomers } from '../transforms/join-customers.js';
import { judgeDays } from '../transforms/judge-days.js';
import { joinReference } from '../transforms/join-reference.js';
import { keepRejects } from '../transforms/keep-rejects.js';
import { orient } from '../transforms/orient.js';
import { read } from '../transforms/read.js';
import { suppress } from '../transforms/suppress.js';
import { write } from '../transforms/write.js';
import { writeCandidates } from '../transforms/write-candidates.js';
import type { InputSpec } from './chunk.js';

/** All that the graph is made from. Plain JSON. */
export interface JobSpec {
  readonly inputs: readonly InputSpec[];
  /** Bytes of a range of a large file that can be split. */
  readonly rangeBytes: number;
  readonly windowMs: number;
  readonly findingWindowMs: number;
  readonly shards: number;
  /** Enabled filters with their policies. */
  readonly filters: readonly FilterPlan[];
  readonly reference: ManifestRef;
  readonly suppressions: readonly Suppression[];
  /** What expiry is compared with. */
  readonly nowMs: number;
  readonly findingsPath: string;
  readonly rejectsPath: string;
  readonly noticesPath: string;
  /** Directory of the history; null = none is kept, and filters that need one find nothing. */
  readonly history: string | null;
}

/** The whole job, from flow files to findings. Every name in it is a contract: see docs/design.md. */
export function buildPipeline(root: Root, spec: JobSpec): void {
  const start = root.apply(
    withName('start', impulse() as never),
  ) as unknown as PCollection<Uint8Array>;
  const reference = constant(start, 'reference', spec.reference);
  const suppressions = constant(start, 'suppressions', spec.suppressions);
  const attempts = spec.filters.some(({ id }) => filterById(id).attempts);
  const { windowMs, findingWindowMs, shards, nowMs } = spec;

  const { chunks, rejects: unread } = read(start, spec);
  const { flows, rejects: undecoded } = decode(chunks);
  const graded = established(orient(flows));
  const customers = dropShared(joinCustomers(graded, reference), reference);
  const conversations = joinReference(dedupe(customers, { windowMs, shards, attempts }), reference);

  const {
    history,
    judged,
    notices: kept,
  } = keepHistory(conversations, reference, start, spec.history);
  const options = { reference, suppressions, history, findingWindowMs, shards, nowMs };
  const hits = plansOf(spec, 'conversation').map((plan) =>
    applyFilter(conversations, reference, plan),
  );
  const groups = plansOf(spec, 'group').map((plan) =>
    applyGroupFilter(conversations, plan, options),
  );
  const days = plansOf(spec, 'day').flatMap((plan) =>
    judged.map((each) => judgeDays(each, reference, plan)),
  );
  const all = together('all findings', [
    ...(hits.length === 0 ? [] : [collapse(together('all hits', hits), findingWindowMs)]),
    ...groups,
    ...days.map(({ findings }) => findings),
  ]);
  const { findings: sound, notices: feedErrors } = discountSharedRemotes(all, history);
  const findings = suppress(sound, suppressions, nowMs);

  write(findings, start, { path: spec.findingsPath, content: 'findings' });
  for (const each of judged) writeCandidates(findings, each);
  write(keepRejects([...unread, undecoded]), start, {
    path: spec.rejectsPath,
    content: 'rejects',
  });
  const notices = [feedErrors, ...kept, ...days.map((day) => day.notices)];
  write(together('all notices', notices), start, { path: spec.noticesPath, content: 'notices' });
}

function plansOf(spec: JobSpec, shape: Filter['shape']): readonly FilterPlan[] {
  return spec.filters.filter(({ id }) => filterById(id).shape === shape);
}
