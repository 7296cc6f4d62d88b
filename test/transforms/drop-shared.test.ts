import { compact } from '../../pipeline/flow-batch.js';
import { expect } from 'chai';
import { addressOf } from '../../pipeline/address.js';
import { joinCustomers } from '../../transforms/join/customers.js';
import { dropSharedRows } from '../../transforms/join/shared.js';
import type { TagTable } from '../../reference/reference.js';
import { batchOf } from '../pipeline/flow-rows.js';
import { customersOf, type Claim } from './joins.js';

const CATEGORIES = ['c2', 'shared'] as const;

/** A tag table of addresses with categories; set id = index of the address + 1. */
function tagsOf(
  tagged: Readonly<Record<string, readonly string[]>>,
  categories: readonly string[] = CATEGORIES,
): TagTable {
  const keys = Object.keys(tagged);
  const mask = (names: Iterable<string>): number =>
    [...names].reduce((bits, name) => {
      const bit = categories.indexOf(name);
      return bit < 0 ? bits : bits | (1 << bit);
    }, 0);
  const find = (family: 4 | 6, words: readonly number[]): number =>
    keys.findIndex((key) => {
      const address = addressOf(key);
      return address?.family === family && words.every((word, w) => address.words[w] === word);
    }) + 1;
  return {
    categories,
    mask,
    find4: (word) => find(4, [word]),
    find6: (...words) => find(6, words),
    findEndpoint4: () => 0,
    findEndpoint6: () => 0,
    categoriesOf: (set) => (set === 0 ? 0 : mask(tagged[keys[set - 1]])),
    entries: () => [],
  };
}

const CLAIMS: readonly Claim[] = [
  ['a', '192.0.2.0/25'],
  ['own', '192.0.2.128/25', 'exclusive'],
  ['x', '198.51.100.0/24'],
  ['y', '198.51.100.0/24'],
  ['a', '2001:db8:1::/48'],
];
const TAGS = tagsOf({
  '192.0.2.9': ['shared'],
  '192.0.2.200': ['shared', 'c2'],
  '192.0.2.10': ['c2'],
  '203.0.113.7': ['c2', 'shared'],
  '203.0.113.8': ['c2'],
  '2001:db8:9::1': ['shared'],
  '2001:db8:1::9': ['shared'],
});

/** What is kept: number and customer; and what is dropped by customer and reason. */
function shared(
  family: 4 | 6,
  flows: readonly (readonly [src: string, dst: string])[],
  tags: TagTable = TAGS,
): { kept: string[]; dropped: string[] } {
  const batch = batchOf(
    family,
    flows.map(([src, dst], i) => ({ src, dst, srcPort: i })),
  );
  const { joined } = joinCustomers(batch, customersOf(CLAIMS));
  const results = joined.map((part) => dropSharedRows(part, tags));
  return {
    kept: results.flatMap(({ kept }) => {
      const { columns, customers, rows } = compact(kept);
      return Array.from(
        { length: rows },
        (_unused, row) => `${columns.srcPort[row]} ${customers[columns.customer[row]]}`,
      );
    }),
    dropped: results.flatMap(({ dropped }) =>
      [...dropped].flatMap(([id, reasons]) =>
        [...reasons].map(([reason, count]) => `${id} ${reason} ${count}`),
      ),
    ),
  };
}

const OUT = '203.0.113.1';
const cases = [
  ['an address of its own', [['192.0.2.1', OUT]], ['0 a'], []],
  [
    'a customer address in a published range, on either side',
    [
      ['192.0.2.9', OUT],
      [OUT, '192.0.2.9'],
    ],
    [],
    ['a published-range 2'],
  ],
  ['a customer address with another tag', [['192.0.2.10', OUT]], ['0 a'], []],
  ['a published range that is the customer’s own', [['192.0.2.200', OUT]], ['0 own'], []],
  [
    'a contested prefix',
    [['198.51.100.1', OUT]],
    [],
    ['x claimed-by-several 1', 'y claimed-by-several 1'],
  ],
  [
    'a shared remote, on either side',
    [
      ['192.0.2.1', '203.0.113.7'],
      ['203.0.113.7', '192.0.2.1'],
    ],
    ['0 a', '1 a'],
    [],
  ],
  ['a remote with another tag', [['192.0.2.1', '203.0.113.8']], ['0 a'], []],
  ['a shared address on both sides', [['192.0.2.9', '203.0.113.7']], [], ['a published-range 1']],
  [
    'two customers, one of them on a shared address',
    [
      ['192.0.2.1', '192.0.2.200'],
      ['192.0.2.9', '192.0.2.200'],
    ],
    ['0 a', '0 own', '1 own'],
    ['a published-range 1'],
  ],
] as const;

describe('dropSharedRows', () => {
  for (const [name, flows, kept, dropped] of cases) {
    it(name, () => {
      expect(shared(4, flows)).to.deep.equal({ kept, dropped });
    });
  }

  it('does the same for IPv6', () => {
    const found = shared(6, [
      ['2001:db8:1::1', '2001:db8:9::1'],
      ['2001:db8:1::1', '2001:db8:9::2'],
      ['2001:db8:9::2', '2001:db8:1::9'],
    ]);
    expect(found).to.deep.equal({ kept: ['0 a', '1 a'], dropped: ['a published-range 1'] });
  });

  it('marks and drops nothing by range where no feed is of shared ranges', () => {
    const tags = tagsOf({ '192.0.2.9': ['c2'], '203.0.113.7': ['c2'] }, ['c2']);
    expect(
      shared(
        4,
        [
          ['192.0.2.9', '203.0.113.7'],
          ['198.51.100.1', OUT],
        ],
        tags,
      ),
    ).to.deep.equal({
      kept: ['0 a'],
      dropped: ['x claimed-by-several 1', 'y claimed-by-several 1'],
    });
  });
});
