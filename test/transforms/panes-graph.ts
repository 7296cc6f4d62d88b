import '../../beam/operators.js';
import type { PCollection, Root } from 'apache-beam';
import { impulse } from 'apache-beam/transforms/internal';
import { withName } from 'apache-beam/transforms/transform';
import { flowBatchCoder, jsonCoder } from '../../beam/coders.js';
import { constant } from '../../beam/constant.js';
import { reshuffle } from '../../beam/reshuffle.js';
import { applyFn, registerFn } from '../../beam/fn.js';
import { together } from '../../beam/together.js';
import { filterById } from '../../filters/filters.js';
import type { FilterPlan } from '../../filters/policies.js';
import type { Suppression } from '../../filters/suppression.js';
import type { StateStore } from '../../launch/local/state/state-store.js';
import { LocalRunner } from '../../launch/local/local-runner.js';
import { StreamingRunner } from '../../launch/local/streaming/streaming-runner.js';
import type { Finding } from '../../pipeline/finding.js';
import { decodeFlowBatch, encodeFlowBatch, type FlowBatch } from '../../pipeline/flow-batch.js';
import type { ManifestRef } from '../../reference/snapshot.js';
import { collapse } from '../../transforms/collapse.js';
import { dedupe } from '../../transforms/dedupe.js';
import { discountSharedRemotes } from '../../transforms/discount-shared.js';
import { dropShared } from '../../transforms/drop-shared.js';
import { established } from '../../transforms/established.js';
import { applyFilter } from '../../transforms/filter.js';
import type { Timing } from '../../transforms/firing.js';
import { applyGroupFilter } from '../../transforms/group.js';
import { keepHistory } from '../../transforms/history.js';
import { joinCustomers } from '../../transforms/join-customers.js';
import { joinReference } from '../../transforms/join-reference.js';
import { orient } from '../../transforms/orient.js';
import { suppress } from '../../transforms/suppress.js';
import { withdrawHits } from '../../transforms/withdraw-hits.js';
import { TestStream } from '../beam/test-stream.js';

export const WINDOW_MS = 300_000;

export interface PanesSpec {
  readonly reference: ManifestRef;
  readonly filters: readonly FilterPlan[];
  readonly findingWindowMs: number;
  readonly shards: number;
  readonly allowedLatenessMs: number;
  readonly earlyMs: number;
}

/** One thing that happens to a job: records, a watermark, or time that passes. */
export type PaneEvent =
  | { readonly kind: 'batches'; readonly batches: readonly FlowBatch[] }
  | { readonly kind: 'watermark'; readonly ms: number }
  | { readonly kind: 'time'; readonly ms: number };

/** What the graph that runs has published, in order. */
let published: Finding[] = [];
/** Findings until the sink fails. */
let findingsLeft = Infinity;

registerFn<null, Finding>('test/publish-panes', () => ({
  process(finding): void {
    if (findingsLeft-- <= 0) throw new Error('the sink failed');
    published.push(structuredClone(finding));
  },
}));

registerFn<readonly string[], unknown>('test/read-texts', (texts, context) => ({
  process(): void {
    for (const text of texts) context.emit('out', text);
  },
}));

registerFn<null, string>('test/decode-texts', (_params, context) => ({
  process(text): void {
    context.emit('out', decodeFlowBatch(Buffer.from(text, 'base64')));
  },
}));

