import { expect } from 'chai';
import { reportOf } from '../../launch/job-report.js';

const FACTS = {
  expiredSuppressions: [],
  referenceVersion: 'v1',
  nowMs: Date.UTC(2026, 0, 1),
  seconds: 2,
  notices: ['a notice'],
};

describe('reportOf', () => {
  it('reads every counter into its place', () => {
    const report = reportOf(
      {
        'records/csv': 8,
        'rejects/csv/bad-time': 2,
        'rejects/unknown/file-not-found': 1,
        'skipped/csv/header': 3,
        rows: 8,
        'kept/established': 7,
        'dropped/established/not-tcp': 1,
        'kept/join-customers': 6,
        'dropped/join-customers/internal': 1,
        'kept/drop-shared': 5,
        'dropped/drop-shared/published-range (a/b)': 1,
        'conversations/strong': 2,
        'conversations/medium': 1,
        'conversations/attempt': 4,
        'dropped/dedupe/redelivered': 2,
        'findings/known-bad-remote': 3,
        'dropped/suppress/hidden': 1,
        'hidden/my-entry': 1,
        'reduced/other': 2,
      },
      FACTS,
    );
    expect(report).to.deep.equal({
      records: 10,
      rows: 8,
      rejects: { csv: { 'bad-time': 2 }, unknown: { 'file-not-found': 1 } },
      skipped: { csv: { header: 3 } },
      steps: [
        { step: 'established', kept: 7, dropped: { 'not-tcp': 1 } },
        { step: 'join-customers', kept: 6, dropped: { internal: 1 } },
        { step: 'drop-shared', kept: 5, dropped: { 'published-range (a/b)': 1 } },
        { step: 'dedupe', kept: 3, dropped: { redelivered: 2, attempt: 4 } },
        { step: 'discount-shared', kept: 4, dropped: {} },
        { step: 'suppress', kept: 3, dropped: { hidden: 1 } },
      ],
      conversations: 3,
      findings: { 'known-bad-remote': 3 },
      hidden: { 'my-entry': 1 },
      taken: {},
      reduced: { other: 2 },
      expiredSuppressions: [],
      referenceVersion: 'v1',
      now: '2026-01-01T00:00:00.000Z',
      seconds: 2,
      notices: ['a notice'],
    });
  });

  it('says how many files held no record', () => {
    const { notices } = reportOf(
      { files: 3, 'files-without-records': 2 },
      { ...FACTS, notices: [] },
    );
    expect(notices).to.deep.equal([
      '2 of 3 files hold no record: they are empty or a header only.',
    ]);
  });

  const shares = [
    ['more than half', 51, 1],
    ['half', 50, 0],
    ['none', 0, 0],
  ] as const;
  for (const [name, ungraded, notices] of shares) {
    it(`says in a sentence that ${name} of one input's TCP shows no connection: ${notices}`, () => {
      const counters = { 'tcp/a/b.csv': 100, 'ungraded/a/b.csv': ungraded, 'tcp/other': 1000 };
      const report = reportOf(counters, { ...FACTS, notices: [] });
      expect(report.notices).to.have.lengthOf(notices);
      for (const notice of report.notices) {
        expect(notice).to.match(/^51 of 100 TCP flows of a\/b\.csv have neither flags/);
      }
    });
  }
});
