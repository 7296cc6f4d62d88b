/** What the configuration says of reference data. */
import { z } from 'zod';
import { FEED_READERS } from './feeds/registry.js';
import { isRemote, parseRemoteUri } from './remote-uri.js';

/** `customers` is the configuration's `customers:` file and no kind of a feed under `reference:`. */
export type FeedKind = ConfiguredKind | 'customers';

const KINDS = ['tags', 'countries', 'inventory', 'routed', 'coverage'] as const;
export type ConfiguredKind = (typeof KINDS)[number];

const FIELDS = [
  'address',
  'port',
  'protocol',
  'category',
  'since',
  'country',
  'service',
  'tags',
  'firstSeen',
  'lastSeen',
  'ports',
  'customer',
  'exclusive',
] as const;
export type FeedField = (typeof FIELDS)[number];

/** Name of the feed's column, by field. */
export type FeedColumns = Readonly<Partial<Record<FeedField, string | undefined>>>;

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const name = (what: string): z.ZodString =>
  z
    .string()
    .regex(
      NAME,
      `expected a ${what} of letters, digits, ".", "_" and "-", at most 64, got no such`,
    );

/** Default and range of what is said of feeds that are fetched. */
export const REMOTE_FEED = {
  everyMs: { default: 86_400_000, min: 60_000, max: 366 * 86_400_000 },
  maxBytes: { default: 256 << 20, min: 1, max: 4 * 2 ** 30 },
} as const;

const EVERY = 'expected a duration from 1m to 366d, such as 30m, 1h or 1d';
const MAX_BYTES = `expected a whole number of bytes from 1 to ${REMOTE_FEED.maxBytes.max}`;

/** One entry of `reference.feeds`; unknown keys are errors. */
export const feedSpecSchema = z
  .strictObject({
    name: name('feed name'),
    kind: z.enum(KINDS),
    /** Of all entries of a `tags` feed, unless a column says it. */
    category: name('category').optional(),
    format: z.string(),
    /** File, folder or glob, relative to the configuration; or http://, https://, gs://bucket/object. */
    uri: z.string().min(1, 'expected a file, folder or glob, got ""'),
    /** How old a copy of a remote feed may be before it is fetched again: `1h`; a day if not said. */
    every: z
      .string({ error: EVERY })
      .refine((text) => durationMs(text) !== undefined, { error: EVERY })
      .optional(),
    /** Most bytes of a remote feed, on the wire and unpacked. */
    maxBytes: z
      .int({ error: MAX_BYTES })
      .min(REMOTE_FEED.maxBytes.min, MAX_BYTES)
      .max(REMOTE_FEED.maxBytes.max, MAX_BYTES)
      .optional(),
    columns: z.partialRecord(z.enum(FIELDS), z.string().min(1)).optional(),
  })
  .superRefine((feed, context) => {
    const issue = (path: string, message: string): void => {
      context.addIssue({ code: 'custom', path: [path], message });
    };
    const reader = FEED_READERS.get(feed.format);
    if (reader === undefined) {
      const known = [...FEED_READERS.keys()].join(', ');
      issue('format', `expected one of ${known}, got "${feed.format}"`);
    } else if (!reader.kinds.includes(feed.kind)) {
      issue(
        'format',
        `format "${feed.format}" serves feeds of ${reader.kinds.join(', ')}, not of "${feed.kind}"`,
      );
    }
    if (isRemote(feed.uri)) {
      if (parseRemoteUri(feed.uri) === undefined) {
        issue('uri', `expected a path, an http:// or https:// URL or gs://bucket/object`);
      }
    } else {
      for (const key of ['every', 'maxBytes'] as const) {
        if (feed[key] === undefined) continue;
        issue(key, `is of feeds with a URL; the files of "${feed.uri}" are looked at every time`);
      }
    }
    const hasCategory = feed.category !== undefined || feed.columns?.category !== undefined;
    if (feed.kind === 'tags' && !hasCategory) {
      issue('category', 'expected a category for a feed of kind "tags", got none');
    }
    if (feed.kind !== 'tags' && feed.category !== undefined) {
      issue('category', `a feed of kind "${feed.kind}" has no category, got "${feed.category}"`);
    }
  });

export type FeedSpec = Readonly<z.infer<typeof feedSpecSchema>>;

/** After how many ms a remote feed is due again. */
export function everyMs({ every }: FeedSpec): number {
  return (every === undefined ? undefined : durationMs(every)) ?? REMOTE_FEED.everyMs.default;
}

const UNIT_MS = new Map([
  ['s', 1000],
  ['m', 60_000],
  ['h', 3_600_000],
  ['d', 86_400_000],
]);

/** ms of `90s`, `30m`, `1h`, `1d` within the range of `every`; undefined if it is none. */
function durationMs(text: string): number | undefined {
  const [, amount, unit] = /^([1-9][0-9]{0,8})([smhd])$/.exec(text) ?? [];
  const ms = Number(amount) * (UNIT_MS.get(unit) ?? NaN);
  const { min, max } = REMOTE_FEED.everyMs;
  return ms >= min && ms <= max ? ms : undefined;
}

/** The feeds of a configuration: distinct names, at most one of countries. */
export const feedSpecsSchema = z.array(feedSpecSchema).superRefine((feeds, context) => {
  const seen = new Set<string>();
  let countries: string | undefined;
  feeds.forEach((feed, at) => {
    if (seen.has(feed.name)) {
      context.addIssue({
        code: 'custom',
        path: [at, 'name'],
        message: `"${feed.name}" is there twice`,
      });
    }
    seen.add(feed.name);
    if (feed.kind !== 'countries') return;
    if (countries !== undefined) {
      context.addIssue({
        code: 'custom',
        path: [at, 'kind'],
        message: `expected one feed of countries, got "${countries}" and "${feed.name}"`,
      });
    }
    countries = feed.name;
  });
});

/** All that a snapshot is compiled from. */
export interface ReferenceSpec {
  readonly feeds: readonly FeedSpec[];
  /** CSV: customer,cidr[,exclusive]. */
  readonly customers: { readonly uri: string };
  /** Folder that relative URIs are relative to. */
  readonly baseDir: string;
}
