import { CLAIM_CONTESTED, CLAIM_EXCLUSIVE, DESTINATION, SOURCE } from '../../pipeline/codes.js';
import { selectRows, type FlowBatch } from '../../pipeline/flow-batch.js';
import type { CustomerTable } from '../../reference/reference.js';

export interface CustomersResult {
  readonly joined: FlowBatch;
  /** Rows with no customer at either end. */
  readonly foreign: number;
  /** Rows inside one customer. */
  readonly internal: number;
}

/**
 * Rows of a batch that a customer has an end of, one for each customer and end: a flow between two
 * customers becomes two rows. A prefix that several customers claim gives each of them a row, marked
 * as contested for `dropShared` to drop and count.
 */
export function joinCustomers(batch: FlowBatch, table: CustomerTable): CustomersResult {
  const { rows } = batch;
  const owners = claimColumns(batch, table);
  const out = new JoinedRows(rows);
  let foreign = 0;
  let internal = 0;
  for (let row = 0; row < rows; row++) {
    const src = owners.src[row];
    const dst = owners.dst[row];
    if (src === 0 && dst === 0) {
      foreign++;
      continue;
    }
    const ours = src === 0 ? NOBODY : table.claimants(src);
    const theirs = dst === 0 ? NOBODY : table.claimants(dst);
    let inside = false;
    for (const customer of ours) {
      if (theirs.includes(customer)) inside = true;
      else out.add(row, customer, SOURCE, claimBits(table, src, ours.length));
    }
    for (const customer of theirs) {
      if (ours.includes(customer)) inside = true;
      else out.add(row, customer, DESTINATION, claimBits(table, dst, theirs.length));
    }
    if (inside) internal++;
  }
  return { joined: out.batch(batch, table.customers), foreign, internal };
}

const NOBODY: readonly number[] = [];

function claimBits(table: CustomerTable, claim: number, claimants: number): number {
  return (table.exclusive(claim) ? CLAIM_EXCLUSIVE : 0) | (claimants > 1 ? CLAIM_CONTESTED : 0);
}

/** Claim of each row's source and destination; 0 = nobody's. */
function claimColumns(
  { family, rows, columns }: FlowBatch,
  table: CustomerTable,
): { src: Uint32Array; dst: Uint32Array } {
  const { srcAddr, dstAddr } = columns;
  const src = new Uint32Array(rows);
  const dst = new Uint32Array(rows);
  if (family === 4) {
    for (let i = 0; i < rows; i++) {
      src[i] = table.find4(srcAddr[i]);
      dst[i] = table.find4(dstAddr[i]);
    }
  } else {
    for (let i = 0, a = 0; i < rows; i++, a += 4) {
      src[i] = table.find6(srcAddr[a], srcAddr[a + 1], srcAddr[a + 2], srcAddr[a + 3]);
      dst[i] = table.find6(dstAddr[a], dstAddr[a + 1], dstAddr[a + 2], dstAddr[a + 3]);
    }
  }
  return { src, dst };
}

/** Rows under construction: which row of the batch, for whom. Grows where a row becomes several. */
class JoinedRows {
  #picked: Uint32Array;
  #customer: Uint32Array;
  #side: Uint8Array;
  #claim: Uint8Array;
  #count = 0;

  constructor(rows: number) {
    this.#picked = new Uint32Array(rows);
    this.#customer = new Uint32Array(rows);
    this.#side = new Uint8Array(rows);
    this.#claim = new Uint8Array(rows);
  }

  add(row: number, customer: number, side: number, claim: number): void {
    const at = this.#count++;
    if (at === this.#picked.length) this.#grow();
    this.#picked[at] = row;
    this.#customer[at] = customer;
    this.#side[at] = side;
    this.#claim[at] = claim;
  }

  /**
   * The joined batch. Its dictionary is the table's own list, the same array in every batch: later
   * steps need not map indexes, and only what crosses a process is cut down to what it names.
   */
  batch(batch: FlowBatch, customers: readonly string[]): FlowBatch {
    const count = this.#count;
    const joined = selectRows(batch, this.#picked, count);
    const { customer, customerSide, customerClaim } = joined.columns;
    customer.set(this.#customer.subarray(0, count));
    customerSide.set(this.#side.subarray(0, count));
    customerClaim.set(this.#claim.subarray(0, count));
    return { ...joined, customers };
  }

  #grow(): void {
    const size = this.#picked.length * 2 + 16;
    this.#picked = copyTo(new Uint32Array(size), this.#picked);
    this.#customer = copyTo(new Uint32Array(size), this.#customer);
    this.#side = copyTo(new Uint8Array(size), this.#side);
    this.#claim = copyTo(new Uint8Array(size), this.#claim);
  }
}

function copyTo<T extends Uint32Array | Uint8Array>(to: T, from: T): T {
  to.set(from);
  return to;
}
