import type { History, Prevalence } from '../history/history.js';
import type { Evidence, Finding, ListEvidence, PrevalenceEvidence } from '../pipeline/finding.js';
import type { Notice } from '../pipeline/notice.js';
import { categoryFamily } from '../reference/categories.js';
import { tellsOnShared } from './list-match.js';

/** Customers that must have talked to an address on one day, at the least; clients: BUSY_CLIENTS, on MIN_DAYS. */
const MIN_CUSTOMERS = 3;
/** Of the customers with traffic that day. */
const MIN_SHARE = 0.5;
/** Once may be an outbreak; what is shared is used every day. */
const MIN_DAYS = 2;

/**
 * Whether the history shows an address that many unrelated clients and customers talk to: it is
 * shared in effect, whatever lists say (93.184.220.29, a content network, is on a threat list and on
 * no published range). Needs at least three customers; with fewer nothing can be learned.
 */
export function sharedInEffect(remote: string, history: History): Prevalence | undefined {
  const found = history.prevalence(remote);
  if (found === undefined || found.days < MIN_DAYS) return undefined;
  const customers = Math.max(0, ...history.days.map((day) => customersOn(day, history)));
  return found.customers >= Math.max(MIN_CUSTOMERS, customers * MIN_SHARE) ? found : undefined;
}

function customersOn(day: string, history: History): number {
  return history.counts(day)?.customers.length ?? 0;
}

/** What is left of a finding on an address that is shared in effect. */
export interface Discounted {
  /** undefined = nothing: only entries for the bare address spoke against it. */
  readonly finding: Finding | undefined;
  /** One for each feed whose entry is probably wrong. */
  readonly notices: readonly Notice[];
}

/**
 * Treats a finding as if its remote bore the shared mark: entries of threat, anonymizer and honeypot
 * lists for the bare address say nothing of this one, an exact ip:port does except on the ports of
 * front ends; a country is said at low confidence. What stays has the prevalence in its evidence.
 */
export function discountShared(finding: Finding, history: History): Discounted {
  const unchanged: Discounted = { finding, notices: [] };
  const { remoteAddress } = finding;
  if (remoteAddress === null) return unchanged;
  // A ban is about the range itself, whatever list says what is in it.
  const banned = finding.evidence.some(({ type }) => type === 'policy');
  const accused = !banned && finding.evidence.some(isAccusation);
  const country = finding.evidence.some(({ type }) => type === 'country');
  if (!accused && !country) return unchanged;
  const prevalence = sharedInEffect(remoteAddress, history);
  if (prevalence === undefined) return unchanged;

  const wrong = finding.evidence.filter(
    (entry): entry is ListEvidence => isAccusation(entry) && !stillTells(entry),
  );
  const left = finding.evidence.filter((entry) => !(isAccusation(entry) && !stillTells(entry)));
  const notices = wrong.map((entry) => feedError(entry, finding, prevalence));
  if (accused && !left.some(isAccusation)) return { finding: undefined, notices };
  const evidence: PrevalenceEvidence = { type: 'prevalence', ...prevalence };
  const confidence = country ? 'low' : finding.confidence;
  return { finding: { ...finding, confidence, evidence: [...left, evidence] }, notices };
}

function isAccusation(entry: Evidence): entry is ListEvidence {
  if (entry.type !== 'list') return false;
  const family = categoryFamily(entry.category);
  return family === 'threat' || family === 'anonymizer' || family === 'honeypot';
}

/** Whether an entry names an exact port that is no front end's. */
function stillTells({ entry }: ListEvidence): boolean {
  const port = /^(?:\[[^\]]+\]|[^:]+):(\d+)$/.exec(entry)?.[1];
  return port !== undefined && tellsOnShared(Number(port));
}

function feedError(entry: ListEvidence, finding: Finding, prevalence: Prevalence): Notice {
  const { customers, clients, days } = prevalence;
  return {
    kind: 'feed-error',
    day: finding.windowStart.slice(0, 10),
    subject: entry.feed,
    message:
      `feed ${entry.feed} lists ${entry.entry} as ${entry.category}, but ${clients} clients of ` +
      `${customers} customers talked to ${finding.remoteAddress ?? entry.entry} on a day ` +
      `(${days} days): probably an error of the feed`,
  };
}
