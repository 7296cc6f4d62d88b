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
  const { filter, customer, customerAddress, remoteAddress, service, indicator } = label;
  const identity = { filter, customer, customerAddress, remoteAddress, service, indicator };
  return { id: 'id', ...identity, windowStart: `${label.day}T00:00:00.000Z`, ...change };
}

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
});
