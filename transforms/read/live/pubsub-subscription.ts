import '../../../beam/prepare.js';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { PubSubReadPayload } from 'apache-beam/proto/beam_runner_api';
import type { Intake, LiveSource } from '../../../beam/source.js';
import { encodePubsubMessage, publishTimeMs, type PubsubMessage } from '../pubsub-message.js';
import { eventTimeMs } from './pubsub/event-time.js';
import { LEASE_SECONDS, Leases } from './pubsub/leases.js';
import { RecentIds } from './pubsub/recent-ids.js';
import {
  isTransient,
  openSubscriber,
  type PullStream,
  type ReceivedMessage,
  type Subscriber,
} from './pubsub/subscriber.js';

export interface PubsubSubscriptionParams {
  /** `projects/P/subscriptions/S`. */
  readonly subscription: string;
  /** Attribute with the earliest event time of the message's records. */
  readonly timestampAttribute?: string;
  /** Attribute by which a message that was published twice is known. */
  readonly idAttribute?: string;
}

/** The service gives a stream 10 MB/s. */
const STREAMS = 4;
/** Delivered and not yet acknowledged, of all streams: what a few commits take. */
const MAX_MESSAGES = 20_000;
const MAX_BYTES = 64 << 20;
/** The server closes a stream that says nothing for a minute. */
const KEEP_ALIVE_MS = 30_000;
const FIRST_RETRY_MS = 100;
const LAST_RETRY_MS = 30_000;
/** The service's answers to the last acknowledgements are waited for no longer. */
const CLOSE_MS = 5_000;
/** What a message takes beside its bytes while it is held. */
const HELD_BYTES = 500;

/**
 * A Pub/Sub subscription, by streaming pull.
 *
 * An element is a serialised google.pubsub.v1.PubsubMessage, as `beam:transform:pubsub_read:v1`
 * with attributes gives it on Dataflow. Its time is `timestampAttribute` (ms since 1970 or RFC 3339)
 * where it is configured and sound, else the publish time. A message is acknowledged when it was
 * committed; its lease is extended until then, also after `stop`.
 *
 * Counts `pubsub/messages`, `pubsub/bad-timestamp`, `pubsub/duplicates` (by `idAttribute`, among
 * what was committed within ten minutes), `pubsub/reconnects`, `pubsub/ack-failures`,
 * `pubsub/nack-failures` and `pubsub/extend-failures`.
 */
export class PubsubSubscription implements LiveSource {
  readonly #params: PubsubSubscriptionParams;
  readonly #open: (subscription: string) => Promise<Subscriber>;
  readonly #stopping = new AbortController();
  readonly #streams = new Set<PullStream>();
  readonly #committed: RecentIds;
  #subscriber: Subscriber | undefined;
  #leases: Leases | undefined;
  #closed: Promise<void> | undefined;

  constructor(params: PubsubSubscriptionParams, open = openSubscriber) {
    const { subscription } = params;
    if (!/^projects\/[^/]+\/subscriptions\/[^/]+$/.test(subscription)) {
      throw new Error(
        `Pub/Sub subscription ${JSON.stringify(subscription)}: expected projects/P/subscriptions/S`,
      );
    }
    this.#params = params;
    this.#open = open;
    this.#committed = new RecentIds(performance.now());
  }

  /** Resolves after `stop`. Rejects where trying again is of no use: NOT_FOUND, PERMISSION_DENIED. */
  async run(intake: Intake): Promise<void> {
    const { signal } = this.#stopping;
    if (signal.aborted) return;
    const stopped = new Promise<void>((resolve) => {
      signal.addEventListener('abort', () => {
        resolve();
      });
    });
    try {
      const subscriber = await this.#open(this.#params.subscription);
      if (isAborted(signal)) {
        await subscriber.close();
        return;
      }
      this.#subscriber = subscriber;
      const leases = new Leases(subscriber, (name, by) => {
        intake.count(name, by);
      });
      this.#leases = leases;
      const pulls: Promise<void>[] = [];
      for (let i = 0; i < STREAMS; i++) pulls.push(this.#pull(subscriber, leases, intake));
      // Whoever waits in `deliver` may wait for ever once nobody takes.
      await Promise.race([Promise.all(pulls), stopped]);
    } catch (error) {
      this.stop();
      throw new Error(
        `Pub/Sub subscription ${this.#params.subscription}: ${(error as Error).message}`,
        { cause: error },
      );
    }
  }

  /**
   * Ends the pull. What was not delivered is given back at once; what was is still ours, and may be
   * committed until `close`.
   */
  stop(): void {
    this.#stopping.abort();
    for (const stream of this.#streams) stream.cancel();
  }

  /**
   * Gives back what was never committed, waits (5 s at most) until the service has every
   * acknowledgement, and leaves it. To be called after the last `committed`. Idempotent.
   */
  async close(): Promise<void> {
    this.stop();
    this.#closed ??= (async (): Promise<void> => {
      await this.#leases?.close(CLOSE_MS);
      await this.#subscriber?.close();
    })();
    await this.#closed;
  }

