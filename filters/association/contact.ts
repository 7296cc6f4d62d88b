import { Tally } from '../tally.js';
import type { Conversation } from '../conversation.js';

/**
 * What a client's conversations with one service come to. A tuple, because every client has one for
 * every service: counts by sensor, which a Tally has, would be ten times as large.
 */
export type Contact = [
  conversations: number,
  records: number,
  firstMs: number,
  lastMs: number,
  /** The strongest REASON. */
  reason: number,
];

export function noContact(): Contact {
  return [0, 0, Infinity, -Infinity, 0];
}

/** Adds the row that `conversation` is at. */
export function countContact(into: Contact, { batch, row }: Conversation): void {
  const { records, firstMs, lastMs, reason } = batch.columns;
  into[0]++;
  into[1] += records[row];
  into[2] = Math.min(into[2], firstMs[row]);
  into[3] = Math.max(into[3], lastMs[row]);
  into[4] = Math.max(into[4], reason[row]);
}

/** Adds `from` to `into`, which it returns. */
export function addContact(into: Contact, from: Contact): Contact {
  into[0] += from[0];
  into[1] += from[1];
  into[2] = Math.min(into[2], from[2]);
  into[3] = Math.max(into[3], from[3]);
  into[4] = Math.max(into[4], from[4]);
  return into;
}

/** As a tally that knows nothing of sensors and traffic. */
export function contactTally([conversations, records, firstMs, lastMs, reason]: Contact): Tally {
  return Tally.restore({ conversations, records, firstMs, lastMs, reason, counters: [] });
}
