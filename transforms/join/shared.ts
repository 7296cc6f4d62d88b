import { CLAIM_CONTESTED, CLAIM_EXCLUSIVE, SOURCE } from '../../pipeline/codes.js';
import { selectedRows, type FlowBatch } from '../../pipeline/flow-batch.js';
import { SHARED_CATEGORIES } from '../../reference/categories.js';
import type { TagTable } from '../../reference/reference.js';

export interface SharedResult {
  readonly kept: FlowBatch;
  /** Dropped rows by customer, then reason. */
  readonly dropped: ReadonlyMap<string, ReadonlyMap<string, number>>;
}

/**
 * Drops rows whose customer address several organisations share, because nobody could say whose
 * traffic it was: equal claims of several customers, or a published range that the customer did not
 * declare as exclusively its own. (Shared remotes are marked by joinReference, which looks their
 * tags up anyway, once a conversation.)
 */
export function dropSharedRows(batch: FlowBatch, tags: TagTable): SharedResult {
  const { columns, customers } = batch;
  const { customer, customerClaim } = columns;
  const sharedMask = tags.mask(SHARED_CATEGORIES);
  const rows = selectedRows(batch);
  const picked = new Uint32Array(rows);
  const dropped = new Map<string, Map<string, number>>();
  let count = 0;
  for (let i = 0; i < rows; i++) {
    const row = batch.selection === undefined ? i : batch.selection[i];
    const claim = customerClaim[row];
    let reason: string | undefined;
    if ((claim & CLAIM_CONTESTED) !== 0) {
      reason = 'claimed-by-several';
    } else if (
      sharedMask !== 0 &&
      (claim & CLAIM_EXCLUSIVE) === 0 &&
      (customerTags(batch, row, tags) & sharedMask) !== 0
    ) {
      reason = 'published-range';
    }
    if (reason === undefined) {
      picked[count++] = row;
    } else {
      const id = customers[customer[row]];
      const reasons = dropped.get(id) ?? new Map<string, number>();
      reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
      dropped.set(id, reasons);
    }
  }
  const kept = count === rows ? batch : { ...batch, selection: picked.subarray(0, count) };
  return { kept, dropped };
}

/** Categories of the ranges that cover the customer's address of a row. */
function customerTags({ family, columns }: FlowBatch, row: number, tags: TagTable): number {
  const { srcAddr, dstAddr, customerSide } = columns;
  const address = customerSide[row] === SOURCE ? srcAddr : dstAddr;
  if (family === 4) return tags.categoriesOf(tags.find4(address[row]));
  const at = row * 4;
  return tags.categoriesOf(
    tags.find6(address[at], address[at + 1], address[at + 2], address[at + 3]),
  );
}
