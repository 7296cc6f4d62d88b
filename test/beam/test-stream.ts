import type { PCollection, Root } from 'apache-beam';
import { Context, type Coder } from 'apache-beam/coders/coders';
import { TestStreamPayload, type TestStreamPayload_Event } from 'apache-beam/proto/beam_runner_api';
import protobuf from 'protobufjs';
import { unbounded } from '../../beam/source.js';

/** End of time in Beam's model, ms. */
const END_OF_TIME = 9223371950454775n;

/** Builds `beam:transform:teststream:v1` event by event; the SDK has no such thing. */
export class TestStream<T> {
  readonly #coder: Coder<T>;
  readonly #events: TestStreamPayload_Event[] = [];

  constructor(coder: Coder<T>) {
    this.#coder = coder;
  }

  /** Elements with their timestamps in ms. */
  elements(...elements: readonly (readonly [value: T, timestampMs: number])[]): this {
    const encoded = elements.map(([value, timestampMs]) => {
      const writer = protobuf.Writer.create();
      this.#coder.encode(value, writer, Context.wholeStream);
      return { encodedElement: writer.finish(), timestamp: BigInt(timestampMs) };
    });
    this.#events.push({
      event: { oneofKind: 'elementEvent', elementEvent: { elements: encoded, tag: '' } },
    });
    return this;
  }

  watermark(ms: number | bigint): this {
    this.#events.push({
      event: {
        oneofKind: 'watermarkEvent',
        watermarkEvent: { newWatermark: BigInt(ms), tag: '' },
      },
    });
    return this;
  }

  /** Lets processing time pass. */
  time(ms: number): this {
    this.#events.push({
      event: {
        oneofKind: 'processingTimeEvent',
        processingTimeEvent: { advanceDuration: BigInt(ms) },
      },
    });
    return this;
  }

  end(): this {
    return this.watermark(END_OF_TIME);
  }

  apply(root: Root, name = 'test stream'): PCollection<T> {
    return unbounded(
      root,
      name,
      'beam:transform:teststream:v1',
      (pipeline) =>
        TestStreamPayload.toBinary(
          TestStreamPayload.create({
            coderId: pipeline.context.getCoderId(this.#coder),
            events: this.#events,
          }),
        ),
      this.#coder,
    );
  }
}
