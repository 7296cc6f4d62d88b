import { expect } from 'chai';
import { discountShared, sharedInEffect } from '../../filters/shared-in-effect.js';
import type { History, Prevalence } from '../../history/history.js';
import { PrevalenceOfDays } from '../../history/prevalent-remotes.js';
import { hashAddress } from '../../history/remote-hash.js';
import type { Evidence } from '../../pipeline/finding.js';
import { fakeFinding, REMOTE } from './fixtures.js';

/** A history of so many days in which one remote is known. */
function historyOf(prevalence: Prevalence | undefined, days = 4): History {
  return {
    days: Array.from({ length: days }, (_, i) => `2025-12-${String(i + 1).padStart(2, '0')}`),
    seen: () => false,
    prevalence: (remote) => (remote === REMOTE ? prevalence : undefined),
    counts: () => undefined,
    candidates: () => [],
  };
}

const SHARED: Prevalence = { customers: 6, clients: 30, days: 3 };

/** Of one day: customers with conversations; those that talked to the remote, those of them as clients; clients. */
type Day = readonly [customers: number, talked: number, asClients: number, clients: number];

function historyOfDays(days: readonly Day[]): History {
  const { hi, lo } = hashAddress(REMOTE)!;
  const one = (value: number): Uint32Array => Uint32Array.of(value);
  const known = new PrevalenceOfDays();
  for (const [all, talked, asClients, clients] of days) {
    const remote = { hi: one(hi), lo: one(lo), customers: one(talked) };
    known.add({ ...remote, clients: one(clients), clientCustomers: one(asClients) }, all);
  }
  return historyOf(known.get({ hi, lo }), days.length);
}

function times(count: number, day: Day): Day[] {
  return Array.from({ length: count }, () => day);
}

const USED: Day = [10, 6, 6, 30];
const UNUSED: Day = [10, 2, 2, 4];

const list = (entry: string, category = 'c2', feed = 'a'): Evidence => ({
  type: 'list',
  feed,
  entry,
  category,
  feedVersion: 'v1',
});

describe('sharedInEffect', () => {
  for (const [name, days, expected] of [
    ['clients of most customers on every day', times(3, USED), true],
    ['no day', [], false],
    ['two days: it may be an outbreak', times(2, USED), false],
    ['half of the days', [...times(3, USED), ...times(3, UNUSED)], true],
    [
      'less than half: an outbreak in a long history',
      [...times(13, USED), ...times(15, UNUSED)],
      false,
    ],
    ['half of the days, the busy ones last', [...times(14, UNUSED), ...times(14, USED)], true],
    ['a C2 with 20 clients in 3 customers, of all three', times(28, [3, 3, 3, 20]), false],
    ['the same in many customers', times(28, [30, 3, 3, 20]), false],
    ['four customers, though nobody has more', times(28, [4, 4, 4, 500]), false],
    ['five of five customers', times(3, [5, 5, 5, 20]), true],
    ['less than half of the customers', times(28, [13, 6, 6, 500]), false],
    [
      'a provider with hundreds of customers wants half of them',
      times(28, [100, 49, 49, 900]),
      false,
    ],
    ['half of hundreds', times(28, [100, 50, 50, 900]), true],
    ['too few clients', times(28, [10, 10, 10, 19]), false],
    [
      'clients on one day, customers on another',
      [...times(14, [10, 1, 1, 400]), ...times(14, [10, 10, 10, 10])],
      false,
    ],
    [
      'a remote that reaches for all customers, with clients in a few',
      times(28, [10, 10, 4, 40]),
      false,
    ],
  ] as const satisfies readonly (readonly [string, readonly Day[], boolean])[]) {
    it(name, () => {
      const found = sharedInEffect(REMOTE, historyOfDays(days));
      expect(found !== undefined).to.equal(expected);
    });
  }

  it('gives customers and clients of one day, in whatever order days come', () => {
    const days = [...times(3, USED), [10, 7, 7, 25], [10, 1, 1, 900]] as const;
    for (const order of [days, [...days].reverse()]) {
      expect(sharedInEffect(REMOTE, historyOfDays(order))).to.deep.equal({
        customers: 7,
        clients: 25,
        days: 4,
      });
    }
  });
});

describe('discountShared', () => {
  const history = historyOf(SHARED);

  it('drops a finding that rests on the bare address, and tells the operator of each feed', () => {
    const finding = fakeFinding({ evidence: [list(REMOTE), list('203.0.113.0/24', 'c2', 'b')] });
    const { finding: left, notices } = discountShared(finding, history);
    expect(left).to.equal(undefined);
    expect(notices.map(({ kind, subject }) => [kind, subject])).to.deep.equal([
      ['feed-error', 'a'],
      ['feed-error', 'b'],
    ]);
    expect(notices[0].message).to.equal(
      `feed a lists ${REMOTE} as c2, but many talk to ${REMOTE}, on 3 of 4 days; on the day with the ` +
        `most customers 30 clients of 6 customers: probably an error of the feed`,
    );
  });

  it('keeps what an exact ip:port says, and says that the address is prevalent', () => {
    const finding = fakeFinding({ evidence: [list(`${REMOTE}:4444`), list(REMOTE)] });
    const { finding: left, notices } = discountShared(finding, history);
    expect(left?.evidence).to.deep.equal([
      list(`${REMOTE}:4444`),
      { type: 'prevalence', ...SHARED },
    ]);
    expect(left?.id).to.equal(finding.id);
    expect(notices).to.have.length(1);
  });

  it('drops ip:port of a front end', () => {
    const finding = fakeFinding({ evidence: [list(`${REMOTE}:443`)] });
    expect(discountShared(finding, history).finding).to.equal(undefined);
  });

  it('says a country at low confidence', () => {
    const evidence: Evidence[] = [
      { type: 'country', country: 'IR', feed: 'geo', feedVersion: 'v', sharedAddress: false },
    ];
    const { finding: left } = discountShared(
      fakeFinding({ filter: 'sanctioned-country', confidence: 'medium', evidence }),
      history,
    );
    expect(left?.confidence).to.equal('low');
    expect(left?.evidence).to.deep.include({ type: 'prevalence', ...SHARED });
  });

  for (const [name, finding] of [
    [
      'policy about the range itself',
      fakeFinding({ evidence: [{ type: 'policy', rule: REMOTE }] }),
    ],
    [
      'a ban of a category that a list gives it',
      fakeFinding({ evidence: [{ type: 'policy', rule: 'tag:tor' }, list(REMOTE, 'tor')] }),
    ],
    ['another remote', fakeFinding({ remoteAddress: '203.0.113.8' })],
    ['no single remote', fakeFinding({ remoteAddress: null })],
    ['a banned tag', fakeFinding({ evidence: [list(REMOTE, 'vendor-x')] })],
  ] as const) {
    it(`leaves alone: ${name}`, () => {
      expect(discountShared(finding, history)).to.deep.equal({ finding, notices: [] });
    });
  }
});
