/**
 * Elements that leave a bundle.
 *
 * Fault: the SDK's sink swaps its buffer after it has awaited the sending of it. Whoever emits more
 * than 1 MB without a pause sends the whole buffer again with each further element: 20 GB, no end.
 * Repair: the buffer is swapped before it is sent.
 */
import '../prepare.js';
import 'apache-beam';
import { Context, type Coder } from 'apache-beam/coders/coders';
import { RemoteGrpcPort } from 'apache-beam/proto/beam_fn_api';
import type { PTransform } from 'apache-beam/proto/beam_runner_api';
import type { IDataChannel } from 'apache-beam/worker/data';
import { registerOperatorConstructor } from 'apache-beam/worker/operators';
import type { IOperator, OperatorContext, ProcessResult } from 'apache-beam/worker/operators';
import type { WindowedValue } from 'apache-beam';
import protobuf from 'protobufjs';

/** Bytes of a message, unless one element has more. */
const MESSAGE_BYTES = 1 << 20;

class SinkOperator implements IOperator {
  readonly transformId: string;
  readonly #context: OperatorContext;
  readonly #endpoint: string;
  readonly #coder: Coder<WindowedValue<unknown>>;
  #channel: IDataChannel | undefined;
  #buffer = protobuf.Writer.create();

  constructor(transformId: string, transform: PTransform, context: OperatorContext) {
    const port = RemoteGrpcPort.fromBinary(transform.spec?.payload ?? new Uint8Array());
    this.transformId = transformId;
    this.#context = context;
    this.#endpoint = port.apiServiceDescriptor?.url ?? '';
    this.#coder = context.pipelineContext.getCoder(port.coderId);
  }

  startBundle(): Promise<void> {
    this.#buffer = protobuf.Writer.create();
    this.#channel = this.#context
      .getDataChannel(this.#endpoint)
      .getSendChannel(this.#context.getBundleId(), this.transformId);
    return Promise.resolve();
  }

  process(element: WindowedValue<unknown>): ProcessResult {
    this.#coder.encode(element, this.#buffer, Context.needsDelimiters);
    if (this.#buffer.len >= MESSAGE_BYTES) this.#send();
    return null;
  }

  finishBundle(): Promise<void> {
    if (this.#buffer.len > 0) this.#send();
    this.#channel?.close();
    return Promise.resolve();
  }

  #send(): void {
    const bytes = this.#buffer.finish();
    this.#buffer = protobuf.Writer.create();
    // Never waits: see data-channel.ts.
    void this.#channel?.sendData(bytes);
  }
}

registerOperatorConstructor(
  'beam:runner:sink:v1',
  (id, transform, context) => new SinkOperator(id, transform, context),
);
