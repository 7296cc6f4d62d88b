import '../../beam/fn.js';
import type { WindowedValue } from 'apache-beam';
import { Context } from 'apache-beam/coders/coders';
import { IsBounded_Enum, PTransform } from 'apache-beam/proto/beam_runner_api';
import type { ProcessBundleDescriptor, StateKey } from 'apache-beam/proto/beam_fn_api';
import { registerOperatorConstructor } from 'apache-beam/worker/operators';
import type { IOperator, OperatorContext, ProcessResult } from 'apache-beam/worker/operators';
import { setImmediate as yieldToOthers } from 'node:timers/promises';
import type { StateProvider } from 'apache-beam/worker/state';
import { BundleProcessor } from 'apache-beam/worker/worker';
import protobuf from 'protobufjs';
import type { Plan, Stage } from './plan.js';

const SOURCE = 'flowsieve:runner:source:v1';
const SINK = 'flowsieve:runner:sink:v1';

/** Encoded elements of the collections that are read as side inputs, by collection id. */
export type SideValues = Map<string, Uint8Array[]>;

/** Takes the elements of a grouping. */
export interface GroupSink {
  add(windowed: WindowedValue<{ key: string; value: unknown }>): void;
}

/** Where a running stage takes elements from and puts them. */
interface StageIo {
  elements: Iterable<WindowedValue<unknown>>;
  readonly sinks: ReadonlyMap<string, (value: WindowedValue<unknown>) => void>;
}

/** Stages that are being run, by the id in their sources' and sinks' payloads. */
const running = new Map<string, StageIo>();
let stageCount = 0;

/** One stage over the SDK's own bundle processor, used again for each bundle. */
export class RunningStage {
  readonly #id = `stage-${++stageCount}`;
  readonly #io: StageIo;
  readonly #processor: BundleProcessor;

  constructor(
    plan: Plan,
    stage: Stage,
    groups: ReadonlyMap<string, GroupSink>,
    sideValues: SideValues,
  ) {
    const { components } = plan;
    const sinks = new Map<string, (value: WindowedValue<unknown>) => void>();
    const transforms: Record<string, PTransform> = {};
    const id = this.#id;
    const sinkOf = (
      name: string,
      input: string,
      put: (v: WindowedValue<unknown>) => void,
    ): void => {
      sinks.set(name, put);
      // A transform without an output of its own is not a primitive to the SDK.
      transforms[name] = PTransform.create({
        uniqueName: name,
        spec: { urn: SINK, payload: payloadOf(id, name) },
        inputs: { in: input },
        outputs: { out: `${name}-nothing` },
      });
    };
    transforms[stage.root] = PTransform.create({
      uniqueName: stage.root,
      spec: { urn: SOURCE, payload: payloadOf(id, stage.root) },
      outputs: components.transforms[stage.root].outputs,
    });
    for (const member of stage.transforms) transforms[member] = components.transforms[member];
    for (const grouping of stage.feeds) {
      const target = groups.get(grouping);
      const input = plan.groupings.get(grouping)?.input;
      if (target === undefined || input === undefined) throw new Error(`no grouping ${grouping}`);
      sinkOf(`sink-${grouping}`, input, (value) => {
        target.add(value as WindowedValue<{ key: string; value: unknown }>);
      });
    }
    for (const collection of stage.sideOutputs) {
      const chunks = sideValues.get(collection) ?? [];
      sideValues.set(collection, chunks);
      const isUnbounded =
        components.pcollections[collection].isBounded === IsBounded_Enum.UNBOUNDED;
      let context: OperatorContext | undefined;
      sinkOf(`side-${collection}`, collection, ({ value }) => {
        context ??= operatorContexts.get(`${id} side-${collection}`);
        const coder = context?.pipelineContext.getCoder(
          components.pcollections[collection].coderId,
        );
        const writer = protobuf.Writer.create();
        coder?.encode(value, writer, Context.needsDelimiters);
        // An unbounded side input is what its source said last.
        if (isUnbounded) chunks.length = 0;
        chunks.push(writer.finish());
      });
    }
    this.#io = { elements: [], sinks };
    running.set(id, this.#io);
    const descriptor: ProcessBundleDescriptor = {
      id,
      transforms,
      pcollections: components.pcollections,
      windowingStrategies: components.windowingStrategies,
      coders: components.coders,
      environments: components.environments,
    };
    this.#processor = new BundleProcessor(
      descriptor,
      null as never,
      sideProvider(components.transforms, sideValues),
      [SOURCE],
    );
  }

