import { anonymizer } from './anonymizer.js';
import type { ConversationFilter } from './filter.js';
import { honeypotContact } from './honeypot-contact.js';
import { insecureRemoteService } from './insecure-remote-service.js';
import { knownBadRemote } from './known-bad-remote.js';
import { policyViolation } from './policy-violation.js';
import { sanctionedCountry } from './sanctioned-country.js';

/** Every filter that there is, one line each. */
export const FILTERS: readonly ConversationFilter[] = [
  anonymizer,
  honeypotContact,
  insecureRemoteService,
  knownBadRemote,
  policyViolation,
  sanctionedCountry,
];

/** The filter with that id. Throws if there is none: ids in a graph come from `FILTERS`. */
export function filterById(id: string): ConversationFilter {
  const filter = FILTERS.find((candidate) => candidate.id === id);
  if (filter === undefined) throw new Error(`no filter is called ${JSON.stringify(id)}`);
  return filter;
}
