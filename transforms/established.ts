import { flowBatchCoder } from '../beam/coders.js';
import { applyFn, registerFn } from '../beam/fn.js';
import type { PCollection } from 'apache-beam';
import { GRADE, TCP } from '../pipeline/codes.js';
import { selectedRows, type FlowBatch } from '../pipeline/flow-batch.js';
import { gradeRecord } from './established/grade.js';

/** What became of the rows of a batch. */
export interface EstablishedResult {
  readonly kept: FlowBatch;
  readonly notTcp: number;
  readonly unknown: number;
}

/**
 * Grades the TCP rows of a batch and drops the others, and the rows that say nothing about a
 * connection. Attempts and answers stay: their SYNs may orient a conversation, and some filters ask
 * for them.
 */
export function gradeBatch(batch: FlowBatch): EstablishedResult {
  const { rows, columns } = batch;
  const { protocol, evidence, tcpFlags, packets, bytes, grade } = columns;
  const picked = new Uint32Array(rows);
  let count = 0;
  let notTcp = 0;
  for (let i = 0; i < rows; i++) {
    if (protocol[i] !== TCP) {
      notTcp++;
      continue;
    }
    const found = gradeRecord(evidence[i], tcpFlags[i], packets[i], bytes[i]);
    grade[i] = found;
    if (found !== GRADE.unknown) picked[count++] = i;
  }
  const unknown = rows - notTcp - count;
  return { kept: { ...batch, selection: picked.subarray(0, count) }, notTcp, unknown };
}

registerFn<null, FlowBatch>('flowsieve/established', (_params, context) => ({
  process(batch): void {
    const { kept, notTcp, unknown } = gradeBatch(batch);
    const rows = selectedRows(kept);
    context.count('kept/established', rows);
    context.count('dropped/established/not-tcp', notTcp);
    context.count('dropped/established/unknown', unknown);
    if (rows > 0) context.emit('flows', kept);
  },
}));

/** Flow records -> TCP records, each graded by its evidence for a connection. */
export function established(flows: PCollection<FlowBatch>): PCollection<FlowBatch> {
  return applyFn(flows, {
    name: 'established',
    fn: 'flowsieve/established',
    params: null,
    outputs: { flows: flowBatchCoder },
  })['flows'];
}
