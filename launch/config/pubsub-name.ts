/** A Pub/Sub resource of a URI, as the service names it: `projects/P/subscriptions/S`. */
export type PubsubResource = 'subscriptions' | 'topics';

/** Project id, with the domain that some old ones have: `example.com:project`. */
const PROJECT = /^[a-z0-9]([a-z0-9.:-]{0,98}[a-z0-9])?$/;

/** Letters, digits and `-._~+%`, a letter first, 3 to 255 of them, no `goog` in front. */
const NAME = /^(?!goog)[A-Za-z][A-Za-z0-9._~+%-]{2,254}$/;

/**
 * `projects/P/subscriptions/S` (or topics) of `pubsub://projects/P/subscriptions/S`; undefined where
 * it is none.
 *
 * Source: https://cloud.google.com/pubsub/docs/pubsub-basics#resource_names
 */
export function parsePubsubUri(uri: string, resource: PubsubResource): string | undefined {
  const parts = /^pubsub:\/\/projects\/([^/]+)\/([^/]+)\/([^/]+)$/.exec(uri);
  if (parts?.[2] !== resource || !PROJECT.test(parts[1]) || !NAME.test(parts[3])) return undefined;
  return `projects/${parts[1]}/${resource}/${parts[3]}`;
}
