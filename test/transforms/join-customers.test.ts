import { expect } from 'chai';
import { CLAIM_CONTESTED, CLAIM_EXCLUSIVE } from '../../pipeline/codes.js';
import { formatAddressAt } from '../../pipeline/address.js';
import { compact, type FlowBatch } from '../../pipeline/flow-batch.js';
import { joinCustomers } from '../../transforms/join/customers.js';
import { batchOf } from '../pipeline/flow-rows.js';
import { customersOf, type Claim } from './joins.js';

const SIDES = ['-', 'src', 'dst'] as const;

/** Joined rows in words, and the rows that were none. */
function joined(
  family: 4 | 6,
  claims: readonly Claim[],
  flows: readonly (readonly [src: string, dst: string])[],
): { rows: string[]; foreign: number; internal: number } {
  const batch = batchOf(
    family,
    flows.map(([src, dst], i) => ({ src, dst, srcPort: i, sensor: `s${i}` })),
  );
  const { joined, foreign, internal } = joinCustomers(batch, customersOf(claims));
  const rows = joined.flatMap((part) => rowsInWords(family, compact(part), flows));
  return { rows: rows.sort(), foreign, internal };
}

function rowsInWords(
  family: 4 | 6,
  { columns, customers, rows, sensors }: FlowBatch,
  flows: readonly (readonly [src: string, dst: string])[],
): string[] {
  return Array.from({ length: rows }, (_unused, row) => {
    const marks = [
      (columns.customerClaim[row] & CLAIM_EXCLUSIVE) !== 0 ? '!' : '',
      (columns.customerClaim[row] & CLAIM_CONTESTED) !== 0 ? '?' : '',
    ].join('');
    const src = formatAddressAt(family, columns.srcAddr, row);
    // Everything else of the row must have come along.
    expect(src).to.equal(flows[columns.srcPort[row]][0]);
    expect(sensors[columns.sensor[row]]).to.equal(`s${columns.srcPort[row]}`);
    return `${columns.srcPort[row]} ${customers[columns.customer[row]]} ${SIDES[columns.customerSide[row]]}${marks}`;
  });
}

const A4: Claim = ['a', '192.0.2.0/24'];
const B4: Claim = ['b', '198.51.100.0/24'];
const OUT = '203.0.113.9';

const cases = [
  ['nobody', [A4], [[OUT, '203.0.113.1']], [], 1, 0],
  ['the source', [A4], [['192.0.2.1', OUT]], ['0 a src'], 0, 0],
  ['the destination', [A4], [[OUT, '192.0.2.1']], ['0 a dst'], 0, 0],
  ['inside one customer', [A4], [['192.0.2.1', '192.0.2.200']], [], 0, 1],
  [
    'inside one customer with two prefixes',
    [A4, ['a', '198.51.100.0/24']],
    [['192.0.2.1', '198.51.100.1']],
    [],
    0,
    1,
  ],
  [
    'between two customers: a row each',
    [A4, B4],
    [['192.0.2.1', '198.51.100.1']],
    ['0 a src', '0 b dst'],
    0,
    0,
  ],
  [
    'a nested customer is no inside of the outer one',
    [A4, ['b', '192.0.2.128/25']],
    [
      ['192.0.2.1', '192.0.2.129'],
      ['192.0.2.129', '192.0.2.130'],
      ['192.0.2.129', OUT],
      ['192.0.2.127', OUT],
    ],
    ['0 a src', '0 b dst', '2 b src', '3 a src'],
    0,
    1,
  ],
  [
    'equal prefixes are contested',
    [A4, ['b', '192.0.2.0/24']],
    [[OUT, '192.0.2.1']],
    ['0 a dst?', '0 b dst?'],
    0,
    0,
  ],
  [
    'an exclusive claim decides the tie',
    [A4, ['b', '192.0.2.0/24', 'exclusive']],
    [[OUT, '192.0.2.1']],
    ['0 b dst!'],
    0,
    0,
  ],
  [
    'inside a contested prefix it is inside each of its customers',
    [A4, ['b', '192.0.2.0/24']],
    [['192.0.2.1', '192.0.2.2']],
    [],
    0,
    1,
  ],
  [
    'from a contested prefix to one of its customers: inside for that one, outside for the other',
    [A4, ['b', '192.0.2.0/24'], B4],
    [['192.0.2.1', '198.51.100.1']],
    ['0 a src?'],
    0,
    1,
  ],
  [
    'more rows than there were',
    [A4, ['b', '192.0.2.0/24'], ['c', '192.0.2.0/24'], ['d', '198.51.100.0/24']],
    [
      ['192.0.2.1', '198.51.100.1'],
      ['198.51.100.1', '192.0.2.1'],
    ],
    ['0 a src?', '0 b src?', '0 c src?', '0 d dst', '1 a dst?', '1 b dst?', '1 c dst?', '1 d src'],
    0,
    0,
  ],
] as const satisfies readonly (readonly [
  string,
  readonly Claim[],
  readonly (readonly [string, string])[],
  readonly string[],
  number,
  number,
])[];

describe('joinCustomers', () => {
  for (const [name, claims, flows, rows, foreign, internal] of cases) {
    it(name, () => {
      expect(joined(4, claims, flows)).to.deep.equal({ rows, foreign, internal });
    });
  }

  it('joins IPv6 by the whole address', () => {
    const claims: readonly Claim[] = [
      ['a', '2001:db8:1::/48'],
      ['b', '2001:db8:1:ffff::/64'],
      ['c', '2001:db8:2::1/128'],
    ];
    const found = joined(6, claims, [
      ['2001:db8:1::1', '2001:db8:9::1'],
      ['2001:db8:1:ffff::1', '2001:db8:1::1'],
      ['2001:db8:2::1', '2001:db8:2::2'],
      ['2001:db8:2::2', '2001:db8:9::1'],
    ]);
    expect(found).to.deep.equal({
      rows: ['0 a src', '1 a dst', '1 b src', '2 c src'],
      foreign: 1,
      internal: 0,
    });
  });

  it('knows the empty batch and the empty table', () => {
    expect(joined(4, [A4], [])).to.deep.equal({ rows: [], foreign: 0, internal: 0 });
    expect(joined(4, [], [[OUT, OUT]])).to.deep.equal({ rows: [], foreign: 1, internal: 0 });
  });
});