  /** Id of its bundle descriptor. */
  get id(): string {
    return this.#id;
  }

  /** Runs one bundle through the stage to its end. */
  async run(elements: Iterable<WindowedValue<unknown>>): Promise<void> {
    this.#io.elements = elements;
    await this.#processor.process(this.#id);
  }

  /** User counters of all bundles so far. The SDK's reset between bundles keeps the values. */
  counters(): Map<string, number> {
    const sums = new Map<string, number>();
    for (const cell of this.#processor.metricsContainer.metrics.values()) {
      const { name, value } = cell as unknown as { name?: string; value: { value?: number } };
      if (name === undefined || value.value === undefined) continue;
      sums.set(name, (sums.get(name) ?? 0) + value.value);
    }
    return sums;
  }

  close(): void {
    running.delete(this.#id);
    for (const name of this.#io.sinks.keys()) operatorContexts.delete(`${this.#id} ${name}`);
  }
}

const operatorContexts = new Map<string, OperatorContext>();

function payloadOf(stage: string, name: string): Uint8Array {
  return Buffer.from(JSON.stringify({ stage, name }));
}

function ioOf(transform: PTransform): { io: StageIo; stage: string; name: string } {
  const { stage, name } = JSON.parse(Buffer.from(transform.spec?.payload ?? []).toString()) as {
    stage: string;
    name: string;
  };
  const io = running.get(stage);
  if (io === undefined) throw new Error(`stage ${stage} is not running`);
  return { io, stage, name };
}

/** Feeds a bundle's elements one after the other, each to its end: the back-pressure of the runner. */
class SourceOperator implements IOperator {
  readonly transformId: string;
  readonly #io: StageIo;
  readonly #receive: (value: WindowedValue<unknown>) => ProcessResult;

  constructor(transformId: string, transform: PTransform, context: OperatorContext) {
    this.transformId = transformId;
    this.#io = ioOf(transform).io;
    const receiver = context.getReceiver(Object.values(transform.outputs)[0]);
    this.#receive = receiver.receive.bind(receiver);
  }

  startBundle(): Promise<void> {
    return Promise.resolve();
  }

  process(): ProcessResult {
    throw new Error('a source takes no elements');
  }

  /** The root finishes first, so all of a bundle passes before the steps after it finish. */
  async finishBundle(): Promise<void> {
    let begun = performance.now();
    for (const element of this.#io.elements) {
      const done = this.#receive(element);
      if (done !== null) await done;
      if (performance.now() - begun < TURN_MS) continue;
      await yieldToOthers();
      begun = performance.now();
    }
  }
}

/** Leases, health and timers want their turn while a long bundle runs. */
const TURN_MS = 20;

class SinkOperator implements IOperator {
  readonly transformId: string;
  readonly #put: (value: WindowedValue<unknown>) => void;

  constructor(transformId: string, transform: PTransform, context: OperatorContext) {
    this.transformId = transformId;
    const { io, stage, name } = ioOf(transform);
    operatorContexts.set(`${stage} ${name}`, context);
    const put = io.sinks.get(name);
    if (put === undefined) throw new Error(`no sink ${name}`);
    this.#put = put;
  }

  startBundle(): Promise<void> {
    return Promise.resolve();
  }

  process(value: WindowedValue<unknown>): ProcessResult {
    this.#put(value);
    return null;
  }

  finishBundle(): Promise<void> {
    return Promise.resolve();
  }
}

registerOperatorConstructor(
  SOURCE,
  (id, transform, context) => new SourceOperator(id, transform, context),
);
registerOperatorConstructor(
  SINK,
  (id, transform, context) => new SinkOperator(id, transform, context),
);

/** Answers side input requests from the collected elements. */
function sideProvider(
  transforms: Readonly<Record<string, PTransform>>,
  sideValues: SideValues,
): StateProvider {
  return {
    getState<T>(key: StateKey, decode: (data: Uint8Array) => T) {
      if (key.type.oneofKind !== 'iterableSideInput') {
        throw new Error(`state ${String(key.type.oneofKind)} is not supported`);
      }
      const { transformId, sideInputId } = key.type.iterableSideInput;
      const chunks = sideValues.get(transforms[transformId].inputs[sideInputId]) ?? [];
      return { type: 'value' as const, value: decode(Buffer.concat(chunks)) };
    },
  };
}
