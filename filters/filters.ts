import { anonymizer } from './anonymizer.js';
import { c2Candidate } from './c2-candidate.js';
import type { DayFilter } from './day-filter.js';
import type { ConversationFilter } from './filter.js';
import type { GroupFilter } from './group-filter.js';
import { honeypotContact } from './honeypot-contact.js';
import { insecureRemoteService } from './insecure-remote-service.js';
import { insecureServiceOutbound } from './insecure-service-outbound.js';
import { knownBadRemote } from './known-bad-remote.js';
import { policyViolation } from './policy-violation.js';
import { sanctionedCountry } from './sanctioned-country.js';
import { targetedByThreat } from './targeted-by-threat.js';
import { unpublicizedRemote } from './unpublicized-remote.js';
import { volumeChange } from './volume-change.js';

/** Filters that judge single conversations, one line each. */
export const CONVERSATION_FILTERS: readonly ConversationFilter[] = [
  anonymizer,
  honeypotContact,
  insecureRemoteService,
  knownBadRemote,
  policyViolation,
  sanctionedCountry,
];

/** Filters that judge groups of conversations, one line each. */
export const GROUP_FILTERS: readonly GroupFilter[] = [
  c2Candidate,
  insecureServiceOutbound,
  targetedByThreat,
  unpublicizedRemote,
];

/** Filters that judge whole days, one line each. */
export const DAY_FILTERS: readonly DayFilter[] = [volumeChange];

export type Filter = ConversationFilter | GroupFilter | DayFilter;

/** Every filter that there is, by id. */
export const FILTERS: readonly Filter[] = [
  ...CONVERSATION_FILTERS,
  ...GROUP_FILTERS,
  ...DAY_FILTERS,
].sort((a, b) => (a.id < b.id ? -1 : 1));

/** The filter with that id. Throws if there is none: ids in a graph come from `FILTERS`. */
export function filterById(id: string): Filter {
  const filter = FILTERS.find((candidate) => candidate.id === id);
  if (filter === undefined) throw new Error(`no filter is called ${JSON.stringify(id)}`);
  return filter;
}

/** The filter with that id and shape. Throws if there is none. */
export function filterOfShape<Shape extends Filter['shape']>(
  id: string,
  shape: Shape,
): Extract<Filter, { readonly shape: Shape }> {
  const filter = filterById(id);
  if (filter.shape !== shape) throw new Error(`filter ${id} judges no single ${shape}`);
  return filter as Extract<Filter, { readonly shape: Shape }>;
}