  /** Messages that were received, and neither acknowledged nor given back. */
  get held(): number {
    return this.#leases?.held ?? 0;
  }

  /** One stream after the other, until `stop`. */
  async #pull(subscriber: Subscriber, leases: Leases, intake: Intake): Promise<void> {
    const { signal } = this.#stopping;
    const request = {
      clientId: randomUUID(),
      ackDeadlineSeconds: LEASE_SECONDS,
      maxOutstandingMessages: MAX_MESSAGES / STREAMS,
      maxOutstandingBytes: MAX_BYTES / STREAMS,
    };
    let retryMs = FIRST_RETRY_MS;
    while (!isAborted(signal)) {
      const stream = subscriber.pull(request);
      this.#streams.add(stream);
      const keepAlive = setInterval(() => {
        stream.keepAlive();
      }, KEEP_ALIVE_MS);
      try {
        for await (const { receivedMessages } of stream) {
          retryMs = FIRST_RETRY_MS;
          await this.#take(receivedMessages, leases, intake);
        }
      } catch (error) {
        if (!isAborted(signal) && !isTransient(error)) throw error;
      } finally {
        clearInterval(keepAlive);
        this.#streams.delete(stream);
      }
      if (isAborted(signal)) return;
      intake.count('pubsub/reconnects');
      await sleep(retryMs, undefined, { signal }).catch(() => undefined);
      retryMs = Math.min(2 * retryMs, LAST_RETRY_MS);
    }
  }

  async #take(received: readonly ReceivedMessage[], leases: Leases, intake: Intake): Promise<void> {
    const { signal } = this.#stopping;
    // All at once: the last of them may wait long for its turn.
    for (const { ackId } of received) leases.hold(ackId);
    for (const { ackId, message } of received) {
      if (signal.aborted) {
        leases.nack(ackId);
        continue;
      }
      const id = this.#idOf(message);
      if (id !== undefined && this.#committed.has(id, performance.now())) {
        intake.count('pubsub/duplicates');
        leases.ack(ackId);
        continue;
      }
      intake.count('pubsub/messages');
      const element = messageOf(message);
      const value = encodePubsubMessage(element);
      await intake.deliver({
        value,
        timestampMs: this.#timeOf(element, intake),
        bytes: value.length + HELD_BYTES,
        committed: () => {
          if (id !== undefined) this.#committed.add(id, performance.now());
          leases.ack(ackId);
        },
      });
    }
  }

  #idOf({ attributes }: ReceivedMessage['message']): string | undefined {
    const { idAttribute } = this.#params;
    if (idAttribute === undefined || !Object.hasOwn(attributes, idAttribute)) return undefined;
    return attributes[idAttribute];
  }

  #timeOf(message: PubsubMessage, intake: Intake): number {
    const { timestampAttribute } = this.#params;
    if (timestampAttribute !== undefined) {
      const stated = message.attributes.get(timestampAttribute);
      const ms = stated === undefined ? undefined : eventTimeMs(stated);
      if (ms !== undefined) return ms;
      intake.count('pubsub/bad-timestamp');
    }
    return publishTimeMs(message);
  }
}

/** The source that a `beam:transform:pubsub_read:v1` asks for. Throws where it asks for a topic. */
export function pubsubSource(payload: Uint8Array): PubsubSubscription {
  const { topic, subscription, timestampAttribute, idAttribute, withAttributes } =
    PubSubReadPayload.fromBinary(payload);
  if (subscription === '') {
    throw new Error(
      `Pub/Sub topic ${JSON.stringify(topic)}: only a subscription can be read; create one of the topic`,
    );
  }
  if (!withAttributes) {
    throw new Error(
      `Pub/Sub subscription ${subscription}: only messages with attributes can be read`,
    );
  }
  return new PubsubSubscription({
    subscription,
    ...(timestampAttribute === '' ? {} : { timestampAttribute }),
    ...(idAttribute === '' ? {} : { idAttribute }),
  });
}

function messageOf(message: ReceivedMessage['message']): PubsubMessage {
  const { data, attributes, messageId, publishTime, orderingKey } = message;
  return {
    data,
    attributes: new Map(Object.entries(attributes)),
    messageId,
    publishTime: { seconds: Number(publishTime.seconds), nanos: publishTime.nanos },
    orderingKey,
  };
}

/** A call, because the compiler takes what was asked before an `await` for still true after it. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}
