/** What is remembered of one feed between updates. */
import { z } from 'zod';

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const ms = z.number().min(0);

const cachedFile = z.strictObject({
  /** As readers and messages name it. */
  name: z.string(),
  bytes: z.int().min(0),
  mtimeMs: ms,
  /** Of the content, and the name of its copy. */
  sha256,
});
export type CachedFile = z.infer<typeof cachedFile>;

const feedVersion = z.strictObject({
  files: z.array(cachedFile).min(1),
  /** Entries that were kept when it was read. */
  entries: z.int().min(0),
  /** How it was read: `entries` of another reading say nothing. */
  reading: z.string(),
  /** ms since 1970 UTC. */
  fetchedMs: ms,
  /** By which its source tells whether it has changed: RFC 9110 section 8.8, or an object's generation. */
  validators: z.strictObject({
    etag: z.string().optional(),
    lastModified: z.string().optional(),
    generation: z.string().optional(),
  }),
});
export type FeedVersion = z.infer<typeof feedVersion>;
export type Validators = FeedVersion['validators'];

const feedState = z.strictObject({
  format: z.literal(1),
  /** sha256 of the URI, which may have a key in it. */
  source: sha256,
  /** The version in use; null before the first. */
  current: feedVersion.nullable(),
  /** What lost so many entries that somebody must confirm it. */
  heldBack: feedVersion.nullable(),
  /** Files of this machine that cannot be used: not read again until they change. */
  unusable: z.string().nullable(),
  /** When the source was last asked, and when it last said that `current` is what it has; ms since 1970. */
  attemptedMs: ms.nullable(),
  checkedMs: ms.nullable(),
  /** Attempts that failed since, and why the last one did. */
  failures: z.int().min(0),
  error: z.string().nullable(),
});
export type FeedState = z.infer<typeof feedState>;

export function firstState(source: string): FeedState {
  return {
    format: 1,
    source,
    current: null,
    heldBack: null,
    unusable: null,
    attemptedMs: null,
    checkedMs: null,
    failures: 0,
    error: null,
  };
}

/** Reads what was written; undefined where it is not such a text: then the feed is fetched anew. */
export function parseFeedState(text: string): FeedState | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  return feedState.safeParse(value).data;
}
