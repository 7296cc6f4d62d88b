import { formatAddressAt } from '../pipeline/address.js';
import { GRADE } from '../pipeline/codes.js';
import { counterEnd, type ConversationBatch } from '../pipeline/conversation-batch.js';
import type { Hit, HitCounter } from '../pipeline/hit.js';
import type { Reference } from '../reference/reference.js';
import { Conversation } from './conversation.js';
import type { ConversationFilter, Detection, IdColumn } from './filter.js';
import type { PreparedPolicies } from './policies.js';

/**
 * Runs one filter over the rows of a batch and hands each hit to `onHit`. Rows below a medium grade
 * reach only filters that ask for attempts. Nothing is allocated for a row that does not hit.
 *
 * Throws an Error where the batch was joined with another snapshot than `reference`: its ids would
 * mean something else there.
 */
export function detectHits(
  batch: ConversationBatch,
  reference: Reference,
  filter: ConversationFilter,
  policies: PreparedPolicies,
  onHit: (hit: Hit) => void,
): void {
  if (batch.referenceVersion !== reference.version) {
    throw new Error(
      `batch was joined with snapshot ${batch.referenceVersion}, the filter has ${reference.version}`,
    );
  }
  const byCustomer = policies.forCustomers(batch.customers);
  const { customer, grade } = batch.columns;
  const least = filter.attempts ? GRADE.unknown : GRADE.medium;
  const conversation = new Conversation(batch, reference);
  const mayHit = rowsWithIds(batch, filter.needsOneOf);
  for (let row = 0; row < batch.rows; row++) {
    if (mayHit?.[row] === 0 || grade[row] < least) continue;
    const policy = byCustomer[customer[row]];
    if (policy === undefined) continue;
    conversation.move(row);
    const detection = filter.detect(conversation, policy.prepared);
    if (detection !== undefined) onHit(hitOf(filter.id, conversation, detection));
  }
}

/** By row: 1 = one of the id columns holds an id; undefined where the filter wants every row. */
function rowsWithIds(
  batch: ConversationBatch,
  names: readonly IdColumn[] | undefined,
): Uint8Array | undefined {
  if (names === undefined) return undefined;
  const found = new Uint8Array(batch.rows);
  for (const name of names) {
    const ids = batch.columns[name];
    for (let row = 0; row < batch.rows; row++) {
      if (ids[row] !== 0) found[row] = 1;
    }
  }
  return found;
}

function hitOf(filter: string, conversation: Conversation, detection: Detection): Hit {
  const { batch, row, customer, remote, protocol, service } = conversation;
  const { columns } = batch;
  const customerAddress = customer.address;
  return {
    filter,
    severity: detection.severity,
    confidence: detection.confidence,
    customer: customer.id,
    subject: customerAddress,
    customerAddress,
    customerPort: customer.port,
    role: customer.role,
    remoteAddress: formatAddressAt(batch.family, columns.remoteAddr, row),
    remotePort: remote.port,
    remoteCountry: remote.country,
    protocol,
    service,
    indicator: detection.indicator,
    evidence: detection.evidence,
    reason: conversation.reason,
    referenceVersion: batch.referenceVersion,
    windowStartMs: columns.windowStartMs[row],
    windowEndMs: columns.windowEndMs[row],
    firstMs: columns.firstMs[row],
    lastMs: columns.lastMs[row],
    records: columns.records[row],
    counters: countersOf(batch, row),
  };
}

function countersOf(batch: ConversationBatch, row: number): HitCounter[] {
  const { counters, sensors } = batch;
  const found: HitCounter[] = [];
  const end = counterEnd(batch, row);
  for (let i = batch.columns.counterStart[row]; i < end; i++) {
    found.push({
      sensor: sensors[counters.sensor[i]],
      samplingRate: counters.samplingRate[i],
      outPackets: counters.outPackets[i],
      outBytes: counters.outBytes[i],
      inPackets: counters.inPackets[i],
      inBytes: counters.inBytes[i],
    });
  }
  return found;
}
