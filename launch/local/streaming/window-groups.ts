import {
  FoldedState,
  makeFold,
  timeWindowOf,
  weightOf,
  type Fold,
} from '../../../beam/fold-per-key.js';
import Long from 'long';
import type { WindowedValue } from 'apache-beam';
import { Context, type Coder } from 'apache-beam/coders/coders';
import {
  AccumulationMode_Enum,
  ClosingBehavior_Enum,
  OnTimeBehavior_Enum,
  type WindowingStrategy,
} from 'apache-beam/proto/beam_runner_api';
import { GlobalWindow, IntervalWindow, Timing, type PaneInfo } from 'apache-beam/values';
import protobuf from 'protobufjs';
import type { FoldSpec } from '../../../beam/fold-per-key.js';
import {
  triggerMachine,
  type TriggerMachine,
  type TriggerMoment,
  type TriggerState,
} from './trigger-machine.js';

/** A key and value on their way into a grouping. */
type Keyed = WindowedValue<{ key: string; value: unknown }>;

/** What is kept of a group besides its values. Plain JSON, stored as it is. */
interface GroupRecord {
  readonly key: string;
  /** null = the global window. */
  readonly startMs: number | null;
  readonly endMs: number | null;
  trigger: TriggerState;
  /** Panes so far, and those among them that were not early. */
  panes: number;
  settledPanes: number;
  /** The on-time pane was told, or can no longer be. */
  onTime: boolean;
  /** Values since the last pane. */
  fresh: number;
  /** When the earliest of them came in, ms since 1970 UTC. */
  sinceMs: number;
  /** Numbers of the first value that is kept and of the next to come. */
  first: number;
  next: number;
  /** Of the values that are kept, and of those after they were last compacted. */
  bytes: number;
  compactBytes: number;
}

interface Group {
  readonly id: string;
  readonly record: GroupRecord;
  readonly endMs: number;
  readonly closeMs: number;
  /** The state of its values; undefined where they lie in the store only. */
  fold: Fold<unknown> | undefined;
  /** Values without a fold, where none is made of them. */
  values: unknown[] | undefined;
}

/** What a group has to tell. */
export interface FiredPane {
  readonly element: WindowedValue<unknown>;
  /** When the earliest of what is new in it came in, ms since 1970 UTC. */
  readonly arrivedMs: number;
}

/** Where groups are kept. Reads see what the last commit left; writes are part of the next. */
export interface GroupStorage {
  put(key: string, value: Uint8Array): void;
  remove(key: string): void;
  /** Values of a group in their order, those of the next commit too. */
  values(prefix: string): AsyncIterable<Uint8Array>;
  nextGroupId(): string;
  count(name: string, by: number): void;
}

export interface GroupingShape {
  /** Name of the step: what the store knows the grouping by. */
  readonly name: string;
  readonly fold: FoldSpec | undefined;
  /** It hands out only what was committed; what came in this turn waits for the next. */
  readonly stable?: boolean;
  readonly strategy: WindowingStrategy;
  readonly coder: Coder<{ key: string; value: unknown }>;
}

const MAX_MS = 9223371950454775;
const NO_END = Infinity;

/** A group's stored values may grow to this many times what they were compacted to. */
const COMPACT_FACTOR = 4;
const COMPACT_BYTES = 256 * 1024;

/**
 * The open windows of one GroupByKey: values by key and window until the window closes, and when
 * each fires, by the model's rules (triggers, panes, allowed lateness, accumulation).
 */
export class WindowGroups {
  readonly #shape: GroupingShape;
  readonly #storage: GroupStorage;
  readonly #trigger: TriggerMachine;
  readonly #latenessMs: number;
  readonly #accumulating: boolean;
  readonly #groups = new Map<string, Group>();
  /** Groups whose trigger may fire by processing time or at once. */
  readonly #restless = new Set<Group>();
  /** What came since the last commit, where only what is committed is handed out. */
  readonly #incoming: { element: Keyed; nowMs: number; arrivedMs: number }[] = [];
  /** Groups whose record is not what was stored last. */
  readonly #changed = new Set<Group>();
  /** By end and by close of their window. */
  readonly #ending = new Map<number, Set<Group>>();
  readonly #closing = new Map<number, Set<Group>>();
  #watermarkMs = -Infinity;

