import { together } from '../beam/together.js';
import type { PCollection, Root } from 'apache-beam';
import { withName } from 'apache-beam/transforms/transform';
import { impulse } from 'apache-beam/transforms/internal';
import { filterById, type Filter } from '../filters/filters.js';
import type { FilterPlan } from '../filters/policies.js';
import type { Suppression } from '../filters/suppression.js';
import type { ManifestRef } from '../reference/snapshot.js';
import { append } from '../transforms/append.js';
import { archive, type ArchiveSpec } from '../transforms/archive.js';
import { collapse } from '../transforms/collapse.js';
import { decode } from '../transforms/decode.js';
import { dedupe } from '../transforms/dedupe.js';
import { dropShared } from '../transforms/drop-shared.js';
import { established } from '../transforms/established.js';
import { deliver } from '../transforms/deliver.js';
import { discountSharedRemotes } from '../transforms/discount-shared.js';
import { applyFilter, type HitSet } from '../transforms/filter.js';
import type { Timing } from '../transforms/firing.js';
import { applyGroupFilter } from '../transforms/group.js';
import {
  keepHistory,
  readHistory,
  writeHistory,
  type GivenHistory,
} from '../transforms/history.js';
import { joinCustomers } from '../transforms/join-customers.js';
import { judgeDays } from '../transforms/judge-days.js';
import { joinReference } from '../transforms/join-reference.js';
import { keepRejects } from '../transforms/keep-rejects.js';
import { latestReference, latestSuppressions, type Following } from '../transforms/latest.js';
import { orient } from '../transforms/orient.js';
import { publish, type KafkaSinkSpec } from '../transforms/publish.js';
import { read } from '../transforms/read.js';
import { readLive } from '../transforms/read-live.js';
import { suppress } from '../transforms/suppress.js';
import { withdrawHits } from '../transforms/withdraw-hits.js';
import { write } from '../transforms/write.js';
import type { SinkSpec } from '../transforms/write/open-sinks.js';
import { writeObjects } from '../transforms/write-objects.js';
import { writeCandidates } from '../transforms/write-candidates.js';
import type { ConversationBatch } from './conversation-batch.js';
import type { InputSpec } from './chunk.js';
import type { Finding } from './finding.js';
import type { LiveInput } from './live-input.js';
import type { Reject } from './reject.js';

/** All that the graph is made from. Plain JSON. */
export interface JobSpec {
  readonly inputs: readonly InputSpec[];
  /** Bytes of a range of a large file that can be split. */
  readonly rangeBytes: number;
  /** In batch: whether an input that cannot be read whole fails the job. */
  readonly strict?: boolean;
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
  /** Of a job that judges a part of the time: the history, which it reads and does not write. Then `history` is not used. */
  readonly given?: GivenHistory;
  /** What only a job without an end has; null = batch. */
  readonly stream: StreamSpec | null;
}

/** Settings of a job without an end. `inputs` and `findingsPath` of the job are then not used. */
export interface StreamSpec extends Following {
  readonly inputs: readonly LiveInput[];
  readonly allowedLatenessMs: number;
  /** From the first record of a window to its first early pane. */
  readonly earlyMs: number;
  readonly sinks: readonly (SinkSpec | KafkaSinkSpec)[];
  /** Where conversations are kept for indicators that come late; null = they are not. */
  readonly archive: ArchiveSpec | null;
}

