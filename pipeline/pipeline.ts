import { constant } from '../beam/constant.js';
import type { PCollection, Root } from 'apache-beam';
import { P } from 'apache-beam/pvalue';
import { flatten } from 'apache-beam/transforms/flatten';
import { withName } from 'apache-beam/transforms/transform';
import { impulse } from 'apache-beam/transforms/internal';
import { filterById } from '../filters/filters.js';
import type { FilterPlan } from '../filters/policies.js';
import type { Suppression } from '../filters/suppression.js';
import type { ManifestRef } from '../reference/snapshot.js';
import { collapse } from '../transforms/collapse.js';
import { decode } from '../transforms/decode.js';
import { dedupe } from '../transforms/dedupe.js';
import { dropShared } from '../transforms/drop-shared.js';
import { established } from '../transforms/established.js';
import { applyFilter } from '../transforms/filter.js';
import { joinCustomers } from '../transforms/join-customers.js';
import { joinReference } from '../transforms/join-reference.js';
import { keepRejects } from '../transforms/keep-rejects.js';
import { orient } from '../transforms/orient.js';
import { read } from '../transforms/read.js';
import { suppress } from '../transforms/suppress.js';
import { write } from '../transforms/write.js';
import type { InputSpec } from './chunk.js';
import type { Hit } from './hit.js';

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
}

/** The whole job, from flow files to findings. Every name in it is a contract: see docs/design.md. */
export function buildPipeline(root: Root, spec: JobSpec): void {
  const start = root.apply(
    withName('start', impulse() as never),
  ) as unknown as PCollection<Uint8Array>;
  const reference = constant(start, 'reference', spec.reference);
  const suppressions = constant(start, 'suppressions', spec.suppressions);
  const filters = spec.filters.map(({ id }) => filterById(id));
  const joins = [...new Set(filters.flatMap((filter) => filter.joins))].sort();
  const attempts = filters.some((filter) => filter.attempts);

  const { chunks, rejects: unread } = read(start, spec);
  const { flows, rejects: undecoded } = decode(chunks);
  const graded = established(orient(flows));
  const customers = dropShared(joinCustomers(graded, reference), reference);
  const { windowMs, shards } = spec;
  const conversations = joinReference(
    dedupe(customers, { windowMs, shards, attempts }),
    reference,
    joins,
  );
  const hits = P(
    spec.filters.map((plan) => applyFilter(conversations, reference, plan)) as never,
  ).apply(withName('all hits', flatten()) as never) as unknown as PCollection<Hit>;
  const findings = suppress(collapse(hits, spec.findingWindowMs), suppressions, spec.nowMs);

  write(findings, start, { path: spec.findingsPath, content: 'findings' });
  write(keepRejects([...unread, undecoded]), start, {
    path: spec.rejectsPath,
    content: 'rejects',
  });
}
