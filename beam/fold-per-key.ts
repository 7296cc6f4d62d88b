/**
 * Folding the values of a key and window into one state, value by value.
 *
 * In the graph it is a composite: GroupByKey, then a ParDo that folds the group. An engine that does
 * not know the composite's URN runs just that. The local runner knows it and folds values as they
 * arrive, so a window holds its state and not the values.
 *
 * It is no Combine, because two states need not be mergeable: redelivered records are recognised by
 * fingerprint, and of two sums that share a record no sum can be made.
 */
import { applyFn, registerFn, type FnContext } from './fn.js';
import type { PCollection, WindowedValue } from 'apache-beam';
import { withName } from 'apache-beam/transforms/transform';
import type { Coder } from 'apache-beam/coders/coders';
import type { Pipeline } from 'apache-beam/internal/pipeline';
import type { PTransform } from 'apache-beam/proto/beam_runner_api';
import { groupByKey } from 'apache-beam/transforms/internal';
import type { PaneInfo } from 'apache-beam/values';
import type { TimeWindow } from './windows.js';

export const FOLD_URN = 'flowsieve:transform:fold_per_key:v1';

/** A state that values are folded into, in any order. */
export interface Fold<Value> {
  add(value: Value): void;
  /**
   * Emits what the state amounts to. Where a window fires more than once it is called again with
   * each pane, after more was added: it must not change the state.
   */
  finish(context: FnContext, pane: PaneInfo): void | Promise<void>;
  /**
   * Fewer values that fold to the same state as all so far. A runner that keeps values through many
   * panes stores these instead.
   */
  compact?(): Value[];
}

/** `window` is undefined in the global window. */
export type FoldMaker<Params, Value> = (
  params: Params,
  key: string,
  window: TimeWindow | undefined,
) => Fold<Value>;

interface Registered {
  readonly make: FoldMaker<unknown, unknown>;
  readonly weigh: (value: unknown) => number;
}

const folds = new Map<string, Registered>();

/**
 * Registers a fold under a name that the graph may carry. `weigh` says how many records a value
 * stands for, where a runner counts what it had to drop as too late.
 */
export function registerFold<Params, Value>(
  name: string,
  make: FoldMaker<Params, Value>,
  weigh: (value: Value) => number = () => 1,
): void {
  if (folds.has(name)) throw new Error(`fold ${name} is registered twice`);
  folds.set(name, {
    make: make as FoldMaker<unknown, unknown>,
    weigh: weigh as (value: unknown) => number,
  });
}

function registered(name: string): Registered {
  const found = folds.get(name);
  if (found === undefined) throw new Error(`fold ${name} is not registered in this worker`);
  return found;
}

/** How many records a value of the registered fold stands for. */
export function weightOf(fold: string, value: unknown): number {
  return registered(fold).weigh(value);
}

/** The registered fold's state for one key and window. */
export function makeFold(
  fold: string,
  params: unknown,
  key: string,
  window: TimeWindow | undefined,
): Fold<unknown> {
  return registered(fold).make(params, key, window);
}

export interface FoldSpec {
  readonly fold: string;
  readonly params: unknown;
}

interface Group {
  readonly key: string;
  /** A whole group from GroupByKey, or the state that the local runner has folded already. */
  readonly value: Iterable<unknown> | FoldedState;
}

/** A state that was folded while its values arrived; never crosses a process. */
export class FoldedState {
  readonly fold: Fold<unknown>;

  constructor(fold: Fold<unknown>) {
    this.fold = fold;
  }
}

registerFn<FoldSpec, Group>('flowsieve/fold', ({ fold, params }, context) => ({
  process({ key, value }, windowed): void | Promise<void> {
    if (value instanceof FoldedState) return value.fold.finish(context, windowed.pane);
    const state = makeFold(fold, params, key, timeWindowOf(windowed));
    for (const item of value) state.add(item);
    return state.finish(context, windowed.pane);
  },
}));

/** The interval window of an element; undefined if it is in the global window. */
export function timeWindowOf(windowed: WindowedValue<unknown>): TimeWindow | undefined {
  const window = windowed.windows[0] as {
    start?: { toNumber(): number };
    end?: { toNumber(): number };
  };
  if (window.start === undefined || window.end === undefined) return undefined;
  return { startMs: window.start.toNumber(), endMs: window.end.toNumber() };
}

/** Folds keyed values by key and window with the registered fold; returns its outputs by tag. */
export function foldPerKey(
  input: PCollection<{ key: string; value: unknown }>,
  name: string,
  spec: FoldSpec,
  outputs: Readonly<Record<string, Coder<unknown>>>,
): Record<string, PCollection<never>> {
  const expand = (
    keyed: PCollection<unknown>,
    _pipeline: Pipeline,
    proto: PTransform,
  ): Record<string, PCollection<never>> => {
    proto.spec = { urn: FOLD_URN, payload: Buffer.from(JSON.stringify(spec)) };
    const grouped = keyed.apply(withName('group', groupByKey() as never)) as PCollection<unknown>;
    return applyFn(grouped, { name: 'fold', fn: 'flowsieve/fold', params: spec, outputs });
  };
  return input.apply(withName(name, expand) as never) as Record<string, PCollection<never>>;
}
