import { expect } from 'chai';
import { feedEntry } from '../../reference/feeds/feed-reader.js';
import { parseIndicator } from '../../reference/feeds/indicator.js';
import { CompiledCustomerTable, CustomerTableBuilder } from '../../reference/customer-table.js';
import { findWords, tableFileOf } from './table-of.js';

type Row = readonly [customer: string, cidr: string, exclusive?: boolean];

function parsed(text: string): ReturnType<typeof feedEntry> {
  const entry = feedEntry();
  const bytes = Buffer.from(text);
  if (!parseIndicator(bytes, 0, bytes.length, entry)) throw new Error(`no prefix: ${text}`);
  return entry;
}

function encode(rows: readonly Row[]): Uint8Array[] {
  const builder = new CustomerTableBuilder();
  for (const [customer, cidr, exclusive] of rows) {
    const { address, prefixLength } = parsed(cidr);
    builder.addPrefix(address.family, address.words, prefixLength, customer, exclusive ?? false);
  }
  return builder.encode();
}

/** Who owns an address: names, `!` where exclusively; '' = nobody. */
function owners(rows: readonly Row[], address: string): string {
  const table = new CompiledCustomerTable(tableFileOf('customers', encode(rows)));
  const { family, words } = parsed(address).address;
  const claim = findWords(table, family, words);
  const names = table.claimants(claim).map((customer) => table.customers[customer]);
  return names.join('+') + (table.exclusive(claim) ? '!' : '');
}

const cases = [
  ['nobody', [['a', '192.0.2.0/24']], '192.0.3.1', ''],
  ['the only one', [['a', '192.0.2.0/24']], '192.0.2.255', 'a'],
  ['exclusively', [['a', '192.0.2.0/24', true]], '192.0.2.1', 'a!'],
  [
    'the longest',
    [
      ['a', '192.0.2.0/24', true],
      ['b', '192.0.2.128/25'],
    ],
    '192.0.2.129',
    'b',
  ],
  [
    'the rest of the shorter',
    [
      ['a', '192.0.2.0/24', true],
      ['b', '192.0.2.128/25'],
    ],
    '192.0.2.1',
    'a!',
  ],
  [
    'equal prefixes',
    [
      ['b', '192.0.2.0/24'],
      ['a', '192.0.2.0/24'],
    ],
    '192.0.2.1',
    'a+b',
  ],
  [
    'equal, one exclusive',
    [
      ['a', '192.0.2.0/24'],
      ['b', '192.0.2.0/24', true],
    ],
    '192.0.2.1',
    'b!',
  ],
  [
    'equal, both exclusive',
    [
      ['a', '192.0.2.0/24', true],
      ['b', '192.0.2.0/24', true],
    ],
    '192.0.2.1',
    'a+b',
  ],
  [
    'one line twice',
    [
      ['a', '192.0.2.0/24'],
      ['a', '192.0.2.0/24'],
    ],
    '192.0.2.1',
    'a',
  ],
  [
    'IPv6',
    [
      ['a', '2001:db8::/32'],
      ['b', '2001:db8:1::/48'],
    ],
    '2001:db8:1::1',
    'b',
  ],
  ['an address alone', [['a', '192.0.2.7']], '192.0.2.7', 'a'],
] as const;

describe('customer table', () => {
  for (const [name, rows, address, expected] of cases) {
    it(`${name}: ${address} is of "${expected}"`, () => {
      expect(owners(rows, address)).to.equal(expected);
    });
  }

  it('is the same bytes whatever the order of its input', () => {
    const rows: Row[] = [
      ['b', '192.0.2.0/24', true],
      ['a', '192.0.2.0/25'],
      ['c', '192.0.2.0/25'],
      ['a', '2001:db8::/32'],
    ];
    const same = Buffer.concat(encode(rows)).equals(Buffer.concat(encode([...rows].reverse())));
    expect(same).to.equal(true);
  });
});
