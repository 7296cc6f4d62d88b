/**
 * ParDos by name: what the graph carries is a registered name and JSON parameters, never code.
 *
 * Fault: a lambda that closes over a local compiles and fails at run time; the SDK's ParDo is
 * synchronous, has one output, and serialises the graph into each ParDo that has a side input.
 * Repair: an own DoFn URN with a JSON payload and an operator that may be asynchronous, has tagged
 * outputs, explicit timestamps and windows, and reads each side input whole (the SDK's iterable is
 * a one-shot generator: the second element of a bundle sees nothing).
 */
import { registerDoFnOperator } from './operators.js';
import Long from 'long';
import { withName } from 'apache-beam/transforms/transform';
import { GlobalWindow, IntervalWindow } from 'apache-beam/values';
import type { PCollection, WindowedValue } from 'apache-beam';
import type { Coder } from 'apache-beam/coders/coders';
import { GlobalWindowCoder } from 'apache-beam/coders/required_coders';
import { ONLY_PANE } from './only-pane.js';
import type { Pipeline } from 'apache-beam/internal/pipeline';
import { ParDoPayload, type PTransform } from 'apache-beam/proto/beam_runner_api';
import type {
  IOperator,
  OperatorContext,
  ProcessResult,
  Receiver,
} from 'apache-beam/worker/operators';
import { createStateKey } from 'apache-beam/worker/pardo_context';
import protobuf from 'protobufjs';
import { Context } from 'apache-beam/coders/coders';

const FN_URN = 'flowsieve:dofn:v1';
const PARDO_URN = 'beam:transform:pardo:v1';
const ITERABLE = 'beam:side_input:iterable:v1';
const SUM = 'beam:metric:user:sum_int64:v1';

/** What runs on a worker: made once a bundle. Elements are processed one after the other. */
export interface Fn<Input> {
  /** Must not keep or change `element`. */
  process(element: Input, windowed: WindowedValue<Input>): void | Promise<void>;
  /** What it emits without stating a time gets the earliest timestamp of the bundle's elements. */
  finishBundle?(): void | Promise<void>;
}

/** What a Fn may use. */
export interface FnContext {
  /** Emits to the output `tag`; whoever feeds this Fn waits for what comes of it. */
  emit(tag: string, value: unknown, at?: Placement): void;
  /** As `emit`, for an asynchronous Fn: awaiting it is the back-pressure. */
  send(tag: string, value: unknown, at?: Placement): Promise<void>;
  /** All elements of the side input `name`. Only within `process` and `finishBundle`. */
  side(name: string): readonly unknown[];
  /** Adds to a Beam user counter. */
  count(name: string, by?: number): void;
  /**
   * Says up to which event time an exporter's records have come, for a runner whose live sources
   * cannot tell before their bytes are decoded. Elsewhere it does nothing.
   */
  observe(exporter: string, latestMs: number): void;
}

type Observer = (exporter: string, latestMs: number) => void;

/** Runners that want to know observed times, by id of their bundle descriptor. */
const observers = new Map<string, Observer>();

/** Has what the Fns of a bundle descriptor observe told to `observer`; undefined ends it. */
export function observeTimes(descriptorId: string, observer: Observer | undefined): void {
  if (observer === undefined) observers.delete(descriptorId);
  else observers.set(descriptorId, observer);
}

/** Where an emitted value stands in event time; what is left out is taken from the current element. */
export interface Placement {
  readonly timestampMs?: number;
  /** [startMs, endMs); `global` for the global window. */
  readonly window?: { readonly startMs: number; readonly endMs: number } | 'global';
}

export type FnMaker<Params, Input> = (params: Params, context: FnContext) => Fn<Input>;

const makers = new Map<string, FnMaker<unknown, unknown>>();

/** Registers a Fn under a name that the graph may carry. A worker must have loaded the same module. */
export function registerFn<Params, Input>(name: string, make: FnMaker<Params, Input>): void {
  if (makers.has(name)) throw new Error(`fn ${name} is registered twice`);
  makers.set(name, make as FnMaker<unknown, unknown>);
}

/** Side inputs whose value is known when the graph is built (see fixed.ts). */
const fixedValues = new WeakMap<object, unknown>();

/** Has steps that read `collection` as a side input carry `value`, JSON, instead. */
export function fixValue(collection: object, value: unknown): void {
  fixedValues.set(collection, value);
}

type SideValues = readonly unknown[];

const preparations = new Map<string, (values: SideValues) => Promise<SideValues>>();

/**
 * Has the values of every side input called `name` made ready before a bundle's first element, such
 * as files brought to this machine. It is asked once a bundle: what takes long is to be remembered.
 */
export function prepareSide(
  name: string,
  prepare: (values: SideValues) => Promise<SideValues>,
): void {
  preparations.set(sideId(name), prepare);
}

export interface FnApplication {
  /** Name of the step, stable: a streaming update is matched by it. */
  readonly name: string;
  /** Registered name of the Fn. */
  readonly fn: string;
  /** JSON. */
  readonly params: unknown;
  /** Collections in the global window, read whole. */
  readonly sides?: Readonly<Record<string, PCollection<unknown>>>;
  /** Output tags with their coders. */
  readonly outputs: Readonly<Record<string, Coder<unknown>>>;
  /** Id of the windowing strategy of the outputs, where it is not the input's. */
  readonly windowingStrategyId?: string;
}

