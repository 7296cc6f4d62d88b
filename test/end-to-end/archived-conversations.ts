import { formatAddressAt } from '../../pipeline/address.js';
import { GRADE, ROLE_NAMES } from '../../pipeline/codes.js';
import {
  archivedDays,
  archivedFiles,
  readArchived,
} from '../../transforms/archive/archive-listing.js';

/**
 * The established conversations in the archive of a streaming job, sorted, one for each window that it was in:
 * `customer:port role remote:port`, the role being the customer's.
 */
export async function archivedConversations(directory: string): Promise<readonly string[]> {
  const found: string[] = [];
  for (const day of await archivedDays(directory)) {
    for (const name of await archivedFiles(directory, day)) {
      const batch = name.unfinished ? undefined : await readArchived(directory, name);
      if (batch === undefined) continue;
      const { family, rows, columns } = batch;
      for (let row = 0; row < rows; row++) {
        if (columns.grade[row] < GRADE.medium) continue;
        const customer = formatAddressAt(family, columns.customerAddr, row);
        const remote = formatAddressAt(family, columns.remoteAddr, row);
        const { customerPort, remotePort } = columns;
        const role = ROLE_NAMES[columns.role[row]];
        found.push(`${customer}:${customerPort[row]} ${role} ${remote}:${remotePort[row]}`);
      }
    }
  }
  return found.sort();
}
