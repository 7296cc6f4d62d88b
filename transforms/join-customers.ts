import { flowBatchCoder } from '../beam/coders.js';
import { applyFn, registerFn } from '../beam/fn.js';
import type { PCollection } from 'apache-beam';
import { selectedRows, type FlowBatch } from '../pipeline/flow-batch.js';
import type { ManifestRef } from '../reference/snapshot.js';
import { joinCustomers as join } from './join/customers.js';
import { REFERENCE_SIDE, referenceOf } from './reference-side.js';

registerFn<null, FlowBatch>('flowsieve/join-customers', (_params, context) => ({
  process(batch): void {
    const { joined, foreign, internal } = join(batch, referenceOf(context).customers);
    context.count('dropped/join-customers/no-customer', foreign);
    context.count('dropped/join-customers/internal', internal);
    for (const part of joined) {
      context.count('kept/join-customers', selectedRows(part));
      context.emit('flows', part);
    }
  },
}));

/** Flow records -> one for each customer that has an end of it, naming customer and end. */
export function joinCustomers(
  flows: PCollection<FlowBatch>,
  reference: PCollection<ManifestRef>,
): PCollection<FlowBatch> {
  return applyFn(flows, {
    name: 'join customers',
    fn: 'flowsieve/join-customers',
    params: null,
    sides: { [REFERENCE_SIDE]: reference },
    outputs: { flows: flowBatchCoder },
  })['flows'];
}
