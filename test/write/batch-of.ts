import type { Finding } from '../../pipeline/finding.js';
import { revisionOf } from './revisions.js';

/** The revisions of the `at`th batch: of ids in all windows, some withdrawn, of 1 kB to 300 kB. */
export function batchOf(at: number): readonly Finding[] {
  return Array.from({ length: 6 }, (_, i) => {
    const chosen = (at * 7 + i * 13) % 40;
    const withdrawn = (at + i) % 5 === 0;
    const length = i === 0 ? 300_000 : ((at * 31 + i) % 50) * 100;
    return revisionOf({ finding: chosen, revision: at + 1, withdrawn, length });
  });
}
