import { expect } from 'chai';
import { compareLabels, type ComparedFinding } from '../launch/compare-labels.js';
import type { Label } from '../launch/generate/label.js';

const LABEL: Label = {
  expect: 'finding',
  scenario: 'address-on-two-feeds',
  filter: 'known-bad-remote',
  customer: 'acme',
  customerAddress: '198.51.100.1',
  remoteAddress: '203.0.113.7',
  service: '443/tcp',
  indicator: '203.0.113.7',
  day: '2025-03-03',
};
const NEAR_MISS: Label = {
  ...LABEL,
  expect: 'nothing',
  scenario: 'inbound',
  remoteAddress: '203.0.113.8',
  indicator: '',
};

function finding(label: Label, change: Partial<ComparedFinding> = {}): ComparedFinding {
  const { filter, customer, customerAddress, remoteAddress, service, indicator, day } = label;
  const identity = { filter, customer, customerAddress, remoteAddress, service, indicator };
  const subject = label.subject ?? customerAddress ?? customer;
  return { id: 'id', ...identity, subject, windowStart: `${day}T00:00:00.000Z`, ...change };
}

/** A finding about a customer as a whole. */
const ABOUT_COUNTRY: Label = {
  ...LABEL,
  filter: 'volume-change',
  customerAddress: null,
  remoteAddress: null,
  service: '-',
  indicator: 'rise',
  subject: 'country:AR',
};
/** The same rise, told of its network. */
const ABOUT_NETWORK: Label = { ...ABOUT_COUNTRY, subject: 'network:203.0.113.0/24' };

const CASES = [
  { what: 'all found', findings: [finding(LABEL)], expected: [1, 1, 0, 0, 1] },
  { what: 'nothing found', findings: [], expected: [1, 0, 1, 0, 1] },
  { what: 'found twice', findings: [finding(LABEL), finding(LABEL)], expected: [1, 1, 0, 0, 1] },
  {
    what: 'another service',
    findings: [finding(LABEL, { service: '80/tcp' })],
    expected: [1, 0, 1, 1, 1],
  },
  {
    what: 'another day',
    findings: [finding(LABEL, { windowStart: '2025-03-04T00:00:00.000Z' })],
    expected: [1, 0, 1, 1, 1],
  },
  {
    what: 'a near-miss that fires',
    findings: [finding(LABEL), finding(NEAR_MISS, { indicator: '203.0.113.8' })],
    expected: [1, 1, 0, 1, 0],
  },
] as const;

describe('compareLabels', () => {
  for (const { what, findings, expected } of CASES) {
    it(`counts ${what}`, () => {
      const { filters } = compareLabels([LABEL, NEAR_MISS], findings);
      expect(filters.length).to.equal(1);
      const [row] = filters;
      expect([row.planted, row.found, row.missed, row.false, row.silent]).to.deep.equal(expected);
    });
  }

  it('names what was missed, and the near-miss that a false finding was taken in by', () => {
    const wrong = finding(NEAR_MISS, { service: '-', indicator: '203.0.113.8' });
    const comparison = compareLabels([LABEL, NEAR_MISS], [wrong]);
    expect(comparison.missed).to.deep.equal([LABEL]);
    expect(comparison.false).to.deep.equal([{ finding: wrong, nearMiss: NEAR_MISS }]);
  });

  it('lists a filter that nobody planted', () => {
    const other = finding(LABEL, { filter: 'volume-change' });
    const { filters } = compareLabels([LABEL], [finding(LABEL), other]);
    expect(filters.map(({ filter }) => filter)).to.deep.equal([
      'known-bad-remote',
      'volume-change',
    ]);
    expect(filters[1].false).to.equal(1);
  });

  it('tells findings about several addresses apart by their subject', () => {
    const wrong = finding(ABOUT_COUNTRY, { subject: 'country:BR' });
    const { filters, missed } = compareLabels([ABOUT_COUNTRY], [wrong]);
    expect(missed).to.deep.equal([ABOUT_COUNTRY]);
    expect(filters[0]).to.include({ planted: 1, found: 0, true: 0, false: 1 });
  });

  it('takes any subject where the label names none', () => {
    const { filters } = compareLabels([LABEL], [finding(LABEL, { subject: 'whoever' })]);
    expect(filters[0]).to.include({ found: 1, true: 1, false: 0 });
  });

  it('blames a near-miss of several addresses by its subject', () => {
    const nearMiss: Label = { ...ABOUT_COUNTRY, expect: 'nothing', indicator: '' };
    const other = finding(ABOUT_NETWORK);
    const { false: wrong } = compareLabels([nearMiss], [finding(ABOUT_COUNTRY), other]);
    expect(wrong.map((one) => one.nearMiss)).to.deep.equal([nearMiss, undefined]);
  });

  const group = [
    { ...ABOUT_COUNTRY, oneOf: 'rise-1' },
    { ...ABOUT_NETWORK, oneOf: 'rise-1' },
  ] as const;
  const groups = [
    { what: 'none', findings: [], expected: [1, 0, 1, 0, 0] },
    { what: 'the second', findings: [finding(ABOUT_NETWORK)], expected: [1, 1, 0, 1, 0] },
    {
      what: 'all',
      findings: [finding(ABOUT_COUNTRY), finding(ABOUT_NETWORK)],
      expected: [1, 1, 0, 2, 0],
    },
    {
      what: 'a stranger',
      findings: [finding(ABOUT_COUNTRY, { subject: 'country:BR' })],
      expected: [1, 0, 1, 0, 1],
    },
  ] as const;
  for (const { what, findings, expected } of groups) {
    it(`wants one of a group: ${what} found`, () => {
      const { filters, missed } = compareLabels(group, findings);
      const [row] = filters;
      expect([row.planted, row.found, row.missed, row.true, row.false]).to.deep.equal(expected);
      expect(missed).to.deep.equal(expected[2] === 1 ? [group[0]] : []);
    });
  }

  it('holds two groups that share a label for found by it', () => {
    const two = [...group, { ...ABOUT_COUNTRY, oneOf: 'rise-2' }];
    const { filters } = compareLabels(two, [finding(ABOUT_COUNTRY)]);
    expect(filters[0]).to.include({ planted: 2, found: 2, true: 1, false: 0 });
  });

  it('does not depend on the order of findings', () => {
    const findings = [finding(LABEL), finding(NEAR_MISS), finding(ABOUT_COUNTRY)];
    const labels = [LABEL, NEAR_MISS, ...group];
    expect(compareLabels(labels, findings.toReversed()).filters).to.deep.equal(
      compareLabels(labels.toReversed(), findings).filters,
    );
  });
});
