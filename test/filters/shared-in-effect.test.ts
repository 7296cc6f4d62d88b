import { expect } from 'chai';
import { discountShared, sharedInEffect } from '../../filters/shared-in-effect.js';
import type { DayCounts, History, Prevalence } from '../../history/history.js';
import type { Evidence } from '../../pipeline/finding.js';
import { fakeFinding, REMOTE } from './fixtures.js';

const DAYS = ['2025-12-30', '2025-12-31'];

/** A history in which six customers had traffic, and one remote is known. */
function historyOf(prevalence: Prevalence | undefined, customers = 6): History {
  const day = {
    customers: Array.from({ length: customers }, (_, i) => `c${i}`),
  } as unknown as DayCounts;
  return {
    days: DAYS,
    seen: () => false,
    prevalence: (remote) => (remote === REMOTE ? prevalence : undefined),
    counts: () => day,
    candidates: () => [],
  };
}

const SHARED: Prevalence = { customers: 4, clients: 30, days: 2 };

const list = (entry: string, category = 'c2', feed = 'a'): Evidence => ({
  type: 'list',
  feed,
  entry,
  category,
  feedVersion: 'v1',
});

describe('sharedInEffect', () => {
  for (const [name, prevalence, customers, expected] of [
    ['many clients of most customers on several days', SHARED, 6, true],
    ['nobody', undefined, 6, false],
    ['too few clients on every day', { ...SHARED, days: 0 }, 6, false],
    ['once only: it may be an outbreak', { ...SHARED, days: 1 }, 6, false],
    ['less than half of the customers', { ...SHARED, customers: 2 }, 6, false],
    ['a provider with hundreds of customers wants half of them', SHARED, 100, false],
    ['two customers are too few to learn from', { ...SHARED, customers: 2 }, 2, false],
  ] as const) {
    it(name, () => {
      const found = sharedInEffect(REMOTE, historyOf(prevalence, customers));
      expect(found !== undefined).to.equal(expected);
    });
  }
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
      `feed a lists ${REMOTE} as c2, but 30 clients of 4 customers talked to ${REMOTE} on a day ` +
        `(2 days): probably an error of the feed`,
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
