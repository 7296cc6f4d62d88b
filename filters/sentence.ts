import type { Finding, ListEvidence } from '../pipeline/finding.js';

/** Names in a sentence before it says "and N more". */
const MAX_NAMES = 3;

/** Who talked to whom, as the start of a finding's sentence. */
export function whoTalked(finding: Finding): string {
  const { customerAddress, remoteAddress, service } = finding;
  switch (finding.customerRole) {
    case 'client':
      return `${customerAddress} connected to ${remoteAddress} (${service})`;
    case 'server':
      return `${remoteAddress} connected to ${customerAddress} (${service})`;
    case 'unknown':
      return `${customerAddress} and ${remoteAddress} talked (which one is the server is not known)`;
  }
}

/** `c2 by feed-a, feed-b`: categories and feeds behind a finding. */
export function listedAs(finding: Finding): string {
  const lists = finding.evidence.filter((entry): entry is ListEvidence => entry.type === 'list');
  const categories = nameSome(lists.map(({ category }) => category));
  return `${categories} by ${nameSome(lists.map(({ feed }) => feed))}`;
}

/** Distinct names in order, at most three of them. */
export function nameSome(names: Iterable<string>): string {
  const distinct = [...new Set(names)].sort();
  const more = distinct.length - MAX_NAMES;
  return more > 0
    ? `${distinct.slice(0, MAX_NAMES).join(', ')} and ${more} more`
    : distinct.join(', ');
}
