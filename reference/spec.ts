/** What the configuration says of reference data. */
import { z } from 'zod';
import { FEED_READERS } from './feeds/registry.js';

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

/** One entry of `reference.feeds`; unknown keys are errors. */
export const feedSpecSchema = z
  .strictObject({
    name: name('feed name'),
    kind: z.enum(KINDS),
    /** Of all entries of a `tags` feed, unless a column says it. */
    category: name('category').optional(),
    format: z.string(),
    /** File, folder or glob, relative to the configuration. */
    uri: z.string().min(1, 'expected a file, folder or glob, got ""'),
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
    const hasCategory = feed.category !== undefined || feed.columns?.category !== undefined;
    if (feed.kind === 'tags' && !hasCategory) {
      issue('category', 'expected a category for a feed of kind "tags", got none');
    }
    if (feed.kind !== 'tags' && feed.category !== undefined) {
      issue('category', `a feed of kind "${feed.kind}" has no category, got "${feed.category}"`);
    }
  });

export type FeedSpec = Readonly<z.infer<typeof feedSpecSchema>>;

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
