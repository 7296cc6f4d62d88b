import { z } from 'zod';
import { REASON_CONFIDENCE } from '../pipeline/codes.js';
import { neverRemote } from '../reference/special-addresses.js';
import { defineFilter } from './filter.js';
import { insecureEvidence, insecureTags, severityOfTags } from './insecure-tags.js';
import { nameSome, whoTalked } from './sentence.js';

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
  needsOneOf: ['remoteService'],
  attempts: false,
  // The inventory speaks of a server; the side may still flip.
  early: true,

  policy: z.strictObject({
    /** Tags of the inventory, as the scan names them. */
    tags: insecureTags('inventory tags that make a remote service insecure'),
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
    const evidence = insecureEvidence(service, tags);
    if (evidence === undefined) return undefined;
    return {
      severity: severityOfTags(evidence.tags),
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
