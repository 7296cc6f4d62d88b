import { parsePubsubUri } from './pubsub-name.js';

/** A further place where findings go. */
export type SinkLocation =
  | { readonly kind: 'stdout' }
  /** Full name of the topic: `projects/P/topics/T`. */
  | { readonly kind: 'pubsub'; readonly topic: string };

export const SINK_EXPECTED =
  'expected - (standard output) or pubsub://projects/PROJECT/topics/TOPIC';

/** Reads the URI of a sink; undefined where it is none. */
export function parseSinkUri(uri: string): SinkLocation | undefined {
  if (uri === '-') return { kind: 'stdout' };
  const topic = parsePubsubUri(uri, 'topics');
  return topic === undefined ? undefined : { kind: 'pubsub', topic };
}
