import fc from 'fast-check';
import {
  allocateConversations,
  type ConversationBatch,
} from '../../pipeline/conversation-batch.js';
import { allocateFlowColumns, type FlowBatch } from '../../pipeline/flow-batch.js';

type AnyColumn = Float64Array | Uint32Array | Uint16Array | Uint8Array;

/** Greatest codes; other columns may hold anything that their type can. */
const MOST: Readonly<Partial<Record<string, number>>> = {
  evidence: 4,
  initiator: 2,
  client: 2,
  reason: 7,
  grade: 4,
  customerSide: 2,
  customerClaim: 3,
  remoteShared: 1,
  role: 2,
};

/** Names that break what thinks of bytes as characters. */
export const dictionary = fc.array(fc.string({ unit: 'binary' }), { minLength: 1, maxLength: 5 });

/** Fills all columns but indexes from a seed; values of all sizes. */
function fill(
  columns: object,
  next: () => number,
  limits: Readonly<Partial<Record<string, number>>>,
): void {
  for (const [name, column] of Object.entries(columns) as [string, AnyColumn][]) {
    const most = limits[name] ?? MOST[name];
    for (let i = 0; i < column.length; i++) {
      if (most !== undefined) column[i] = Math.floor(next() * (most + 1));
      else if (column instanceof Float64Array) column[i] = next() * 2 ** Math.floor(next() * 60);
      else column[i] = next() * 2 ** 32;
    }
  }
}

function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

const rowCounts = fc.integer({ min: 0, max: 40 });

export const flowBatches: fc.Arbitrary<FlowBatch> = fc
  .tuple(fc.constantFrom(4 as const, 6 as const), rowCounts, dictionary, dictionary, fc.nat())
  .map(([family, rows, sensors, customers, seed]) => {
    const columns = allocateFlowColumns(family, rows);
    const limits = { sensor: sensors.length - 1, customer: customers.length - 1 };
    fill(columns, generator(seed), limits);
    return { family, rows, selection: undefined, sensors, customers, columns };
  });

export const conversationBatches: fc.Arbitrary<ConversationBatch> = fc
  .tuple(
    fc.constantFrom(4 as const, 6 as const),
    rowCounts,
    rowCounts,
    dictionary,
    dictionary,
    fc.string(),
    fc.nat(),
  )
  .map(([family, rows, counterRows, sensors, customers, referenceVersion, seed]) => {
    const { columns, counters } = allocateConversations(family, rows, counterRows);
    const next = generator(seed);
    fill(columns, next, { customer: customers.length - 1, counterStart: counterRows });
    fill(counters, next, { sensor: sensors.length - 1 });
    columns.counterStart.sort();
    return {
      origin: { key: `${seed}/0/${family}`, revision: seed, part: 0 },
      family,
      rows,
      counterRows,
      sensors,
      customers,
      referenceVersion,
      columns,
      counters,
    };
  });

/**
 * A batch with each row's customer by name: on the wire a dictionary loses the names that no row
 * uses, so indexes may change.
 */
export function withCustomerNames(batch: FlowBatch | ConversationBatch): unknown {
  const { customers, columns, ...rest } = batch;
  const { customer, ...others } = columns;
  return { ...rest, columns: others, customer: Array.from(customer, (index) => customers[index]) };
}
