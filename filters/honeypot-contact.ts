import { z } from 'zod';
import { REASON, REASON_NAMES } from '../pipeline/codes.js';
import { neverRemote } from '../reference/special-addresses.js';
import { HONEYPOT_CATEGORIES } from '../reference/categories.js';
import { defineFilter } from './filter.js';
import { listConfidence, matchLists, tellingCategories } from './list-match.js';
import { listedAs, whoTalked } from './sentence.js';

const HONEYPOTS: ReadonlySet<string> = new Set(HONEYPOT_CATEGORIES);

/** Reasons that a policy may ask for: those that are more than two ports compared. */
const REASONS = ['known-service', 'inventory', 'handshake', 'initiator'] as const;

/**
 * A host of yours connected to a honeypot: a machine that nobody has a reason to talk to.
 *
 * In: established conversations that the customer started, with a reason at least as strong as `minReason`.
 * Out: at most one a conversation; indicator: the most specific entry.
 * Source: the feeds that are configured as `kind: tags` with category honeypot.
 * Known false positives: the organisation's own scanners and research; honeypots that share an
 * address with real services (bare-address entries do not fire on shared ranges); a honeypot
 * operator's machine that itself scans, read the wrong way round: hence `minReason`.
 */
export const honeypotContact = defineFilter({
  id: 'honeypot-contact',
  needsOneOf: ['remoteTags', 'remoteEndpointTags'],
  attempts: false,
  // Who started it is settled only when the window is complete.
  early: true,

  policy: z.strictObject({
    /**
     * Reason for the side. Comparing two unknown ports errs by up to 40 % behind a NAT, and read the
     * wrong way round a honeypot's own scan of the customer would be held against the customer.
     */
    minReason: z
      .enum(REASONS, { error: `expected one of ${REASONS.join(', ')}` })
      .default('known-service')
      .describe('weakest reason to hold the customer for the one who started'),
  }),

  describe: ({ minReason }) =>
    `Connections to honeypots that the customer started, shown by ${minReason} or a stronger reason.`,

  prepare: ({ minReason }, reference) => ({
    mask: reference.tags.mask(HONEYPOT_CATEGORIES),
    minReason: Math.max(REASON.knownService, REASON_NAMES.indexOf(minReason)),
  }),

  detect(conversation, { mask, minReason }) {
    if ((tellingCategories(conversation) & mask) === 0) return undefined;
    if (conversation.customer.role !== 'client' || conversation.reason < minReason) {
      return undefined;
    }
    if (neverRemote(conversation.remote.special)) return undefined;
    const match = matchLists(conversation, HONEYPOTS);
    if (match === undefined) return undefined;
    return {
      severity: 'high',
      confidence: listConfidence(conversation, match.indicator),
      indicator: match.indicator,
      evidence: match.evidence,
    };
  },

  summarize: (finding) =>
    `${whoTalked(finding)}; the remote is a ${listedAs(finding)}: nobody has a reason to talk to it.`,
});
