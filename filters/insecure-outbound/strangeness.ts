import type { History } from '../../history/history.js';
import type { HistoryEvidence } from '../../pipeline/finding.js';

/** A remote that at least so many customers talk to is nobody's secret. */
const COMMON_CUSTOMERS = 3;

/**
 * Whether a remote is strange to a customer: not seen by it on the days before, and rare over all
 * customers. Without history every remote is; the Bloom filters of `History.seen` err towards seen.
 */
export function isStrange(history: History | undefined, customer: string, remote: string): boolean {
  if (history === undefined) return true;
  if (history.seen(customer, remote)) return false;
  const prevalence = history.prevalence(remote);
  return prevalence === undefined || prevalence.customers < COMMON_CUSTOMERS;
}

/** The days by which strangers were told. */
export function historyEvidence(history: History | undefined): HistoryEvidence {
  const days = history?.days ?? [];
  if (days.length === 0) return { type: 'history', days: 0 };
  return { type: 'history', days: days.length, from: days[0], to: days[days.length - 1] };
}
