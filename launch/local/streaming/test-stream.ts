import type { WindowedValue } from 'apache-beam';
import { Context, type Coder } from 'apache-beam/coders/coders';
import { TestStreamPayload } from 'apache-beam/proto/beam_runner_api';
import { GlobalWindow } from 'apache-beam/values';
import Long from 'long';
import protobuf from 'protobufjs';
import { ONLY_PANE } from '../../../beam/only-pane.js';

/** One step of `beam:transform:teststream:v1`: elements, a watermark, or time that passes. */
export type TestEvent =
  | { readonly kind: 'elements'; readonly elements: readonly WindowedValue<unknown>[] }
  | { readonly kind: 'watermark'; readonly ms: number }
  | { readonly kind: 'time'; readonly ms: number };

/** The events of a test stream, in order. One with several outputs (tags) is not supported. */
export function testEvents(
  payload: Uint8Array,
  coderOf: (id: string) => Coder<unknown>,
): TestEvent[] {
  const { coderId, events } = TestStreamPayload.fromBinary(payload);
  const coder = coderOf(coderId);
  return events.map(({ event }): TestEvent => {
    switch (event.oneofKind) {
      case 'watermarkEvent':
        return { kind: 'watermark', ms: Number(event.watermarkEvent.newWatermark) };
      case 'processingTimeEvent':
        return { kind: 'time', ms: Number(event.processingTimeEvent.advanceDuration) };
      case 'elementEvent':
        return {
          kind: 'elements',
          elements: event.elementEvent.elements.map(({ encodedElement, timestamp }) => ({
            value: coder.decode(protobuf.Reader.create(encodedElement), Context.wholeStream),
            windows: [new GlobalWindow()],
            pane: ONLY_PANE,
            timestamp: Long.fromString(timestamp.toString()),
          })),
        };
      case undefined:
        throw new Error('a test stream has an event of no kind');
    }
  });
}
