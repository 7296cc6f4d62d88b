/**
 * Unbounded sources by name: what the graph carries is a registered name and JSON parameters.
 *
 * The SDK has no splittable DoFns, so a source of our own is a primitive with an own URN, which only
 * the local runner understands. Pub/Sub is not one of them: it is the standard
 * `beam:transform:pubsub_read:v1`, which every engine knows.
 */
import './operators.js';
import type { PCollection, Root } from 'apache-beam';
import type { Coder } from 'apache-beam/coders/coders';
import type { Pipeline } from 'apache-beam/internal/pipeline';
import { IsBounded_Enum, type PTransform } from 'apache-beam/proto/beam_runner_api';
import { withName } from 'apache-beam/transforms/transform';
import { globalWindows } from 'apache-beam/transforms/windowings';
import { createWindowingStrategyProto } from 'apache-beam/transforms/window';

export const SOURCE_URN = 'flowsieve:transform:live_source:v1';

/** One element that a source hands over. */
export interface Delivery {
  /** An element of the source's output collection. */
  readonly value: unknown;
  /**
   * Ms since 1970 UTC: event time where the source knows it (Pub/Sub), else its arrival; the records'
   * own times are then observed once they are decoded (`FnContext.observe`).
   */
  readonly timestampMs: number;
  /** Who sent it, where the source knows event times; the watermark follows each sender. */
  readonly exporter?: string;
  /** Memory that it takes; what waits is bounded by it. */
  readonly bytes: number;
  /** Called once all that came of it is durable: now it may be acknowledged. */
  readonly committed?: () => void;
  /** What the source needs to go on after this element: stored in the same commit; null deletes. */
  readonly checkpoint?: readonly (readonly [key: string, value: string | null])[];
}

/** Where a source puts its elements. */
export interface Intake {
  /**
   * Hands over one element; resolves when there is room for the next. A source that waits for it
   * has back-pressure; one that cannot wait (UDP) drops and counts.
   */
  deliver(delivery: Delivery): Promise<void>;
  /** Adds to a counter of the job. */
  count(name: string, by?: number): void;
  /** Something that could not be read, for whoever keeps such; it is counted apart. */
  reject?(reject: unknown): void;
  /** No element that is yet to be delivered is earlier; for sources that know (a test stream). */
  advanceWatermark?(timestampMs: number): void;
}

/** A source that delivers until it is stopped or at its end. */
export interface LiveSource {
  /**
   * Delivers. `checkpoint` is what was committed with its elements, empty at the first start.
   * Resolves at the end of what has one (standard input) and after `stop`; rejects where it cannot
   * go on.
   */
  run(intake: Intake, checkpoint: ReadonlyMap<string, string>): Promise<void>;
  /** Takes no more; elements that were delivered may still be committed. Idempotent. */
  stop(): void | Promise<void>;
  /** After the last commit: gives back what was not committed, ends connections. */
  close?(): Promise<void>;
}

export type SourceMaker<Params> = (params: Params) => LiveSource;

const makers = new Map<string, SourceMaker<unknown>>();

/** Registers a source under a name that the graph may carry. */
export function registerSource<Params>(name: string, make: SourceMaker<Params>): void {
  if (makers.has(name)) throw new Error(`source ${name} is registered twice`);
  makers.set(name, make as SourceMaker<unknown>);
}

interface SourcePayload {
  readonly source: string;
  readonly params: unknown;
}

/** The registered source that a transform's payload names. */
export function makeSource(payload: Uint8Array): LiveSource {
  const { source, params } = JSON.parse(Buffer.from(payload).toString()) as SourcePayload;
  const make = makers.get(source);
  if (make === undefined) throw new Error(`source ${source} is not registered`);
  return make(params);
}

/** Applies a registered source; its elements are in the global window, unbounded. */
export function applySource<T>(
  root: Root,
  name: string,
  { source, params }: SourcePayload,
  coder: Coder<T>,
): PCollection<T> {
  if (!makers.has(source)) throw new Error(`source ${source} is not registered`);
  const payload = Buffer.from(JSON.stringify({ source, params }));
  return unbounded(root, name, SOURCE_URN, () => payload, coder);
}

/** A root transform with an unbounded output. */
export function unbounded<T>(
  root: Root,
  name: string,
  urn: string,
  payload: (pipeline: Pipeline) => Uint8Array,
  coder: Coder<T>,
): PCollection<T> {
  const expand = (_root: unknown, pipeline: Pipeline, proto: PTransform): PCollection<unknown> => {
    proto.spec = { urn, payload: payload(pipeline) };
    proto.environmentId = '';
    const strategy = createWindowingStrategyProto(pipeline, globalWindows() as never);
    return pipeline.createPCollectionInternal(
      coder,
      pipeline.context.getWindowingStrategyId(strategy),
      IsBounded_Enum.UNBOUNDED,
    );
  };
  return root.apply(withName(name, expand) as never) as unknown as PCollection<T>;
}