/** Applies a registered Fn to `input`; returns the outputs by tag. */
export function applyFn(
  input: PCollection<unknown>,
  application: FnApplication,
): Record<string, PCollection<never>> {
  const { name, fn, params, outputs } = application;
  const given = Object.entries(application.sides ?? {});
  const sides = Object.fromEntries(given.filter(([, side]) => !fixedValues.has(side)));
  const fixed = Object.fromEntries(
    given
      .filter(([, side]) => fixedValues.has(side))
      .map(([side, collection]) => [sideId(side), fixedValues.get(collection)]),
  );
  const carried = Object.keys(fixed).length === 0 ? { fn, params } : { fn, params, fixed };
  if (!makers.has(fn)) throw new Error(`fn ${fn} is not registered`);
  const expand = (
    main: PCollection<unknown>,
    pipeline: Pipeline,
    proto: PTransform,
  ): Record<string, PCollection<unknown>> => {
    const components = pipeline.getProto().components;
    const source = components?.pcollections[main.getId()];
    if (source === undefined) throw new Error(`step ${name} has no input`);
    proto.spec = {
      urn: PARDO_URN,
      payload: ParDoPayload.toBinary(
        ParDoPayload.create({
          doFn: { urn: FN_URN, payload: Buffer.from(JSON.stringify(carried)) },
          sideInputs: Object.fromEntries(
            Object.keys(sides).map((side) => [
              sideId(side),
              {
                accessPattern: { urn: ITERABLE, payload: new Uint8Array() },
                viewFn: { urn: 'unused', payload: new Uint8Array() },
                windowMappingFn: {
                  urn: 'beam:window_mapping_fn:global:v1',
                  payload: new Uint8Array(),
                },
              },
            ]),
          ),
        }),
      ),
    };
    for (const [side, collection] of Object.entries(sides)) {
      proto.inputs[sideId(side)] = collection.getId();
    }
    // Stated rather than deduced: the SDK would deduce from the side inputs as well, and throw.
    return Object.fromEntries(
      Object.entries(outputs).map(([tag, coder]) => [
        tag,
        pipeline.createPCollectionInternal(
          coder,
          (application.windowingStrategyId ?? source.windowingStrategyId) as never,
          source.isBounded,
        ),
      ]),
    );
  };
  return input.apply(withName(name, expand) as never) as Record<string, PCollection<never>>;
}

function sideId(name: string): string {
  return `side.${name}`;
}

class FnOperator implements IOperator, FnContext {
  readonly transformId: string;
  readonly #make: FnMaker<unknown, unknown>;
  readonly #params: unknown;
  readonly #context: OperatorContext;
  readonly #receivers: ReadonlyMap<string, Receiver>;
  readonly #sideIds: readonly string[];
  /** By id of the side input: the value that the step carries. */
  readonly #fixed: Readonly<Record<string, unknown>>;
  readonly #transform: PTransform;

  #fn: Fn<unknown> | undefined;
  #sides: Map<string, readonly unknown[]> | undefined;
  #current: WindowedValue<unknown> | undefined;
  #earliest: Long | undefined;
  #pending: Promise<void>[] = [];
  /** Ends when all elements so far are processed; undefined while nothing is under way. */
  #tail: Promise<void> | undefined;

