import { flowBatchCoder } from '../beam/coders.js';
import { applyFn, registerFn } from '../beam/fn.js';
import type { PCollection } from 'apache-beam';
import { selectedRows, type FlowBatch } from '../pipeline/flow-batch.js';
import type { ManifestRef } from '../reference/snapshot.js';
import { dropSharedRows } from './join/shared.js';
import { REFERENCE_SIDE, referenceOf } from './reference-side.js';

registerFn<null, FlowBatch>('flowsieve/drop-shared', (_params, context) => ({
  process(batch): void {
    const { kept, dropped } = dropSharedRows(batch, referenceOf(context).tags);
    const rows = selectedRows(kept);
    context.count('kept/drop-shared', rows);
    for (const [customer, reasons] of dropped) {
      for (const [reason, count] of reasons) {
        context.count(`dropped/drop-shared/${reason} (${customer})`, count);
      }
    }
    if (rows > 0) context.emit('flows', kept);
  },
}));

/** Customers' flow records -> those whose customer address is the customer's alone. */
export function dropShared(
  flows: PCollection<FlowBatch>,
  reference: PCollection<ManifestRef>,
): PCollection<FlowBatch> {
  return applyFn(flows, {
    name: 'drop shared',
    fn: 'flowsieve/drop-shared',
    params: null,
    sides: { [REFERENCE_SIDE]: reference },
    outputs: { flows: flowBatchCoder },
  })['flows'];
}
