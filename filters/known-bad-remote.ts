import { z } from 'zod';
import { SEVERITIES, type Evidence, type Severity } from '../pipeline/finding.js';
import { neverRemote } from '../reference/special-addresses.js';
import { THREAT_CATEGORIES, type ThreatCategory } from '../reference/categories.js';
import { defineFilter } from './filter.js';
import { listConfidence, matchLists, tellingCategories } from './list-match.js';
import { listedAs, whoTalked } from './sentence.js';

const SEVERITY: Readonly<Record<ThreatCategory, Severity>> = {
  // Somebody else steers the host, or is about to encrypt it.
  c2: 'critical',
  ransomware: 'critical',
  botnet: 'high',
  malware: 'high',
  // Costs money, rarely data.
  cryptojacking: 'medium',
  // A click, not yet a compromise.
  phishing: 'medium',
  threat: 'medium',
  attacker: 'low',
};

/**
 * A host of yours connected to an address that threat lists name, for example a command-and-control server.
 *
 * In: established conversations in which the customer is the client; where the side is unknown, at
 * low confidence; never where the customer is the server (whoever reaches for it is not its risk).
 * Out: at most one a conversation, however many feeds list the remote; indicator: the most specific
 * entry, ip:port over address over prefix.
 * Source: the feeds that are configured as `kind: tags` with a threat category.
 * Known false positives: hosting and CDN addresses that many share (on shared ranges neither
 * bare-address entries fire nor ip:port entries of the ports 80, 443, 8080 and 8443, which also
 * misses a rented server there; but no published list of them is complete); sinkholes; addresses that changed
 * hands since they were listed; security teams at work.
 */
export const knownBadRemote = defineFilter({
  id: 'known-bad-remote',
  needsOneOf: ['remoteTags', 'remoteEndpointTags'],
  attempts: false,
  // A later record may show that the customer is the server.
  early: true,

  policy: z.strictObject({
    /** `attacker` is left out: those lists name who scans and guesses passwords, which is no place to connect to, but no proof either. */
    categories: z
      .array(
        z.enum(THREAT_CATEGORIES, { error: `expected one of ${THREAT_CATEGORIES.join(', ')}` }),
        { error: 'expected a list of categories' },
      )
      .default(['c2', 'ransomware', 'botnet', 'malware', 'cryptojacking', 'phishing', 'threat'])
      .describe('threat categories that fire'),
  }),

  describe: ({ categories }) =>
    categories.length === 0
      ? 'Nothing: no threat category is chosen.'
      : `Connections to remotes that a list names as ${categories.join(', ')}.`,

  prepare: ({ categories }, reference) => ({
    mask: reference.tags.mask(categories),
    categories: new Set<string>(categories),
  }),

  detect(conversation, { mask, categories }) {
    if ((tellingCategories(conversation) & mask) === 0) return undefined;
    if (conversation.customer.role === 'server' || neverRemote(conversation.remote.special)) {
      return undefined;
    }
    const match = matchLists(conversation, categories);
    if (match === undefined) return undefined;
    return {
      severity: severityOf(match.evidence),
      confidence: listConfidence(conversation, match.indicator),
      indicator: match.indicator,
      evidence: match.evidence,
    };
  },

  severityOf,

  summarize: (finding) => `${whoTalked(finding)}; the remote is listed as ${listedAs(finding)}.`,
});

/** That of the gravest category. */
function severityOf(evidence: readonly Evidence[]): Severity {
  const ranks = evidence.flatMap((entry) =>
    entry.type === 'list' ? SEVERITIES.indexOf(SEVERITY[entry.category as ThreatCategory]) : [],
  );
  return SEVERITIES[Math.max(0, ...ranks)];
}