  constructor(shape: GroupingShape, storage: GroupStorage) {
    this.#shape = shape;
    this.#storage = storage;
    const { trigger, allowedLateness, accumulationMode } = shape.strategy;
    if (trigger === undefined) throw new Error(`step ${shape.name} has no trigger`);
    this.#trigger = triggerMachine(trigger);
    this.#latenessMs = Number(allowedLateness);
    if (accumulationMode === AccumulationMode_Enum.RETRACTING) {
      throw new Error(`step ${shape.name}: retracting panes are not supported`);
    }
    this.#accumulating = accumulationMode === AccumulationMode_Enum.ACCUMULATING;
  }

  get size(): number {
    return this.#groups.size;
  }

  /** Takes up a group as it was stored. */
  restore(id: string, json: Uint8Array): void {
    const record = JSON.parse(Buffer.from(json).toString()) as GroupRecord;
    const group = this.#open(id, record);
    const waits = this.#trigger.nextMs(record.trigger, this.#moment(group, 0)) < Infinity;
    if (record.fresh > 0 || waits) this.#restless.add(group);
  }

  /** Takes up an element, or drops and counts one whose window has closed. */
  add(element: Keyed, nowMs: number, arrivedMs = nowMs): void {
    if (this.#shape.stable === true) this.#incoming.push({ element, nowMs, arrivedMs });
    else this.#add(element, nowMs, arrivedMs);
  }

  #add(element: Keyed, nowMs: number, arrivedMs: number): void {
    const { key, value } = element.value;
    const { fold: spec, coder } = this.#shape;
    const span = timeWindowOf(element);
    const groupKey = keyOf(span?.startMs ?? null, span?.endMs ?? null, key);
    let group = this.#groups.get(groupKey);
    if (group === undefined) {
      const endMs = span?.endMs ?? NO_END;
      // What waits for a commit came in time, whatever the watermark is by then.
      const isLate = endMs + this.#latenessMs <= this.#watermarkMs && this.#shape.stable !== true;
      if (isLate) {
        this.#drop('late', value);
        return;
      }
      group = this.#open(this.#storage.nextGroupId(), {
        key,
        startMs: span?.startMs ?? null,
        endMs: span?.endMs ?? null,
        trigger: this.#trigger.start(),
        panes: 0,
        settledPanes: 0,
        onTime: endMs <= this.#watermarkMs,
        fresh: 0,
        sinceMs: 0,
        first: 0,
        next: 0,
        bytes: 0,
        compactBytes: 0,
      });
      if (spec === undefined) group.values = [];
      else group.fold = makeFold(spec.fold, spec.params, key, span);
    }
    const { record } = group;
    if (record.trigger.finished === true) {
      this.#drop('finished', value);
      return;
    }
    const writer = protobuf.Writer.create();
    coder.encode(element.value, writer, Context.needsDelimiters);
    const bytes = writer.finish();
    this.#storage.put(valueKey(group.id, record.next++), bytes);
    record.bytes += bytes.length;
    record.sinceMs = record.fresh === 0 ? arrivedMs : Math.min(record.sinceMs, arrivedMs);
    record.fresh++;
    // As on any engine a grouping has copies: whoever sent the value may go on changing it.
    const copy = this.#decode(bytes);
    group.fold?.add(copy);
    group.values?.push(copy);
    this.#trigger.onElement(record.trigger, this.#moment(group, nowMs));
    this.#restless.add(group);
    this.#changed.add(group);
  }

  /** Counts what comes to a window that has closed, or that its trigger has finished with. */
  #drop(why: 'late' | 'finished', value: unknown): void {
    const { name, fold: spec } = this.#shape;
    const weight = spec === undefined ? 1 : weightOf(spec.fold, value);
    this.#storage.count(`dropped/${why}/${name}`, weight);
  }

  /** Moves the watermark on; what that makes due fires at the next `fire`. */
  advance(watermarkMs: number): void {
    this.#watermarkMs = Math.max(this.#watermarkMs, watermarkMs);
  }

  get watermarkMs(): number {
    return this.#watermarkMs;
  }

  /** It has something that only waits to be committed. */
  get waits(): boolean {
    return this.#shape.stable === true && this.#restless.size > 0;
  }

  /** Processing time at which a group may fire by itself; Infinity = none. */
  nextMs(nowMs: number): number {
    if (this.waits) return nowMs;
    let next = Infinity;
    for (const group of this.#restless) {
      const ms = this.#trigger.nextMs(group.record.trigger, this.#moment(group, nowMs));
      if (ms > nowMs) next = Math.min(next, ms);
    }
    return next;
  }

  /**
   * Panes that are due now, in the order of window and key and at most `most` at once: after a jump of
   * the watermark all that is due would not fit into memory. What they leave behind is in the next
   * commit.
   */
  async *fire(nowMs: number, most: number): AsyncGenerator<readonly FiredPane[]> {
    let panes: FiredPane[] = [];
    for (const group of this.#due(nowMs)) {
      const pane = await this.#fire(group, nowMs);
      if (pane !== undefined) panes.push(pane);
      if (panes.length < most) continue;
      yield panes;
      panes = [];
    }
    if (panes.length > 0) yield panes;
  }

  #due(nowMs: number): Group[] {
    const due = new Set<Group>();
    for (const byTime of [this.#ending, this.#closing]) {
      for (const [ms, groups] of byTime) {
        if (ms > this.#watermarkMs) continue;
        for (const group of groups) due.add(group);
      }
    }
    for (const group of this.#restless) {
      if (this.#trigger.shouldFire(group.record.trigger, this.#moment(group, nowMs)))
        due.add(group);
    }
    return [...due].sort((a, b) => a.endMs - b.endMs || (a.record.key < b.record.key ? -1 : 1));
  }

  async #fire(group: Group, nowMs: number): Promise<FiredPane | undefined> {
    const { record } = group;
    const { closingBehavior, onTimeBehavior } = this.#shape.strategy;
    const ended = group.endMs <= this.#watermarkMs;
    const closes = group.closeMs <= this.#watermarkMs;
    const at = this.#moment(group, nowMs);
    if (ended) remove(this.#ending, group.endMs, group);
    if (!closes && !this.#trigger.shouldFire(record.trigger, at)) return undefined;
    const onTime = ended && !record.onTime;
    const finished = record.trigger.finished === true;
    if (!closes) this.#trigger.onFire(record.trigger, at);
    const last = closes || record.trigger.finished === true;
    const always =
      !finished &&
      ((onTime && onTimeBehavior !== OnTimeBehavior_Enum.FIRE_IF_NONEMPTY) ||
        (last && closingBehavior === ClosingBehavior_Enum.EMIT_ALWAYS));
    const tells = record.fresh > 0 || always;
    const arrivedMs = record.fresh > 0 ? record.sinceMs : nowMs;
    const value = tells ? await this.#valueOf(group) : undefined;
    const pane: PaneInfo = {
      timing: !ended ? Timing.EARLY : onTime ? Timing.ON_TIME : Timing.LATE,
      index: record.panes,
      onTimeIndex: ended ? record.settledPanes : -1,
      isFirst: record.panes === 0,
      isLast: last,
    };
    if (ended) record.onTime = true;
    if (tells) {
      record.panes++;
      if (ended) record.settledPanes++;
      record.fresh = 0;
    }
    // A trigger may wait for a time although nothing new came: its end must not be missed.
    if (last || this.#trigger.nextMs(record.trigger, at) === Infinity) this.#restless.delete(group);
    if (closes) this.#forget(group);
    else if (last) this.#finish(group);
    else this.#keep(group, ended);
    if (value === undefined) return undefined;
    const window = windowOf(record);
    const timestamp = lastTimestamp(window);
    return { element: { value, windows: [window], timestamp, pane }, arrivedMs };
  }

  /** What a pane holds. A fold that was let go is made again from the stored values. */
  async #valueOf(group: Group): Promise<unknown> {
    const { fold: spec } = this.#shape;
    const { key, startMs, endMs } = group.record;
    if (spec === undefined) {
      group.values ??= await this.#read(group);
      return { key, value: group.values };
    }
    if (group.fold === undefined) {
      const span = startMs === null || endMs === null ? undefined : { startMs, endMs };
      const fold = makeFold(spec.fold, spec.params, key, span);
      for (const value of await this.#read(group)) fold.add(value);
      group.fold = fold;
    }
    return { key, value: new FoldedState(group.fold) };
  }

  async #read(group: Group): Promise<unknown[]> {
    const values: unknown[] = [];
    for await (const bytes of this.#storage.values(valuePrefix(group.id))) {
      values.push(this.#decode(bytes));
    }
    return values;
  }

  #decode(bytes: Uint8Array): unknown {
    return this.#shape.coder.decode(protobuf.Reader.create(bytes), Context.needsDelimiters).value;
  }

  /** Its trigger is done: the window stays until it closes, so that what comes is not taken for new. */
  #finish(group: Group): void {
    this.#removeValues(group);
    group.fold = undefined;
    group.values = undefined;
    this.#changed.add(group);
  }

  #forget(group: Group): void {
    const { record } = group;
    this.#removeValues(group);
    this.#changed.delete(group);
    this.#storage.remove(groupStoreKey(this.#shape.name, group.id));
    this.#groups.delete(keyOf(record.startMs, record.endMs, record.key));
    remove(this.#ending, group.endMs, group);
    remove(this.#closing, group.closeMs, group);
  }

  #keep(group: Group, ended: boolean): void {
    if (!this.#accumulating) {
      this.#removeValues(group);
      const { fold: spec } = this.#shape;
      group.values = spec === undefined ? [] : undefined;
      group.fold = undefined;
    }
    // After its end little more comes: the store has it.
    if (ended) group.fold = undefined;
    this.#changed.add(group);
  }

  #compact(group: Group): void {
    const { record } = group;
    if (record.bytes <= COMPACT_FACTOR * record.compactBytes + COMPACT_BYTES) return;
    const values = group.fold?.compact?.();
    if (values === undefined) return;
    this.#removeValues(group);
    for (const value of values) {
      const writer = protobuf.Writer.create();
      this.#shape.coder.encode({ key: record.key, value }, writer, Context.needsDelimiters);
      const bytes = writer.finish();
      this.#storage.put(valueKey(group.id, record.next++), bytes);
      record.bytes += bytes.length;
    }
    record.compactBytes = record.bytes;
  }

  #removeValues(group: Group): void {
    const { record } = group;
    for (let n = record.first; n < record.next; n++) this.#storage.remove(valueKey(group.id, n));
    record.first = record.next;
    record.bytes = 0;
  }

  #open(id: string, record: GroupRecord): Group {
    const endMs = record.endMs ?? NO_END;
    const closeMs = endMs + this.#latenessMs;
    const group: Group = { id, record, endMs, closeMs, fold: undefined, values: undefined };
    this.#groups.set(keyOf(record.startMs, record.endMs, record.key), group);
    if (!record.onTime) place(this.#ending, endMs, group);
    place(this.#closing, closeMs, group);
    return group;
  }

  /** Puts into the next commit what changed since the last. */
  flush(): void {
    for (const { element, nowMs, arrivedMs } of this.#incoming.splice(0)) {
      this.#add(element, nowMs, arrivedMs);
    }
    for (const group of this.#changed) {
      if (this.#accumulating) this.#compact(group);
      const key = groupStoreKey(this.#shape.name, group.id);
      this.#storage.put(key, Buffer.from(JSON.stringify(group.record)));
    }
    this.#changed.clear();
  }

  #moment(group: Group, nowMs: number): TriggerMoment {
    return { nowMs, ended: group.endMs <= this.#watermarkMs };
  }
}

/** Groups lie under `g/STEP/ID`, their values under `v/ID/NUMBER`. */
const GROUPS_PREFIX = 'g/';

/** Step and id of a stored group's key; undefined for another key. */
export function parseGroupKey(key: string): { step: string; id: string } | undefined {
  const at = key.lastIndexOf('/');
  if (!key.startsWith(GROUPS_PREFIX) || at < GROUPS_PREFIX.length) return undefined;
  return { step: key.slice(GROUPS_PREFIX.length, at), id: key.slice(at + 1) };
}

function groupStoreKey(step: string, id: string): string {
  return `${GROUPS_PREFIX}${step}/${id}`;
}

function valuePrefix(id: string): string {
  return `v/${id}/`;
}

/** Fixed digits: the store's order is that of text. */
function valueKey(id: string, number: number): string {
  return `${valuePrefix(id)}${number.toString(36).padStart(8, '0')}`;
}

function keyOf(startMs: number | null, endMs: number | null, key: string): string {
  return startMs === null ? `/${key}` : `${startMs}/${endMs ?? ''}/${key}`;
}

function windowOf({ startMs, endMs }: GroupRecord): GlobalWindow | IntervalWindow {
  if (startMs === null || endMs === null) return new GlobalWindow();
  return new IntervalWindow(Long.fromNumber(startMs), Long.fromNumber(endMs));
}

function lastTimestamp(window: GlobalWindow | IntervalWindow): Long {
  return window instanceof GlobalWindow ? Long.fromNumber(MAX_MS) : window.maxTimestamp();
}

function place(byTime: Map<number, Set<Group>>, ms: number, group: Group): void {
  const groups = byTime.get(ms);
  if (groups === undefined) byTime.set(ms, new Set([group]));
  else groups.add(group);
}

function remove(byTime: Map<number, Set<Group>>, ms: number, group: Group): void {
  const groups = byTime.get(ms);
  if (groups?.delete(group) === true && groups.size === 0) byTime.delete(ms);
}
