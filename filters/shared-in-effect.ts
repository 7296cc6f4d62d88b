import type { History, Prevalence } from '../history/history.js';
import type { Evidence, Finding, ListEvidence, PrevalenceEvidence } from '../pipeline/finding.js';
import type { Notice } from '../pipeline/notice.js';
import { categoryFamily } from '../reference/categories.js';
import { tellsOnShared } from './list-match.js';

/** Busy days, at the least: on fewer it may be an outbreak. */
const MIN_DAYS = 3;
/** Of the days that the history has: what is shared is used every day. */
const MIN_SHARE = 0.5;

/**
 * Whether the history shows an address that many unrelated clients and customers talk to: it is
 * shared in effect, whatever lists say (93.184.220.29, a content network, is on a threat list and on
 * no published range).
 *
 * A day is busy where, on that same day, at least 20 clients talked to the address, and clients of at
 * least half of the customers with conversations, of five at the least (`Prevalence.days`). The address
 * is shared in effect if at least three days and half of all days of the history are busy.
 *
 * Limits: with fewer than five customers, or three days, nothing is learned. A C2 that clients of half
 * of the customers talk to on half of the days of four weeks would be silenced; the operator reads of
 * it in the notice about the feed. An operator whose customers are one organisation in several parts
 * should count them as one: what is common to them is not shared by strangers.
 */
export function sharedInEffect(remote: string, history: History): Prevalence | undefined {
  const found = history.prevalence(remote);
  if (found === undefined || found.days < MIN_DAYS) return undefined;
  return found.days >= history.days.length * MIN_SHARE ? found : undefined;
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
  const notices = wrong.map((entry) => feedError(entry, finding, prevalence, history.days.length));
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

function feedError(
  entry: ListEvidence,
  finding: Finding,
  prevalence: Prevalence,
  historyDays: number,
): Notice {
  const { customers, clients, days } = prevalence;
  return {
    kind: 'feed-error',
    day: finding.windowStart.slice(0, 10),
    subject: entry.feed,
    message:
      `feed ${entry.feed} lists ${entry.entry} as ${entry.category}, but many talk to ` +
      `${finding.remoteAddress ?? entry.entry}, on ${days} of ${historyDays} days; on the day with the most ` +
      `customers ${clients} clients of ${customers} customers: probably an error of the feed`,
  };
}
