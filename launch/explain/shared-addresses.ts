import { tellsOnShared } from '../../filters/list-match.js';
import type { Finding } from '../../pipeline/finding.js';

/**
 * What group and day filters do with remotes that several organisations share; of the others their
 * evidence says it, and of targeted-by-threat too, which fires on list entries.
 */
const BY_FILTER: ReadonlyMap<string, string> = new Map([
  [
    'c2-candidate',
    'this filter leaves out remotes on ranges that several organisations share; so this one is on none that is known.',
  ],
  [
    'insecure-service-outbound',
    'this filter does not count conversations with remotes on ranges that several organisations share.',
  ],
  [
    'unpublicized-remote',
    'this filter does not ask: it is about space that nobody is known to use, and nobody shares that.',
  ],
  [
    'volume-change',
    'this filter counts all conversations, those with remotes that several organisations share too.',
  ],
]);

/** What was made of the question whether several organisations share the remote. */
export function sharedSentence(finding: Finding): string {
  const { evidence, filter } = finding;
  if (evidence.some((entry) => entry.type === 'prevalence')) {
    return 'the history shows that many unrelated clients talk to the remote: it counts as shared, though no list says so. What is left names an exact port, or is about the range itself.';
  }
  const told = BY_FILTER.get(filter);
  if (told !== undefined) return told;
  if (evidence.some((entry) => entry.type === 'country' && entry.sharedAddress)) {
    return 'the remote lies in a range that several organisations share (anycast, a cloud, a CDN). A country is about the range itself, so it fires, at low confidence.';
  }
  if (evidence.some((entry) => entry.type === 'policy')) {
    return 'a policy is about the range or service itself, so it holds on shared addresses too.';
  }
  const lists = evidence.filter((entry) => entry.type === 'list');
  if (lists.length === 0) return 'the evidence is about this very service or range, shared or not.';
  const sentence = listsSentence(lists.map(({ entry }) => entry));
  return filter === 'targeted-by-threat'
    ? `this filter leaves out remotes on ranges that several organisations share, but for exact ports. For this one: ${sentence}`
    : sentence;
}

function listsSentence(entries: readonly string[]): string {
  const ports = entries.map(portOf);
  if (ports.some((port) => port === undefined)) {
    return 'at least one entry names the address or network without a port. That fires only where the remote is on no range known to be shared; so it was on none.';
  }
  return ports.every((port) => port !== undefined && tellsOnShared(port))
    ? 'every entry names the exact address and port, which holds even where several organisations share the address.'
    : 'an entry names the exact address and port, but a port on which shared addresses serve everybody behind them. That fires only where the remote is on no range known to be shared; so it was on none.';
}

/** The port of `203.0.113.7:443` or `[2001:db8::1]:443`; undefined of an address or network. */
function portOf(entry: string): number | undefined {
  const digits = /^(?:\[[^\]]+\]|[^:]+):(\d+)$/.exec(entry)?.[1];
  return digits === undefined ? undefined : Number(digits);
}
