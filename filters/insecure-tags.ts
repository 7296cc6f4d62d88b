import { z } from 'zod';
import { SEVERITIES, type InventoryEvidence, type Severity } from '../pipeline/finding.js';
import { CATEGORY_PATTERN } from '../reference/categories.js';
import type { ServiceEntry } from '../reference/reference.js';

/** Inventory tags that make a service insecure by default, and how bad each is; the gravest first. */
const TAG_SEVERITY = {
  // Anybody can be in there: what the host sends goes to whoever got in last.
  'default-credentials': 'high',
  'exposed-database': 'high',
  // No fixes any more, so its holes are known and open.
  'end-of-life': 'medium',
  // Passwords and data in clear text.
  telnet: 'medium',
  rlogin: 'medium',
  ftp: 'medium',
  // Remote control and file shares that belong behind a VPN; on the Internet they are broken into first.
  rdp: 'medium',
  vnc: 'medium',
  smb: 'medium',
  // Nobody vouches for who answers; common on C2 servers, and on somebody's router.
  'self-signed': 'low',
} as const satisfies Readonly<Record<string, Severity>>;

const DEFAULT_TAGS = Object.keys(TAG_SEVERITY);
const SEVERITY_OF: ReadonlyMap<string, Severity> = new Map(Object.entries(TAG_SEVERITY));

/** A tag of the user's own. */
const OTHER_SEVERITY: Severity = 'medium';

/** The setting by which a customer chooses the tags, as the scan names them. */
export function insecureTags(description: string): z.ZodDefault<z.ZodArray<z.ZodString>> {
  return z
    .array(
      z
        .string({ error: 'expected the name of an inventory tag' })
        .regex(CATEGORY_PATTERN, { error: 'expected the name of an inventory tag' }),
      { error: 'expected a list of inventory tags' },
    )
    .default(DEFAULT_TAGS)
    .describe(description);
}

/** What the inventory says of a service, with those of its tags that are chosen; undefined where none is. */
export function insecureEvidence(
  service: ServiceEntry,
  chosen: ReadonlySet<string>,
): InventoryEvidence | undefined {
  const tags = service.tags.filter((tag) => chosen.has(tag)).sort();
  if (tags.length === 0) return undefined;
  return {
    type: 'inventory',
    feed: service.feed,
    feedVersion: service.feedVersion,
    entry: service.entry,
    service: service.service,
    tags,
    ...(service.firstSeen === undefined ? {} : { firstSeen: service.firstSeen }),
    ...(service.lastSeen === undefined ? {} : { lastSeen: service.lastSeen }),
  };
}

/** Severity of the gravest of some tags; `low` of none. */
export function severityOfTags(tags: readonly string[]): Severity {
  return SEVERITIES[Math.max(0, ...tags.map(severityRank))];
}

/** Orders tags, the gravest first; a tag of the user's own comes behind the known ones as bad as it. */
export function compareTags(a: string, b: string): number {
  const bySeverity = severityRank(b) - severityRank(a);
  if (bySeverity !== 0) return bySeverity;
  const byPlace = placeOf(a) - placeOf(b);
  if (byPlace !== 0) return byPlace;
  return a < b ? -1 : a > b ? 1 : 0;
}

function severityRank(tag: string): number {
  return SEVERITIES.indexOf(SEVERITY_OF.get(tag) ?? OTHER_SEVERITY);
}

function placeOf(tag: string): number {
  const place = DEFAULT_TAGS.indexOf(tag);
  return place < 0 ? DEFAULT_TAGS.length : place;
}