/** The whole job, from flow files to findings. Every name in it is a contract: see docs/design.md. */
export function buildPipeline(root: Root, spec: JobSpec): void {
  const start = root.apply(
    withName('start', impulse() as never),
  ) as unknown as PCollection<Uint8Array>;
  const { findingWindowMs, shards, stream } = spec;
  const timing: Timing = stream === null ? null : { ...stream, windowMs: spec.windowMs };
  const nowMs = stream === null ? spec.nowMs : null;
  const engine = stream?.engine ?? null;
  const reference = latestReference(root, start, spec.reference, stream);
  const suppressions = latestSuppressions(root, start, spec.suppressions, stream);
  const { conversations, rejects } = readConversations(root, start, spec, reference, timing);

  const past =
    spec.given === undefined
      ? keepHistory(root, conversations, reference, start, {
          directory: spec.history,
          timing,
          engine,
        })
      : readHistory(start, spec.given);
  const { history, judged } = past;
  const options = { reference, suppressions, history, findingWindowMs, shards, nowMs, timing };
  const hits = plansOf(spec, 'conversation').map((plan) =>
    applyFilter(conversations, reference, plan),
  );
  const groups = plansOf(spec, 'group').flatMap((plan) =>
    applyGroupFilter(conversations, plan, options),
  );
  const days = plansOf(spec, 'day').flatMap((plan) =>
    judged.map((each) => judgeDays(each, reference, plan)),
  );
  const all = together('all findings', [
    ...collapsed(hits, findingWindowMs, timing),
    ...groups,
    ...days.map(({ findings }) => findings),
  ]);
  const { findings: sound, notices: feedErrors } = discountSharedRemotes(all, history);
  const findings = suppress(sound, suppressions, nowMs);
  const candidates = spec.given?.candidates ?? null;
  for (const each of judged) writeCandidates(findings, each, timing, candidates);

  const notices = together('all notices', [
    feedErrors,
    ...past.notices,
    ...days.map((day) => day.notices),
  ]);
  const { rejectsPath, noticesPath } = spec;
  const outputs = engine?.outputs ?? null;
  if (stream === null) {
    write(findings, start, { path: spec.findingsPath, content: 'findings' });
    write(keepRejects(rejects), start, { path: rejectsPath, content: 'rejects' });
    write(notices, start, { path: noticesPath, content: 'notices' });
  } else if (outputs !== null) {
    const { sinks, output: directory } = outputs;
    deliver(findings, sinks);
    writeObjects(together('all rejects', rejects), { directory, content: 'rejects' });
    writeObjects(notices, { directory, content: 'notices' });
  } else {
    publish(findings, stream.sinks);
    const shared = engine !== null;
    append(together('all rejects', rejects), { path: rejectsPath, content: 'rejects', shared });
    append(notices, { path: noticesPath, content: 'notices', shared });
  }
}

/**
 * The first pass of a job in parts: the history's files of the days that its conversations lie in,
 * and nothing else. `spec.history` must be a directory.
 */
export function buildHistoryPass(root: Root, spec: JobSpec): void {
  const start = root.apply(
    withName('start', impulse() as never),
  ) as unknown as PCollection<Uint8Array>;
  if (spec.history === null) throw new Error('a history needs a directory');
  const reference = latestReference(root, start, spec.reference, null);
  const { conversations } = readConversations(root, start, spec, reference, null);
  writeHistory(conversations, reference, spec.history, null);
}

/** Inputs -> conversations with what the reference data say of them, and what could not be read. */
function readConversations(
  root: Root,
  start: PCollection<Uint8Array>,
  spec: JobSpec,
  reference: PCollection<ManifestRef>,
  timing: Timing,
): { conversations: PCollection<ConversationBatch>; rejects: PCollection<Reject>[] } {
  const { windowMs, shards, stream } = spec;
  const attempts = spec.filters.some(({ id }) => filterById(id).attempts);
  const { chunks, rejects: unread } =
    stream === null ? read(start, spec) : readLive(root, stream.inputs);
  const { flows, rejects: undecoded } = decode(chunks);
  const graded = established(orient(flows));
  const customers = dropShared(joinCustomers(graded, reference), reference);
  const deduplicated = dedupe(customers, { windowMs, shards, attempts }, timing);
  const place = stream?.archive ?? null;
  const kept = place === null ? deduplicated : archive(deduplicated, place);
  return { conversations: joinReference(kept, reference), rejects: [...unread, undecoded] };
}

/** Findings of the filters that judge single conversations; none where no such filter is enabled. */
function collapsed(
  hits: readonly PCollection<HitSet>[],
  findingWindowMs: number,
  timing: Timing,
): PCollection<Finding>[] {
  if (hits.length === 0) return [];
  const all = together('all hits', hits);
  const withdrawn = timing === null ? [] : [withdrawHits(all, findingWindowMs, timing)];
  return [collapse(all, withdrawn, findingWindowMs, timing)];
}

function plansOf(spec: JobSpec, shape: Filter['shape']): readonly FilterPlan[] {
  return spec.filters.filter(({ id }) => filterById(id).shape === shape);
}
