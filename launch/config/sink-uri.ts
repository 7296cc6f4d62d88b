import { KAFKA_EXPECTED, parseKafkaUri, type KafkaTopic } from './kafka-uri.js';
import { parsePubsubUri } from './pubsub-name.js';

/** A further place where findings go. */
export type SinkLocation =
  | { readonly kind: 'stdout' }
  /** Full name of the topic: `projects/P/topics/T`. */
  | { readonly kind: 'pubsub'; readonly topic: string }
  | ({ readonly kind: 'kafka' } & KafkaTopic);

export const SINK_EXPECTED = `expected - (standard output), pubsub://projects/PROJECT/topics/TOPIC or ${KAFKA_EXPECTED}`;

/** Reads the URI of a sink; undefined where it is none. */
export function parseSinkUri(uri: string): SinkLocation | undefined {
  if (uri === '-') return { kind: 'stdout' };
  const kafka = parseKafkaUri(uri);
  if (kafka !== undefined) return { kind: 'kafka', ...kafka };
  const topic = parsePubsubUri(uri, 'topics');
  return topic === undefined ? undefined : { kind: 'pubsub', topic };
}
