import {
  allocateFlowColumns,
  selectRows,
  type FlowBatch,
  type FlowColumns,
} from '../../pipeline/flow-batch.js';
import { addressOf } from '../../pipeline/address.js';

/** A flow record in plain words; what is not given is 0. */
export interface PlainFlow {
  readonly src: string;
  readonly dst: string;
  readonly srcPort?: number;
  readonly dstPort?: number;
  readonly protocol?: number;
  readonly startMs?: number;
  readonly endMs?: number;
  readonly packets?: number;
  readonly bytes?: number;
  readonly tcpFlags?: number;
  readonly samplingRate?: number;
  readonly sensor?: string;
  readonly evidence?: number;
  readonly initiator?: number;
  readonly client?: number;
  readonly reason?: number;
  readonly grade?: number;
  readonly customer?: string;
  readonly customerSide?: number;
  readonly customerClaim?: number;
}

const NUMBERS = [
  'srcPort',
  'dstPort',
  'protocol',
  'startMs',
  'endMs',
  'packets',
  'bytes',
  'tcpFlags',
  'samplingRate',
  'evidence',
  'initiator',
  'client',
  'reason',
  'grade',
  'customerSide',
  'customerClaim',
] as const satisfies readonly (keyof PlainFlow & keyof FlowColumns)[];

/** Plain records of one family as a batch. */
export function batchOf(family: 4 | 6, flows: readonly PlainFlow[]): FlowBatch {
  const columns = allocateFlowColumns(family, flows.length);
  const sensors = [...new Set(flows.map(({ sensor }) => sensor ?? 's'))];
  const customers = [...new Set(flows.flatMap(({ customer }) => customer ?? []))];
  const width = family === 4 ? 1 : 4;
  flows.forEach((flow, row) => {
    for (const name of NUMBERS) columns[name][row] = flow[name] ?? 0;
    columns.srcAddr.set(wordsOf(flow.src).subarray(0, width), row * width);
    columns.dstAddr.set(wordsOf(flow.dst).subarray(0, width), row * width);
    columns.sensor[row] = sensors.indexOf(flow.sensor ?? 's');
    columns.customer[row] = Math.max(0, customers.indexOf(flow.customer ?? ''));
  });
  return { family, rows: flows.length, selection: undefined, sensors, customers, columns };
}

/** The same rows selected among others that are not: what a step that dropped rows hands on. */
export function amongOthers(batch: FlowBatch): FlowBatch {
  const { rows } = batch;
  // Each row after a copy of another.
  const picked = Uint32Array.from({ length: rows * 2 }, (_unused, i) =>
    i % 2 === 0 ? (i / 2 + 1) % rows : (i - 1) / 2,
  );
  const selection = Uint32Array.from({ length: rows }, (_unused, i) => 2 * i + 1);
  return { ...selectRows(batch, picked, picked.length), selection };
}

/** Words of an address; throws if the text is none. */
export function wordsOf(text: string): Uint32Array {
  const address = addressOf(text);
  if (address === undefined) throw new Error(`no address: ${text}`);
  return address.words;
}
