import { flowBatchCoder } from '../beam/coders.js';
import { applyFn, registerFn } from '../beam/fn.js';
import type { PCollection } from 'apache-beam';
import { TCP } from '../pipeline/codes.js';
import type { FlowBatch } from '../pipeline/flow-batch.js';
import { clientSide, orientationReason, orientRecord } from './orient/orientation.js';

/**
 * Fills `client` and `reason` for the TCP rows of a batch: which end is likely the client, by what
 * the record shows. Rows keep their direction, which the counters need; no row is dropped.
 */
export function orientBatch({ rows, columns }: FlowBatch): void {
  const { protocol, initiator, tcpFlags, packets, srcPort, dstPort, client, reason } = columns;
  for (let i = 0; i < rows; i++) {
    if (protocol[i] !== TCP) continue;
    const found = orientRecord(initiator[i], tcpFlags[i], packets[i], srcPort[i], dstPort[i]);
    client[i] = clientSide(found);
    reason[i] = orientationReason(found);
  }
}

registerFn<null, FlowBatch>('flowsieve/orient', (_params, context) => ({
  process(batch): void {
    orientBatch(batch);
    context.emit('flows', batch);
  },
}));

/** Flow records -> flow records whose likely client is named. */
export function orient(flows: PCollection<FlowBatch>): PCollection<FlowBatch> {
  return applyFn(flows, {
    name: 'orient',
    fn: 'flowsieve/orient',
    params: null,
    outputs: { flows: flowBatchCoder },
  })['flows'];
}
