import { CLAIM_CONTESTED, CLAIM_EXCLUSIVE, DESTINATION, SOURCE } from '../../pipeline/codes.js';
import { selectRows, type FlowBatch } from '../../pipeline/flow-batch.js';
import type { CustomerTable } from '../../reference/reference.js';

export interface CustomersResult {
  /** Rows of one customer, in their batch; then those that concern several, in one of their own. */
  readonly joined: readonly FlowBatch[];
  /** Rows with no customer at either end. */
  readonly foreign: number;
  /** Rows inside one customer. */
  readonly internal: number;
}

/**
 * Rows of a batch that a customer has an end of, one for each customer and end: a flow between two
 * customers becomes two rows. A prefix that several customers claim gives each of them a row, marked
 * as contested for `dropShared` to drop and count.
 *
 * A row of one customer, as nearly all are, is marked where it stands; only the others are copied.
 * The batches' dictionary is the table's own list, the same array in all of them, so that later
 * steps need not map indexes.
 */
export function joinCustomers(batch: FlowBatch, table: CustomerTable): CustomersResult {
  const { columns } = batch;
  const { customer, customerSide, customerClaim } = columns;
  const selection = batch.selection ?? everyRow(batch.rows);
  const owners = claimColumns(batch, selection, table);
  const kept = new Uint32Array(selection.length);
  const several: SharedRow[] = [];
  let count = 0;
  let foreign = 0;
  let internal = 0;
  for (let i = 0; i < selection.length; i++) {
    const row = selection[i];
    const src = owners.src[i];
    const dst = owners.dst[i];
    if (src === 0 && dst === 0) {
      foreign++;
      continue;
    }
    const claim = src !== 0 ? src : dst;
    const claimants = table.claimants(claim);
    if ((src === 0 || dst === 0) && claimants.length === 1) {
      customer[row] = claimants[0];
      customerSide[row] = src !== 0 ? SOURCE : DESTINATION;
      customerClaim[row] = claimBits(table, claim);
      kept[count++] = row;
      continue;
    }
    if (addSeveral(several, row, src, dst, table)) internal++;
  }
  const joined: FlowBatch[] = [];
  const named = { ...batch, customers: table.customers };
  if (count > 0) joined.push({ ...named, selection: kept.subarray(0, count) });
  if (several.length > 0) joined.push(severalBatch(named, several));
  return { joined, foreign, internal };
}

interface SharedRow {
  readonly row: number;
  readonly customer: number;
  readonly side: number;
  readonly claim: number;
}

/** Adds a row for each customer of a flow that has several; returns whether it is inside one of them. */
function addSeveral(
  several: SharedRow[],
  row: number,
  src: number,
  dst: number,
  table: CustomerTable,
): boolean {
  const ours = src === 0 ? NOBODY : table.claimants(src);
  const theirs = dst === 0 ? NOBODY : table.claimants(dst);
  let inside = false;
  for (const customer of ours) {
    if (theirs.includes(customer)) inside = true;
    else several.push({ row, customer, side: SOURCE, claim: claimBits(table, src) });
  }
  for (const customer of theirs) {
    if (ours.includes(customer)) inside = true;
    else several.push({ row, customer, side: DESTINATION, claim: claimBits(table, dst) });
  }
  return inside;
}

const NOBODY: readonly number[] = [];

function severalBatch(batch: FlowBatch, several: readonly SharedRow[]): FlowBatch {
  const picked = Uint32Array.from(several, ({ row }) => row);
  const copied = selectRows(batch, picked, picked.length);
  const { customer, customerSide, customerClaim } = copied.columns;
  several.forEach((row, i) => {
    customer[i] = row.customer;
    customerSide[i] = row.side;
    customerClaim[i] = row.claim;
  });
  return copied;
}

function claimBits(table: CustomerTable, claim: number): number {
  const contested = table.claimants(claim).length > 1 ? CLAIM_CONTESTED : 0;
  return contested | (table.exclusive(claim) ? CLAIM_EXCLUSIVE : 0);
}

/** Claim of each selected row's source and destination; 0 = nobody's. */
function claimColumns(
  { family, columns }: FlowBatch,
  selection: Uint32Array,
  table: CustomerTable,
): { src: Uint32Array; dst: Uint32Array } {
  const { srcAddr, dstAddr } = columns;
  const src = new Uint32Array(selection.length);
  const dst = new Uint32Array(selection.length);
  if (family === 4) {
    for (let i = 0; i < selection.length; i++) {
      src[i] = table.find4(srcAddr[selection[i]]);
      dst[i] = table.find4(dstAddr[selection[i]]);
    }
    return { src, dst };
  }
  for (let i = 0; i < selection.length; i++) {
    const a = selection[i] * 4;
    src[i] = table.find6(srcAddr[a], srcAddr[a + 1], srcAddr[a + 2], srcAddr[a + 3]);
    dst[i] = table.find6(dstAddr[a], dstAddr[a + 1], dstAddr[a + 2], dstAddr[a + 3]);
  }
  return { src, dst };
}

function everyRow(rows: number): Uint32Array {
  return Uint32Array.from({ length: rows }, (_, row) => row);
}
