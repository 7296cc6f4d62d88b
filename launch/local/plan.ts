import { FOLD_URN, type FoldSpec } from '../../beam/fold-per-key.js';
import { STABLE_URN } from '../../beam/stable-input.js';
import { SOURCE_URN } from '../../beam/source.js';
import {
  type Components,
  ParDoPayload,
  type Pipeline,
  type PTransform,
} from 'apache-beam/proto/beam_runner_api';

/**
 * A pipeline cut into stages. A stage is all that elements flow through without being grouped: from
 * one root (an Impulse, a live source, or the groups of one GroupByKey) to groupings and side inputs, fused.
 */
export interface Plan {
  /** In an order in which each stage finds its groups and side inputs complete. */
  readonly stages: readonly Stage[];
  readonly groupings: ReadonlyMap<string, Grouping>;
  readonly components: Components;
}

export interface Stage {
  /** Transform id of the root. */
  readonly root: string;
  /** Name of the first step, for people. */
  readonly name: string;
  /** Ids of the primitive transforms after the root, without groupings. */
  readonly transforms: readonly string[];
  /** Groupings that the stage feeds. */
  readonly feeds: readonly string[];
  /** Collections that other transforms read whole. */
  readonly sideOutputs: readonly string[];
}

export interface Grouping {
  /** Transform id of the GroupByKey. */
  readonly id: string;
  /** Name of the step, which does not change with the graph around it. */
  readonly name: string;
  readonly input: string;
  readonly output: string;
  /** Whether it hands out only what was committed. */
  readonly stable: boolean;
  /** How its values are folded as they arrive; undefined: they are kept. */
  readonly fold: FoldSpec | undefined;
}

export const IMPULSE = 'beam:transform:impulse:v1';
export const PUBSUB_READ = 'beam:transform:pubsub_read:v1';
export const TEST_STREAM = 'beam:transform:teststream:v1';
const GROUP_BY_KEY = 'beam:transform:group_by_key:v1';
const PARDO = 'beam:transform:pardo:v1';

/** Transforms without an input. */
const ROOTS = new Set([IMPULSE, SOURCE_URN, PUBSUB_READ, TEST_STREAM]);

/** Cuts `pipeline` into stages. Throws for a graph that this runner cannot run. */
export function planPipeline(pipeline: Pipeline): Plan {
  const { components } = pipeline;
  if (components === undefined) throw new Error('the pipeline has no components');
  const { transforms } = components;
  const primitives = Object.entries(transforms).filter(([, t]) => t.subtransforms.length === 0);
  const consumers = new Map<string, string[]>();
  const sideReaders = new Map<string, string[]>();
  for (const [id, transform] of primitives) {
    const sides = sideTags(transform);
    for (const [tag, collection] of Object.entries(transform.inputs)) {
      const readers = sides.has(tag) ? sideReaders : consumers;
      readers.set(collection, [...(readers.get(collection) ?? []), id]);
    }
  }
  const groupings = new Map<string, Grouping>();
  for (const [id, transform] of primitives) {
    if (transform.spec?.urn === GROUP_BY_KEY)
      groupings.set(id, groupingOf(id, transform, transforms));
  }
  const roots = primitives
    .filter(([id, t]) => ROOTS.has(t.spec?.urn ?? '') || groupings.has(id))
    .map(([id]) => id);
  const stages = roots.map((root) => stageOf(root, transforms, consumers, sideReaders, groupings));
  return { stages: inOrder(stages, sideReaders), groupings, components };
}

function sideTags(transform: PTransform): Set<string> {
  if (transform.spec?.urn !== PARDO) return new Set();
  return new Set(Object.keys(ParDoPayload.fromBinary(transform.spec.payload).sideInputs));
}

function groupingOf(
  id: string,
  transform: PTransform,
  transforms: Readonly<Record<string, PTransform>>,
): Grouping {
  const parentOf = (urn: string): PTransform | undefined =>
    Object.values(transforms).find((t) => t.spec?.urn === urn && t.subtransforms.includes(id));
  const folding = parentOf(FOLD_URN)?.spec;
  const fold =
    folding === undefined
      ? undefined
      : (JSON.parse(Buffer.from(folding.payload).toString()) as FoldSpec);
  return {
    id,
    name: transform.uniqueName,
    input: Object.values(transform.inputs)[0],
    output: Object.values(transform.outputs)[0],
    fold,
    stable: parentOf(STABLE_URN) !== undefined,
  };
}

function stageOf(
  root: string,
  transforms: Readonly<Record<string, PTransform>>,
  consumers: ReadonlyMap<string, readonly string[]>,
  sideReaders: ReadonlyMap<string, readonly string[]>,
  groupings: ReadonlyMap<string, Grouping>,
): Stage {
  const members = new Set<string>();
  const feeds = new Set<string>();
  const sideOutputs = new Set<string>();
  const waiting = [root];
  for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
    for (const collection of Object.values(transforms[id].outputs)) {
      if (sideReaders.has(collection)) sideOutputs.add(collection);
      for (const consumer of consumers.get(collection) ?? []) {
        if (groupings.has(consumer)) {
          feeds.add(consumer);
        } else if (!members.has(consumer)) {
          members.add(consumer);
          waiting.push(consumer);
        }
      }
    }
  }
  for (const collection of sideOutputs) {
    const reader = sideReaders.get(collection)?.find((id) => members.has(id));
    if (reader !== undefined) {
      const name = transforms[reader].uniqueName;
      throw new Error(`step ${name} reads a side input of its own stage: reshuffle its main input`);
    }
  }
  const first = [...members][0] ?? root;
  return {
    root,
    name: transforms[first].uniqueName,
    transforms: [...members],
    feeds: [...feeds],
    sideOutputs: [...sideOutputs],
  };
}

/** Sorts stages so that each comes after those that feed its root or its side inputs. */
function inOrder(
  stages: readonly Stage[],
  sideReaders: ReadonlyMap<string, readonly string[]>,
): Stage[] {
  const ordered: Stage[] = [];
  let waiting = [...stages];
  while (waiting.length > 0) {
    const ready = waiting.filter((stage) =>
      waiting.every((other) => other === stage || !mustPrecede(other, stage, sideReaders)),
    );
    if (ready.length === 0) throw new Error('the graph has a cycle through side inputs');
    ordered.push(...ready);
    waiting = waiting.filter((stage) => !ready.includes(stage));
  }
  return ordered;
}

function mustPrecede(
  first: Stage,
  second: Stage,
  sideReaders: ReadonlyMap<string, readonly string[]>,
): boolean {
  if (first.feeds.includes(second.root)) return true;
  return first.sideOutputs.some((collection) =>
    sideReaders.get(collection)?.some((reader) => second.transforms.includes(reader)),
  );
}
