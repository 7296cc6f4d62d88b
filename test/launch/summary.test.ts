import { expect } from 'chai';
import type { RunReport } from '../../launch/run-job.js';
import { renderSummary, summaryJson } from '../../launch/summary.js';

const REPORT: RunReport = {
  records: 1_234_567,
  rows: 1_300_000,
  rejects: { zeek: { truncated: 1 }, csv: { 'bad-time': 3, 'bad-address': 12 } },
  skipped: { argus: { man: 2 } },
  steps: [
    { step: 'established', kept: 900_000, dropped: { 'not-tcp': 300_000, unknown: 0 } },
    { step: 'joinCustomers', kept: 500_000, dropped: { internal: 7, 'no-customer': 399_993 } },
  ],
  conversations: 42_000,
  findings: { 'known-bad-remote': 3, anonymizer: 11 },
  taken: {},
  reduced: {},
  hidden: { 'suppression-0123': 2 },
  expiredSuppressions: ['old-scanner'],
  referenceVersion: 'abc',
  now: '2026-01-31T12:00:00.000Z',
  seconds: 2.5,
  notices: ['more than half of flows.csv was dropped as unknown'],
};

const EMPTY: RunReport = {
  ...REPORT,
  records: 0,
  rows: 0,
  rejects: {},
  skipped: {},
  steps: [],
  conversations: 0,
  findings: {},
  hidden: {},
  expiredSuppressions: [],
  seconds: 0,
  notices: [],
};

describe('end table', () => {
  it('is aligned text where there is no terminal', () => {
    expect(renderSummary(REPORT, { table: false }).split('\n')).to.deep.equal([
      'read           records           1,234,567  in 2.5 s, 493,827/s',
      '               flows             1,300,000  rows; a two-way record is two',
      'rejected       csv bad-address          12',
      '               csv bad-time              3',
      '               zeek truncated            1',
      'skipped        argus man                 2',
      'kept           established         900,000  dropped 300,000 not-tcp',
      '               joinCustomers       500,000  dropped 7 internal, 399,993 no-customer',
      'conversations  conversations        42,000',
      'findings       anonymizer               11',
      '               known-bad-remote          3',
      'hidden         suppression-0123          2',
      'note: more than half of flows.csv was dropped as unknown',
      'note: the suppression old-scanner has expired and hides nothing',
    ]);
  });

  it('is framed on a terminal, with the same rows and no colours', () => {
    const text = renderSummary(REPORT, { table: true });
    expect(text).to.include('1,234,567');
    expect(text).to.include('known-bad-remote');
    expect(text.includes('\u001b')).to.equal(false);
  });

  it('says that nothing was found', () => {
    for (const table of [true, false]) {
      expect(renderSummary(EMPTY, { table })).to.match(/findings.*none/);
    }
  });

  it('lets no control character through', () => {
    const report = { ...REPORT, hidden: { '\u001b[2J': 1 }, notices: ['a\nb\u0007'] };
    for (const table of [true, false]) {
      const text = renderSummary(report, { table });
      expect(text.includes('\u001b') || text.includes('\u0007')).to.equal(false);
      expect(text).to.include('note: a\\u000ab\\u0007');
    }
  });
});

describe('summary.json', () => {
  it('holds everything but the seconds', () => {
    const { seconds: _, ...rest } = REPORT;
    expect(JSON.parse(summaryJson(REPORT))).to.deep.equal(rest);
  });

  it('has the same bytes whatever the time taken and the order of counters', () => {
    const other = {
      ...REPORT,
      seconds: 99,
      rejects: { csv: { 'bad-address': 12, 'bad-time': 3 }, zeek: { truncated: 1 } },
      findings: { anonymizer: 11, 'known-bad-remote': 3 },
    };
    expect(summaryJson(other)).to.equal(summaryJson(REPORT));
  });
});
