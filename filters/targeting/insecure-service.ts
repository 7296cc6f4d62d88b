import type { InventoryEvidence } from '../../pipeline/finding.js';
import type { Conversation } from '../conversation.js';
import { insecureEvidence } from '../insecure-tags.js';

/** What a scan holds against the customer's service of a conversation; undefined = nothing. */
export type InsecureService = (conversation: Conversation) => InventoryEvidence | undefined;

/** `mask` (ServiceTable.tagMask) and `tags` say which tags count. */
export function insecureService(mask: number, tags: ReadonlySet<string>): InsecureService {
  return ({ customer }) => {
    if ((customer.serviceTags & mask) === 0) return undefined;
    const { service } = customer;
    return service === undefined ? undefined : insecureEvidence(service, tags);
  };
}
