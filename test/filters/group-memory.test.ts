import { expect } from 'chai';
import { GROUP_FILTERS } from '../../filters/filters.js';
import { GroupTable } from '../../filters/group-table.js';
import { planFilters, preparePolicies } from '../../filters/policies.js';
import { SYN } from '../../pipeline/codes.js';
import { CUSTOMER, fakeBatch, fakeReference, type FakeConversation } from './fixtures.js';

const LISTED = '203.0.113.66';
const reference = fakeReference({
  customers: ['acme'],
  tags: { [LISTED]: [['c2', LISTED]] },
  services: { [`${CUSTOMER}:23`]: ['telnet'] },
});

/** Something of every filter's, each time with another remote or port. */
function conversation(i: number): FakeConversation {
  const host = `${1 + ((i >>> 16) & 127)}.${(i >>> 8) & 255}.${i & 255}`;
  switch (i % 4) {
    case 0:
      return { remote: `10.${host}`, flagsOut: SYN, grade: 'attempt' };
    case 1:
      return { remote: `45.${host}`, bytesOut: 1e7, packetsOut: 1e4 };
    case 2:
      return { remote: LISTED, remotePort: 1024 + (i % 60_000), role: 'server', customerPort: 23 };
    default:
      return { remote: LISTED, customerPort: 1024 + (i % 60_000) };
  }
}

describe('groups in memory', () => {
  for (const filter of GROUP_FILTERS) {
    it(`${filter.id}: four times the conversations of the same groups take no more`, () => {
      const [plan] = planFilters({}, {}, [filter]).plan;
      const policies = preparePolicies(filter, plan, reference);
      const table = new GroupTable(filter);
      const sizes: number[] = [];
      let next = 0;
      for (const total of [40_000, 160_000]) {
        while (next < total) {
          const rows = Array.from({ length: 4_000 }, () => conversation(next++));
          table.addBatch(fakeBatch(rows, reference), reference, policies);
        }
        sizes.push(JSON.stringify(table.save()).length);
      }
      expect(table.size).to.equal(1);
      expect(sizes[1]).to.be.below(sizes[0] * 1.1);
      expect(sizes[1]).to.be.below(1_000_000);
    }).timeout(60_000);
  }
});
