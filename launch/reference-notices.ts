import { openSnapshot, type ManifestRef } from '../reference/snapshot.js';
import { categoryFamily } from '../reference/categories.js';
import type { FeedReport } from '../reference/manifest.js';
import type { Config } from './config/config.js';

/**
 * Sentences about what the configuration asks for and the reference data do not have, and feeds with
 * bad lines: a filter would be silent, unnoticed.
 */
export function referenceNotices(config: Config, reference: ManifestRef): string[] {
  const { customers, manifest } = openSnapshot(reference);
  const nobody = config.policyCustomers
    .filter((customer) => !customers.customers.includes(customer))
    .map((customer) => `policies name the customer ${customer}, who has no addresses`);
  const unread = manifest.feeds.flatMap(({ name, read, rejected }) => {
    const lines = Object.values(rejected).reduce((sum, n) => sum + n, 0);
    if (lines === 0) return [];
    return [
      `${lines} of ${read} entries of the feed ${name} cannot be read; ` +
        `flowsieve reference build shows the first`,
    ];
  });
  const idle = config.suppressions.flatMap(({ id, feed, customer }) => [
    ...(feed !== undefined && !manifest.feeds.some(({ name }) => name === feed)
      ? [`the suppression ${id} names the feed ${feed}, which is not configured`]
      : []),
    ...(customer !== undefined && !customers.customers.includes(customer)
      ? [`the suppression ${id} names the customer ${customer}, who has no addresses`]
      : []),
  ]);
  const enabled = new Set(config.filters.map(({ id }) => id));
  const blind = NEEDS.filter(({ filter }) => enabled.has(filter))
    .filter(({ has }) => !manifest.feeds.some(has))
    .map(({ filter, without }) => `${filter} ${without}`);
  return [...nobody, ...unread, ...idle, ...blind];
}

interface Need {
  readonly filter: string;
  /** Whether a feed is of the sort that the filter needs. */
  readonly has: (feed: FeedReport) => boolean;
  /** What it does without one. */
  readonly without: string;
}

const ofKind =
  (kind: string) =>
  (feed: FeedReport): boolean =>
    feed.kind === kind;

/** Categories of a feed may be in a column of its own. */
const ofThreats = ({ kind, category }: FeedReport): boolean =>
  kind === 'tags' && (category === undefined || categoryFamily(category) === 'threat');

const NO_THREATS = 'finds nothing: there is no feed of threats';

const NEEDS: readonly Need[] = [
  {
    filter: 'sanctioned-country',
    has: ofKind('countries'),
    without: 'finds nothing: there is no feed of kind countries',
  },
  {
    filter: 'insecure-remote-service',
    has: ofKind('inventory'),
    without: 'finds nothing: there is no feed of kind inventory',
  },
  {
    filter: 'insecure-service-outbound',
    has: ofKind('inventory'),
    without: 'finds nothing: there is no feed of kind inventory',
  },
  { filter: 'targeted-by-threat', has: ofThreats, without: NO_THREATS },
  { filter: 'c2-candidate', has: ofThreats, without: NO_THREATS },
  {
    filter: 'unpublicized-remote',
    has: ofKind('coverage'),
    without: 'knows no silent addresses: there is no feed of kind coverage',
  },
  {
    filter: 'unpublicized-remote',
    has: ofKind('routed'),
    without: 'knows no unrouted addresses: there is no feed of kind routed',
  },
];
