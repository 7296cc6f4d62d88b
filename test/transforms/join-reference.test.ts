import { expect } from 'chai';
import { REASON_NAMES, ROLE_NAMES } from '../../pipeline/codes.js';
import { SPECIAL_NAMES } from '../../reference/special-addresses.js';
import { joinReferenceTables } from '../../transforms/join/reference.js';
import type { Reference } from '../../reference/reference.js';
import { formatAddress4, formatAddress6 } from '../../pipeline/address.js';
import {
  fakeBatch,
  fakeReference,
  type FakeConversation,
  type FakeTables,
} from '../filters/fixtures.js';

/** The fake snapshot with look-ups by address, where the others' tests set ids themselves. */
function searchable(tables: FakeTables): Reference {
  const fake = fakeReference(tables);
  return {
    ...fake,
    tags: {
      ...fake.tags,
      find4: (word) => fake.tagSet(formatAddress4(word)),
      find6: (w0, w1, w2, w3) => fake.tagSet(formatAddress6(w0, w1, w2, w3)),
    },
    inventory: {
      ...fake.inventory,
      find4: (word, port) => fake.serviceId(`${formatAddress4(word)}:${port}`),
    },
  };
}

/** The batch as dedupe would hand it on: without ids. */
function joined(
  rows: readonly FakeConversation[],
  reference: Reference,
): ReturnType<typeof joinReferenceTables> {
  const batch = fakeBatch(rows, fakeReference());
  return joinReferenceTables({ ...batch, referenceVersion: '' }, reference);
}

describe('joinReferenceTables', () => {
  const shared = [
    ['a shared remote', { remote: '203.0.113.7' }, 1],
    ['a remote with another tag', { remote: '203.0.113.8' }, 0],
    ['a remote without tags', { remote: '203.0.113.9' }, 0],
    ['a shared IPv6 remote', { remote: '2001:db8::7' }, 1],
  ] as const;
  for (const [name, row, mark] of shared) {
    it(`marks ${name}: ${mark}`, () => {
      const reference = searchable({
        tags: {
          '203.0.113.7': [
            ['shared', '203.0.113.0/29'],
            ['c2', '203.0.113.7'],
          ],
          '203.0.113.8': [['c2', '203.0.113.8']],
          '2001:db8::7': [['shared', '2001:db8::/32']],
        },
      });
      expect(joined([row], reference).columns.remoteShared[0]).to.equal(mark);
    });
  }

  const sides = [
    ['the remote serves', 'server', 'lowerPort', true, false, 'client inventory'],
    ['the customer serves', 'client', 'knownService', false, true, 'server inventory'],
    ['both serve: ports decide', 'client', 'knownService', true, true, 'client known-service'],
    ['neither serves', 'client', 'lowerPort', false, false, 'client lower-port'],
    ['a handshake outranks it', 'server', 'handshake', true, false, 'server handshake'],
    ['the initiator outranks it', 'client', 'initiator', false, true, 'client initiator'],
    ['an unknown side becomes known', 'unknown', 'unknown', true, false, 'client inventory'],
  ] as const;
  for (const [name, role, reason, remote, customer, expected] of sides) {
    it(`orients by the inventory: ${name}`, () => {
      const row = { role, reason, customerPort: 4000, remotePort: 5000 } as const;
      const reference = searchable({
        services: {
          ...(remote ? { '203.0.113.7:5000': ['telnet'] } : {}),
          ...(customer ? { '198.51.100.10:4000': ['telnet'] } : {}),
        },
      });
      const { columns } = joined([row], reference);
      expect(`${ROLE_NAMES[columns.role[0]]} ${REASON_NAMES[columns.reason[0]]}`).to.equal(
        expected,
      );
    });
  }

  it('names special-purpose remotes and the snapshot', () => {
    const reference = searchable({});
    const batch = joined([{ remote: '10.0.0.1' }, { remote: '9.9.9.9' }], reference);
    expect(SPECIAL_NAMES[batch.columns.remoteSpecial[0]]).to.match(/private/);
    expect(batch.columns.remoteSpecial[1]).to.equal(0);
    expect(batch.referenceVersion).to.equal(reference.version);
  });
});
