/**
 * The part of Pub/Sub's subscriber API that the source uses.
 *
 * Not the library's `Subscription` but the API below it: the flow control of the former (5.3) does
 * not hold. Its `pause()` is without effect, because responses are emitted past the paused stream,
 * so a server that ignores `maxOutstandingMessages`, as the emulator does, fills the memory: 300 of
 * 300 messages with a limit of 10. And its `close()` either gives back all that is not acknowledged
 * or waits for it; after it an acknowledgement is dropped in silence (issues 784, 1665 and 1879 of
 * nodejs-pubsub). Here a stream that is not read holds the server back (HTTP/2 flow control), and
 * leases live on after the stream.
 */
export interface Subscriber {
  /** One streaming pull: iterated, it gives responses; it ends in an error that has a gRPC `code`. */
  pull(request: PullRequest): PullStream;
  /** Throws an error that has a gRPC `code`. Transient ones are retried by the library. */
  acknowledge(ackIds: readonly string[]): Promise<void>;
  /** Extends leases; 0 gives the messages back at once. Throws as `acknowledge`. */
  modifyAckDeadline(ackIds: readonly string[], seconds: number): Promise<void>;
  close(): Promise<void>;
}

interface PullRequest {
  /** The same for the streams that follow each other. */
  readonly clientId: string;
  readonly ackDeadlineSeconds: number;
  readonly maxOutstandingMessages: number;
  readonly maxOutstandingBytes: number;
}

export interface PullStream extends AsyncIterable<PullResponse> {
  /** An idle stream is closed by the server. */
  keepAlive(): void;
  cancel(): void;
}

export interface PullResponse {
  readonly receivedMessages: readonly ReceivedMessage[];
}

/** google.pubsub.v1.ReceivedMessage as the library decodes it. */
export interface ReceivedMessage {
  readonly ackId: string;
  readonly message: {
    readonly data: Uint8Array;
    readonly attributes: Readonly<Record<string, string>>;
    readonly messageId: string;
    /** `seconds` is int64, as text. */
    readonly publishTime: { readonly seconds: string | number; readonly nanos: number };
    readonly orderingKey: string;
  };
}

/** Opens a client for `projects/P/subscriptions/S`. Throws where there are no credentials. */
export async function openSubscriber(subscription: string): Promise<Subscriber> {
  // Loaded when it is needed: it takes a second, and batch jobs do without.
  const { PubSub, v1 } = await import('@google-cloud/pubsub');
  const projectId = subscription.split('/')[1];
  // Knows PUBSUB_EMULATOR_HOST and regional endpoints; the client itself does not.
  const config = await new PubSub({ projectId }).getClientConfig();
  // Two of the library's own types, at odds under exactOptionalPropertyTypes.
  const client = new v1.SubscriberClient(
    config as ConstructorParameters<typeof v1.SubscriberClient>[0],
  );
  await client.initialize();
  return {
    pull(request) {
      const stream = client.streamingPull({
        otherArgs: { headers: { 'x-goog-request-params': `subscription=${subscription}` } },
      });
      // What comes after it was cancelled or left is of no interest, and must not be thrown.
      stream.on('error', () => undefined);
      const { clientId, ackDeadlineSeconds, maxOutstandingMessages, maxOutstandingBytes } = request;
      stream.write({
        subscription,
        clientId,
        streamAckDeadlineSeconds: ackDeadlineSeconds,
        maxOutstandingMessages,
        maxOutstandingBytes,
      });
      return {
        [Symbol.asyncIterator]: () =>
          stream[Symbol.asyncIterator]() as AsyncIterator<PullResponse, undefined>,
        keepAlive(): void {
          if (stream.writable) stream.write({});
        },
        cancel(): void {
          stream.cancel();
        },
      };
    },
    async acknowledge(ackIds): Promise<void> {
      await client.acknowledge({ subscription, ackIds: [...ackIds] });
    },
    async modifyAckDeadline(ackIds, seconds): Promise<void> {
      await client.modifyAckDeadline({
        subscription,
        ackIds: [...ackIds],
        ackDeadlineSeconds: seconds,
      });
    },
    async close(): Promise<void> {
      await client.close();
    },
  };
}

/** gRPC status codes after which a pull is tried again: those that the library names. */
const TRANSIENT: ReadonlySet<unknown> = new Set([
  1, // CANCELLED
  4, // DEADLINE_EXCEEDED: the normal end of a stream
  8, // RESOURCE_EXHAUSTED
  10, // ABORTED
  13, // INTERNAL
  14, // UNAVAILABLE
]);

/** Whether the same request may succeed later. */
export function isTransient(error: unknown): boolean {
  return TRANSIENT.has((error as { code?: unknown }).code);
}
