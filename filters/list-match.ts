import { REASON_CONFIDENCE, type Confidence } from '../pipeline/codes.js';
import type { ListEvidence } from '../pipeline/finding.js';
import type { TagEntry } from '../reference/reference.js';
import type { Conversation } from './conversation.js';

/** What the lists say of a remote, for the filters that fire on list entries. */
export interface ListMatch {
  /** The most specific entry: ip:port over address over prefix. */
  readonly indicator: string;
  /** Every matching entry, the most specific first. */
  readonly evidence: readonly ListEvidence[];
}

/**
 * Ports on which a shared front end answers for everybody behind it, so that ip:port says no more
 * than the address: maltrail lists 204.79.197.200:443 and :8443, an address of Microsoft's search.
 */
const FRONT_PORTS: ReadonlySet<number> = new Set([80, 443, 8080, 8443]);

/** Whether an exact ip:port entry says something of this remote. */
function endpointTells({ remote }: Conversation): boolean {
  return !remote.shared || tellsOnShared(remote.port);
}

/** Whether an exact ip:port entry says something of one who is behind a shared address. */
export function tellsOnShared(port: number): boolean {
  return !FRONT_PORTS.has(port);
}

/**
 * Mask of the categories that may speak about this remote. On an address that several organisations
 * share, an entry for the bare address says nothing of this one; an exact ip:port does, unless the
 * port is one that the address serves them all on.
 */
export function tellingCategories(conversation: Conversation): number {
  const { remote } = conversation;
  const endpoint = endpointTells(conversation) ? remote.endpointCategories : 0;
  return remote.shared ? endpoint : remote.categories | endpoint;
}

/** Entries of the wanted categories behind `tellingCategories`; undefined where there are none. */
export function matchLists(
  conversation: Conversation,
  wanted: ReadonlySet<string>,
): ListMatch | undefined {
  const { remote } = conversation;
  const endpoint = endpointTells(conversation) ? remote.endpointTags : [];
  const entries = remote.shared ? endpoint : [...endpoint, ...remote.tags];
  return matchEntries(entries, wanted);
}

/** The wanted ones of some entries, which come the most specific first. */
export function matchEntries(
  entries: readonly TagEntry[],
  wanted: ReadonlySet<string>,
): ListMatch | undefined {
  const evidence = entries.filter(({ category }) => wanted.has(category)).map(listEvidence);
  return evidence.length === 0 ? undefined : { indicator: evidence[0].entry, evidence };
}

/**
 * Confidence of a list match: high for an address or ip:port, medium for a prefix (a network holds
 * others too); one less where only the lower port says who the client is; low where nothing does.
 */
export function listConfidence(conversation: Conversation, indicator: string): Confidence {
  if (conversation.customer.role === 'unknown') return 'low';
  const prefix = indicator.includes('/');
  if (REASON_CONFIDENCE[conversation.reason] === 'low') return prefix ? 'low' : 'medium';
  return prefix ? 'medium' : 'high';
}

function listEvidence(entry: TagEntry): ListEvidence {
  const { feed, category, feedVersion, source, since } = entry;
  return {
    type: 'list',
    feed,
    entry: entry.entry,
    category,
    feedVersion,
    ...(source === undefined ? {} : { source }),
    ...(since === undefined ? {} : { since }),
  };
}