/** The job from flow records to findings as `buildPipeline` puts it together, without history. */
function build(root: Root, flowsOf: FlowsOf, spec: PanesSpec, timing: Timing): void {
  const start = root.apply(
    withName('start', impulse() as never),
  ) as unknown as PCollection<Uint8Array>;
  const { findingWindowMs, shards, filters } = spec;
  const nowMs = timing === null ? 0 : null;
  const reference = constant(start, 'reference', spec.reference);
  const suppressions = constant<readonly Suppression[]>(start, 'suppressions', []);
  const graded = established(orient(flowsOf(root, start)));
  const customers = dropShared(joinCustomers(graded, reference), reference);
  const params = { windowMs: WINDOW_MS, shards, attempts: true };
  const conversations = joinReference(dedupe(customers, params, timing), reference);
  const { history } = keepHistory(root, conversations, reference, start, {
    directory: null,
    timing,
    engine: null,
  });
  const options = { reference, suppressions, history, findingWindowMs, shards, nowMs, timing };
  const shaped = (shape: string): readonly FilterPlan[] =>
    filters.filter(({ id }) => filterById(id).shape === shape);
  const hits = together(
    'all hits',
    shaped('conversation').map((plan) => applyFilter(conversations, reference, plan)),
  );
  const groups = shaped('group').flatMap((plan) => applyGroupFilter(conversations, plan, options));
  const gone = timing === null ? [] : [withdrawHits(hits, findingWindowMs, timing)];
  const all = together('all findings', [collapse(hits, gone, findingWindowMs, timing), ...groups]);
  const { findings } = discountSharedRemotes(all, history);
  applyFn(suppress(findings, suppressions, nowMs), {
    name: 'publish',
    fn: 'test/publish-panes',
    params: null,
    outputs: { nothing: jsonCoder },
  });
}

type FlowsOf = (root: Root, start: PCollection<unknown>) => PCollection<FlowBatch>;

/** Findings of one batch run over the records. */
export async function runBatch(spec: PanesSpec, flows: readonly FlowBatch[]): Promise<Finding[]> {
  published = [];
  const flowsOf: FlowsOf = (_root, start) => {
    const { out } = applyFn(start, {
      name: 'read',
      fn: 'test/read-texts',
      params: flows.map((batch) => Buffer.from(encodeFlowBatch(batch)).toString('base64')),
      outputs: { out: jsonCoder },
    });
    return applyFn(reshuffle(out as PCollection<unknown>, 'spread'), {
      name: 'decode',
      fn: 'test/decode-texts',
      params: null,
      outputs: { out: flowBatchCoder },
    })['out'];
  };
  await new LocalRunner().run((root) => {
    build(root, flowsOf, spec, null);
  });
  return published;
}

export interface Streamed {
  /** All revisions, in the order in which they were published. */
  readonly published: readonly Finding[];
  readonly counters: Readonly<Record<string, number>>;
}

/** Published revisions of a job to which the events happen, to the end of all time. */
export async function runStream(
  spec: PanesSpec,
  events: readonly PaneEvent[],
  store: StateStore,
): Promise<Streamed> {
  published = [];
  findingsLeft = Infinity;
  const counters = await stream(spec, events, store);
  return { published, counters };
}

/** The same, but the sink fails once after `count` findings, and all is delivered again. */
export async function runStreamTwice(
  spec: PanesSpec,
  events: readonly PaneEvent[],
  store: StateStore,
  count: number,
): Promise<Streamed> {
  published = [];
  findingsLeft = count;
  const failed = await stream(spec, events, store).then(
    () => false,
    (error: unknown) => {
      if ((error as Error).message !== 'the sink failed') throw error;
      return true;
    },
  );
  findingsLeft = Infinity;
  const counters = failed ? await stream(spec, events, store) : {};
  return { published, counters };
}

async function stream(
  spec: PanesSpec,
  events: readonly PaneEvent[],
  store: StateStore,
): Promise<Readonly<Record<string, number>>> {
  const tested = new TestStream<FlowBatch>(flowBatchCoder);
  for (const event of events) {
    if (event.kind === 'batches') {
      tested.elements(...event.batches.map((batch) => [batch, batch.columns.endMs[0]] as const));
    } else if (event.kind === 'watermark') tested.watermark(event.ms);
    else tested.time(event.ms);
  }
  tested.end();
  const { allowedLatenessMs, earlyMs } = spec;
  const timing = { windowMs: WINDOW_MS, allowedLatenessMs, earlyMs };
  const runner = new StreamingRunner({ store, watermark: { disorderMs: 0, idleMs: 60_000 } });
  const result = await runner.run((root) => {
    build(root, () => tested.apply(root), spec, timing);
  });
  return await result.counters();
}
