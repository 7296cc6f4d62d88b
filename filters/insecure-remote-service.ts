import { z } from 'zod';
import { REASON_CONFIDENCE } from '../pipeline/codes.js';
import { SEVERITIES, type InventoryEvidence, type Severity } from '../pipeline/finding.js';
import { neverRemote } from '../reference/special-addresses.js';
import { CATEGORY_PATTERN } from '../reference/categories.js';
import { defineFilter } from './filter.js';
import { nameSome, whoTalked } from './sentence.js';

/** Inventory tags that fire by default, and how bad each is. */
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

/** A tag of the user's own. */
const OTHER_SEVERITY: Severity = 'medium';

/**
 * A host of yours used a service elsewhere that a scan found too insecure to be legitimate.
 *
 * In: established conversations in which the customer is the client and the inventory knows the
 * remote ip:port under one of the tags.
 * Out: at most one a conversation; indicator `203.0.113.7:23/tcp`.
 * Source: the scan inventory (`kind: inventory`), by its tags.
 * Known false positives: the service changed hands or was repaired after the scan (see the evidence's
 * `lastSeen`); partners with old but agreed services (suppress them); `self-signed` within one's own
 * organisation.
 */
export const insecureRemoteService = defineFilter({
  id: 'insecure-remote-service',
  joins: ['inventory'],
  needsOneOf: ['remoteService'],
  attempts: false,
  // The inventory speaks of a server; the side may still flip.
  early: false,

  policy: z.strictObject({
    /** Tags of the inventory, as the scan names them. */
    tags: z
      .array(
        z
          .string({ error: 'expected the name of an inventory tag' })
          .regex(CATEGORY_PATTERN, { error: 'expected the name of an inventory tag' }),
        { error: 'expected a list of inventory tags' },
      )
      .default(DEFAULT_TAGS)
      .describe('inventory tags that make a remote service insecure'),
  }),

  describe: ({ tags }) =>
    tags.length === 0
      ? 'Nothing: no inventory tag is chosen.'
      : `Connections to services that a scan tagged ${tags.join(', ')}.`,

  prepare: ({ tags }, reference) => ({
    mask: reference.inventory.tagMask(tags),
    tags: new Set(tags),
  }),

  detect(conversation, { mask, tags }) {
    const { customer, remote } = conversation;
    if ((remote.serviceTags & mask) === 0) return undefined;
    if (customer.role !== 'client' || neverRemote(remote.special)) return undefined;
    const { service } = remote;
    if (service === undefined) return undefined;
    const matched = service.tags.filter((tag) => tags.has(tag));
    if (matched.length === 0) return undefined;
    const evidence: InventoryEvidence = {
      type: 'inventory',
      feed: service.feed,
      feedVersion: service.feedVersion,
      entry: service.entry,
      service: service.service,
      tags: [...matched].sort(),
      ...(service.firstSeen === undefined ? {} : { firstSeen: service.firstSeen }),
      ...(service.lastSeen === undefined ? {} : { lastSeen: service.lastSeen }),
    };
    return {
      severity: gravest(matched),
      confidence: REASON_CONFIDENCE[conversation.reason],
      indicator: service.entry,
      evidence: [evidence],
    };
  },

  summarize(finding) {
    const tags = finding.evidence.flatMap((entry) =>
      entry.type === 'inventory' ? entry.tags : [],
    );
    return `${whoTalked(finding)}; a scan found that service insecure: ${nameSome(tags)}.`;
  },
});

function gravest(tags: readonly string[]): Severity {
  const severities: Readonly<Partial<Record<string, Severity>>> = TAG_SEVERITY;
  const ranks = tags.map((tag) => SEVERITIES.indexOf(severities[tag] ?? OTHER_SEVERITY));
  return SEVERITIES[Math.max(0, ...ranks)];
}
