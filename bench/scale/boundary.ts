import type { WindowedValue } from 'apache-beam';
import { Context, type Coder } from 'apache-beam/coders/coders';
import { PipelineContext } from 'apache-beam/internal/pipeline';
import protobuf from 'protobufjs';
import { Groups } from '../../launch/local/groups.js';
import type { Grouping, Plan } from '../../launch/local/plan.js';

/** What crossed one GroupByKey, as an engine would move it. */
export interface Boundary {
  /** Name of the step. */
  readonly name: string;
  readonly elements: number;
  /** Encoded pairs of key and value; an engine adds some 30 bytes an element for time and window. */
  readonly bytes: number;
  /** Distinct (window, key). */
  readonly groups: number;
  /** The most bytes of one (window, key). */
  readonly greatestGroupBytes: number;
  /** CPU of the coder, both ways. */
  readonly encodeSeconds: number;
  readonly decodeSeconds: number;
}

type Keyed = WindowedValue<{ key: string; value: unknown }>;

/** Groups of the local runner that also weigh what they are given. */
export class WeighedGroups extends Groups {
  readonly #name: string;
  readonly #coder: Coder<Keyed['value']>;
  readonly #bytes = new Map<string, number>();
  #elements = 0;
  #encodeSeconds = 0;
  #decodeSeconds = 0;

  constructor(grouping: Grouping, plan: Plan) {
    super(grouping);
    this.#name = grouping.name;
    const { coderId } = plan.components.pcollections[grouping.input];
    this.#coder = new PipelineContext(plan.components, '').getCoder(coderId);
  }

  override add(windowed: Keyed): void {
    const began = process.cpuUsage();
    const writer = protobuf.Writer.create();
    this.#coder.encode(windowed.value, writer, Context.needsDelimiters);
    const bytes = writer.finish();
    this.#encodeSeconds += secondsSince(began);
    const encoded = process.cpuUsage();
    this.#coder.decode(protobuf.Reader.create(bytes), Context.needsDelimiters);
    this.#decodeSeconds += secondsSince(encoded);
    this.#elements++;
    const group = `${JSON.stringify(windowed.windows[0])} ${windowed.value.key}`;
    this.#bytes.set(group, (this.#bytes.get(group) ?? 0) + bytes.length);
    super.add(windowed);
  }

  /** All that was added so far. */
  boundary(): Boundary {
    let bytes = 0;
    let greatestGroupBytes = 0;
    for (const each of this.#bytes.values()) {
      bytes += each;
      greatestGroupBytes = Math.max(greatestGroupBytes, each);
    }
    return {
      name: this.#name,
      elements: this.#elements,
      bytes,
      groups: this.#bytes.size,
      greatestGroupBytes,
      encodeSeconds: this.#encodeSeconds,
      decodeSeconds: this.#decodeSeconds,
    };
  }
}

/** CPU, user and system, since then; wall time would count what else the machine does. */
function secondsSince(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}
