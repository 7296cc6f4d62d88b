import { z } from 'zod';
import type { Evidence, Severity } from '../pipeline/finding.js';
import { neverRemote } from '../reference/special-addresses.js';
import { ANONYMIZER_CATEGORIES } from '../reference/categories.js';
import { defineFilter } from './filter.js';
import { listConfidence, matchEntries, matchLists, tellingCategories } from './list-match.js';
import { parsePortRule, PORT_FORMS, portTable, type PortRule } from './port-rule.js';
import { listedAs, whoTalked } from './sentence.js';

/** Inbound, only exits of Tor: VPN exits are ordinary visitors. */
const INBOUND: ReadonlySet<string> = new Set(['tor']);

/**
 * A host of yours used a service that hides who talks (Tor, a VPN, an open proxy), or somebody hid
 * behind Tor to reach a service that you named.
 *
 * In: established conversations in which the customer is the client; in which it is the server, only
 * from `tor` remotes to a service of `inboundServices`; never where the side is unknown.
 * Out: at most one a conversation; indicator: the most specific entry.
 * Source: the feeds that are configured as `kind: tags` with category tor, vpn, proxy or anonymizer.
 * Known false positives: a VPN that the organisation itself uses (suppress its addresses); lists of
 * VPN *networks* hold whole hosting companies (medium confidence); a Tor relay that also serves a web page.
 */
export const anonymizer = defineFilter({
  id: 'anonymizer',
  needsOneOf: ['remoteTags', 'remoteEndpointTags'],
  attempts: false,
  // Outbound and inbound have different rules, and the side may still flip.
  early: true,

  policy: z.strictObject({
    categories: z
      .array(
        z.enum(ANONYMIZER_CATEGORIES, {
          error: `expected one of ${ANONYMIZER_CATEGORIES.join(', ')}`,
        }),
        { error: 'expected a list of categories' },
      )
      .default([...ANONYMIZER_CATEGORIES])
      .describe('kinds of anonymizer that fire'),
    /** TCP ports of the customer. None by default: a public service has visitors from Tor every day. */
    inboundServices: z
      .array(
        z
          .string({ error: `expected ${PORT_FORMS}` })
          .refine((text) => parsePortRule(text) !== undefined, { error: `expected ${PORT_FORMS}` }),
        { error: 'expected a list of services' },
      )
      .default([])
      .describe('own services (`tcp/22`) that nobody should reach through Tor'),
  }),

  describe: ({ categories, inboundServices }) => {
    const outbound =
      categories.length === 0
        ? 'No connections to anonymizers'
        : `Connections to remotes that a list names as ${categories.join(', ')}`;
    const inbound =
      inboundServices.length === 0 || !categories.includes('tor')
        ? ''
        : `, and from Tor exits to ${inboundServices.join(', ')}`;
    return `${outbound}${inbound}.`;
  },

  prepare: ({ categories, inboundServices }, reference) => ({
    mask: reference.tags.mask(categories),
    categories: new Set<string>(categories),
    torMask: categories.includes('tor') ? reference.tags.mask(INBOUND) : 0,
    inboundPorts: portTable(
      inboundServices.map(parsePortRule).filter((rule): rule is PortRule => rule !== undefined),
    ),
  }),

  detect(conversation, { mask, categories, torMask, inboundPorts }) {
    if ((tellingCategories(conversation) & mask) === 0) return undefined;
    const { customer, remote } = conversation;
    if (customer.role === 'unknown' || neverRemote(remote.special)) return undefined;
    if (customer.role === 'server') {
      // An ip:port entry names a service of the remote, which here is the client.
      if (remote.shared || (remote.categories & torMask) === 0) return undefined;
      if (inboundPorts[customer.port] === 0) return undefined;
    }
    const match =
      customer.role === 'server'
        ? matchEntries(remote.tags, INBOUND)
        : matchLists(conversation, categories);
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

/** A VPN alone is low: people have good reasons for one. */
function severityOf(evidence: readonly Evidence[]): Severity {
  return evidence.every((entry) => entry.type === 'list' && entry.category === 'vpn')
    ? 'low'
    : 'medium';
}
