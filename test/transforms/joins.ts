import { CompiledCustomerTable, CustomerTableBuilder } from '../../reference/customer-table.js';
import { feedEntry } from '../../reference/feeds/feed-reader.js';
import { parseIndicator } from '../../reference/feeds/indicator.js';
import type { CustomerTable } from '../../reference/reference.js';
import { tableFileOf } from '../reference/table-of.js';

/** Customer, prefix, `exclusive`. */
export type Claim = readonly [customer: string, cidr: string, exclusive?: 'exclusive'];

/** The compiled table of customers' prefixes, as a run would open it. */
export function customersOf(claims: readonly Claim[]): CustomerTable {
  const builder = new CustomerTableBuilder();
  for (const [customer, cidr, exclusive] of claims) {
    const entry = feedEntry();
    const bytes = Buffer.from(cidr);
    if (!parseIndicator(bytes, 0, bytes.length, entry)) throw new Error(`no prefix: ${cidr}`);
    const { address, prefixLength } = entry;
    builder.addPrefix(
      address.family,
      address.words,
      prefixLength,
      customer,
      exclusive !== undefined,
    );
  }
  return new CompiledCustomerTable(tableFileOf('customers', builder.encode()));
}
