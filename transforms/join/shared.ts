import { CLAIM_CONTESTED, CLAIM_EXCLUSIVE, SOURCE } from '../../pipeline/codes.js';
import { selectRows, type FlowBatch } from '../../pipeline/flow-batch.js';
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
 * declare as exclusively its own. Marks rows whose remote address is shared.
 */
export function dropSharedRows(batch: FlowBatch, tags: TagTable): SharedResult {
  const { family, rows, columns, customers } = batch;
  const { srcAddr, dstAddr, customer, customerSide, customerClaim, remoteShared } = columns;
  const sharedMask = tags.mask(SHARED_CATEGORIES);
  const isShared = (column: Uint32Array, row: number): boolean => {
    const at = row * 4;
    const set =
      family === 4
        ? tags.find4(column[row])
        : tags.find6(column[at], column[at + 1], column[at + 2], column[at + 3]);
    return set !== 0 && (tags.categoriesOf(set) & sharedMask) !== 0;
  };
  const picked = new Uint32Array(rows);
  const dropped = new Map<string, Map<string, number>>();
  let count = 0;
  for (let row = 0; row < rows; row++) {
    const claim = customerClaim[row];
    const bySource = customerSide[row] === SOURCE;
    let reason: string | undefined;
    if ((claim & CLAIM_CONTESTED) !== 0) {
      reason = 'claimed-by-several';
    } else if (
      sharedMask !== 0 &&
      (claim & CLAIM_EXCLUSIVE) === 0 &&
      isShared(bySource ? srcAddr : dstAddr, row)
    ) {
      reason = 'published-range';
    }
    if (reason === undefined) {
      if (sharedMask !== 0 && isShared(bySource ? dstAddr : srcAddr, row)) remoteShared[row] = 1;
      picked[count++] = row;
    } else {
      const id = customers[customer[row]];
      const reasons = dropped.get(id) ?? new Map<string, number>();
      reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
      dropped.set(id, reasons);
    }
  }
  return { kept: count === rows ? batch : selectRows(batch, picked, count), dropped };
}