  constructor(
    transformId: string,
    transform: PTransform,
    context: OperatorContext,
    payload: Uint8Array,
  ) {
    const { fn, params, fixed } = JSON.parse(Buffer.from(payload).toString()) as {
      fn: string;
      params: unknown;
      fixed?: Readonly<Record<string, unknown>>;
    };
    const make = makers.get(fn);
    if (make === undefined) throw new Error(`fn ${fn} is not registered in this worker`);
    this.transformId = transformId;
    this.#make = make;
    this.#params = params;
    this.#context = context;
    this.#transform = transform;
    this.#fixed = fixed ?? {};
    this.#sideIds = Object.keys(transform.inputs).filter((id) => id.startsWith('side.'));
    this.#receivers = new Map(
      Object.entries(transform.outputs).map(([tag, id]) => [tag, context.getReceiver(id)]),
    );
  }

  startBundle(): Promise<void> {
    this.#sides = undefined;
    this.#earliest = undefined;
    this.#current = undefined;
    this.#pending = [];
    this.#tail = undefined;
    this.#fn = this.#make(this.#params, this);
    return Promise.resolve();
  }

  process(windowed: WindowedValue<unknown>): ProcessResult {
    if (this.#tail === undefined && this.#sidesReady()) {
      const done = this.#processNow(windowed);
      if (done === null) return null;
      this.#tail = done;
    } else {
      this.#tail = (this.#tail ?? Promise.resolve()).then(async () => {
        await this.#fetchSides();
        await this.#processNow(windowed);
      });
    }
    const tail = this.#tail.then(() => {
      if (this.#tail === tail) this.#tail = undefined;
    });
    this.#tail = tail;
    // Whoever feeds us may not wait (the direct runner's Impulse does not); finishBundle reports.
    tail.catch(() => undefined);
    return tail;
  }

  async finishBundle(): Promise<void> {
    await this.#tail;
    // Flink has bundles without elements, also before the side inputs are there.
    if (this.#fn?.finishBundle !== undefined && this.#earliest !== undefined) {
      await this.#fetchSides();
      this.#current = undefined;
      await this.#fn.finishBundle();
      await this.#settle();
    }
    this.#fn = undefined;
  }

  emit(tag: string, value: unknown, at: Placement = {}): void {
    const done = this.#emit(tag, value, at);
    if (done === null) return;
    // Awaited when the element is done; a failure before that must not count as unhandled.
    done.catch(() => undefined);
    this.#pending.push(done);
  }

  async send(tag: string, value: unknown, at: Placement = {}): Promise<void> {
    await this.#emit(tag, value, at);
  }

  #emit(tag: string, value: unknown, at: Placement): ProcessResult {
    const receiver = this.#receivers.get(tag);
    if (receiver === undefined) throw new Error(`step has no output ${tag}`);
    const { window, timestampMs } = at;
    const current = this.#current;
    return receiver.receive({
      value,
      windows:
        window === undefined || window === 'global'
          ? window === undefined && current !== undefined
            ? current.windows
            : [new GlobalWindow()]
          : [new IntervalWindow(Long.fromNumber(window.startMs), Long.fromNumber(window.endMs))],
      timestamp:
        timestampMs === undefined
          ? (current?.timestamp ?? this.#earliest ?? MIN_TIMESTAMP)
          : Long.fromNumber(timestampMs),
      pane: current?.pane ?? ONLY_PANE,
    });
  }

  side(name: string): readonly unknown[] {
    const values = this.#sides?.get(sideId(name));
    if (values === undefined) throw new Error(`side input ${name} is not there yet`);
    return values;
  }

  count(name: string, by = 1): void {
    const { metricsContainer } = this.#context;
    const cell = metricsContainer.getMetric(this.transformId, undefined, {
      metricType: SUM,
      name,
    }) as { update(value: number): void };
    cell.update(by);
  }

  observe(exporter: string, latestMs: number): void {
    observers.get(this.#context.descriptor.id)?.(exporter, latestMs);
  }

  /** Runs the Fn on one element; null if it is done, else a promise. */
  #processNow(windowed: WindowedValue<unknown>): ProcessResult {
    const fn = this.#fn;
    if (fn === undefined) throw new Error('process called outside of a bundle');
    this.#current = windowed;
    if (this.#earliest === undefined || windowed.timestamp.lessThan(this.#earliest)) {
      this.#earliest = windowed.timestamp;
    }
    const done = fn.process(windowed.value, windowed);
    if (done === undefined && this.#pending.length === 0) return null;
    return (async () => {
      await done;
      await this.#settle();
    })();
  }

  /** Waits for what the steps after this one still have under way. */
  async #settle(): Promise<void> {
    while (this.#pending.length > 0) {
      const pending = this.#pending;
      this.#pending = [];
      await Promise.all(pending);
    }
  }

  #sidesReady(): boolean {
    if (this.#sides !== undefined) return true;
    if (this.#sideIds.length > 0 || Object.keys(this.#fixed).length > 0) return false;
    this.#sides = new Map();
    return true;
  }

  async #fetchSides(): Promise<void> {
    if (this.#sidesReady()) return;
    const sides = new Map<string, SideValues>();
    for (const [id, value] of Object.entries(this.#fixed))
      sides.set(id, await prepared(id, [value]));
    for (const id of this.#sideIds) {
      const collection = this.#context.descriptor.pcollections[this.#transform.inputs[id]];
      const coder = this.#context.pipelineContext.getCoder(collection.coderId);
      const key = createStateKey(
        this.transformId,
        ITERABLE,
        id,
        new GlobalWindow(),
        new GlobalWindowCoder(),
      );
      const found = this.#context.getStateProvider().getState(key, (bytes) => {
        const values: unknown[] = [];
        const reader = protobuf.Reader.create(bytes);
        while (reader.pos < reader.len) {
          values.push(coder.decode(reader, Context.needsDelimiters));
        }
        return values;
      });
      const values = found.type === 'value' ? found.value : await found.promise;
      // Prism was seen to hand a windowed main input an empty side input, without a word.
      if (values.length === 0) throw new Error(`side input ${id} of ${this.transformId} is empty`);
      sides.set(id, await prepared(id, values));
    }
    this.#sides = sides;
  }
}

async function prepared(id: string, values: SideValues): Promise<SideValues> {
  const prepare = preparations.get(id);
  return prepare === undefined ? values : prepare(values);
}

/** Beam's least timestamp in ms. */
const MIN_TIMESTAMP = Long.fromString('-9223372036854775');

registerDoFnOperator(
  FN_URN,
  (transformId, transform, context, payload) =>
    new FnOperator(transformId, transform, context, payload),
);
