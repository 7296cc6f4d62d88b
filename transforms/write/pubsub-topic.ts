import type { PubSub, Topic } from '@google-cloud/pubsub';
import type { Finding } from '../../pipeline/finding.js';
import { findingKey } from './finding-key.js';
import type { FindingSink, Taken } from './finding-sink.js';
import { WriteError } from './write-error.js';

/** In flight at once, so what waits in memory; a request of the service may have 1,000 messages. */
const MOST_IN_FLIGHT = 1000;
/** Waits for company no longer: findings should come within seconds. */
const BATCH_MS = 10;
/** The service refuses longer attributes. */
const MOST_ATTRIBUTE_BYTES = 1024;
/** Revisions that are known to be published, by finding; some 100 bytes each. */
const MOST_REMEMBERED = 100_000;

/**
 * Findings to a Pub/Sub topic: each a message with the finding as JSON, and the attributes `id`,
 * `revision`, `status`, `customer`, `severity` and `filter` for subscriptions' filters.
 *
 * Delivery is at least once: Pub/Sub may deliver a message twice, and after a crash revisions are
 * published again, withdrawals of findings that were never told among them. A consumer keeps, by id,
 * the highest revision. So order does not matter either, and there are no ordering keys: with them
 * the library sends a request per key instead of one per thousand findings, and a key that failed
 * once is stuck.
 */
export class PubsubTopicSink implements FindingSink {
  readonly #name: string;
  #opened: Promise<{ client: PubSub; topic: Topic }> | undefined;
  /** Highest revision by id, the longest unchanged first. */
  readonly #published = new Map<string, number>();

  /** `topic` = `projects/P/topics/T`. */
  constructor(topic: string) {
    if (!/^projects\/[^/]+\/topics\/[^/]+$/.test(topic)) {
      throw new Error(`Pub/Sub topic ${JSON.stringify(topic)}: expected projects/P/topics/T`);
    }
    this.#name = topic;
  }

  /**
   * Resolves when the service has them all. Rejects with a WriteError, naming the topic, when one
   * could not be published although the library tried again; others may have been, and all may be
   * put again. A revision that is known to be published is left out, as far as memory goes back.
   */
  async put(findings: readonly Finding[]): Promise<readonly Taken[]> {
    const { topic } = await (this.#opened ??= this.#open());
    const taken: Taken[] = [];
    for (let at = 0; at < findings.length; at += MOST_IN_FLIGHT) {
      const some = this.#unpublished(findings.slice(at, at + MOST_IN_FLIGHT));
      const known = some.map(({ id }) => this.#published.has(findingKey(id)));
      const results = await Promise.allSettled(
        some.map((finding) => topic.publishMessage(messageOf(finding))),
      );
      let failures = 0;
      let failure: unknown;
      for (const [i, result] of results.entries()) {
        if (result.status === 'fulfilled') {
          this.#remember(some[i]);
          continue;
        }
        failures++;
        failure ??= result.reason;
      }
      if (failures > 0) {
        const what = `${failures} of ${some.length} findings to Pub/Sub topic ${this.#name}`;
        throw new WriteError(what, failure);
      }
      taken.push(...some.map((finding, i) => ({ finding, isNew: !known[i] })));
    }
    return taken;
  }

  async close(): Promise<void> {
    const opened = await this.#opened?.catch(() => undefined);
    await opened?.client.close();
  }

  async #open(): Promise<{ client: PubSub; topic: Topic }> {
    // Loaded when it is needed: it takes a second, and most jobs write files.
    const { PubSub } = await import('@google-cloud/pubsub');
    const client = new PubSub({ projectId: this.#name.split('/')[1] });
    const topic = client.topic(this.#name, {
      batching: { maxMessages: MOST_IN_FLIGHT, maxMilliseconds: BATCH_MS },
    });
    return { client, topic };
  }

  #unpublished(findings: readonly Finding[]): Finding[] {
    return findings.filter(
      ({ id, revision }) => revision > (this.#published.get(findingKey(id)) ?? -1),
    );
  }

  #remember({ id, revision }: Finding): void {
    const key = findingKey(id);
    const known = this.#published.get(key) ?? -1;
    this.#published.delete(key);
    this.#published.set(key, Math.max(known, revision));
    if (this.#published.size <= MOST_REMEMBERED) return;
    for (const oldest of this.#published.keys()) {
      this.#published.delete(oldest);
      return;
    }
  }
}

/** A finding as a message: JSON, with the attributes that filters of subscriptions need. */
export function messageOf(finding: Finding): { data: Buffer; attributes: Record<string, string> } {
  const { id, revision, status, customer, severity, filter } = finding;
  return {
    data: Buffer.from(JSON.stringify(finding)),
    attributes: {
      id,
      revision: String(revision),
      status,
      customer: shortened(customer),
      severity,
      filter,
    },
  };
}

/** At most 1,024 bytes of UTF-8, whole characters: a longer attribute would be refused for ever. */
function shortened(text: string): string {
  if (Buffer.byteLength(text) <= MOST_ATTRIBUTE_BYTES) return text;
  const bytes = Buffer.alloc(MOST_ATTRIBUTE_BYTES);
  const written = bytes.write(text);
  return bytes.toString('utf8', 0, written);
}
