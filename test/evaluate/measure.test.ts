import { expect } from 'chai';
import { measure, proportion } from '../../launch/evaluate/measure.js';

/** Limits by scipy.stats.binomtest(k, n).proportion_ci(0.95, 'exact'). */
const PROPORTIONS = [
  { successes: 0, trials: 1, low: 0, high: 0.975 },
  { successes: 1, trials: 1, low: 0.025, high: 1 },
  { successes: 9, trials: 9, low: 0.663733, high: 1 },
  { successes: 5, trials: 6, low: 0.358765, high: 0.995789 },
  { successes: 0, trials: 1831, low: 0, high: 0.002013 },
] as const;

const COUNTS = {
  filter: 'known-bad-remote',
  planted: 6,
  found: 5,
  missed: 1,
  true: 7,
  false: 2,
  silent: 3,
} as const;

describe('measure', () => {
  for (const { successes, trials, low, high } of PROPORTIONS) {
    it(`${successes} of ${trials} has an exact interval`, () => {
      const found = proportion(successes, trials);
      expect(found).to.include({ successes, trials });
      expect(found?.low).to.be.closeTo(low, 1e-6);
      expect(found?.high).to.be.closeTo(high, 1e-6);
    });
  }

  it('nothing of nothing is no proportion', () => {
    expect(proportion(0, 0)).to.equal(undefined);
  });

  it('precision is that of the findings, recall that of what was planted', () => {
    const [{ precision, recall }] = measure({ filters: [COUNTS] });
    expect(precision).to.include({ successes: 7, trials: 9 });
    expect(recall).to.include({ successes: 5, trials: 6 });
  });

  it('a filter without findings has no precision, one without labels no recall', () => {
    const silent = { ...COUNTS, found: 0, missed: 6, true: 0, false: 0 };
    const unasked = { ...COUNTS, planted: 0, found: 0, missed: 0, true: 0 };
    const [first, second] = measure({ filters: [silent, unasked] });
    expect(first.precision).to.equal(undefined);
    expect(first.recall).to.include({ successes: 0, trials: 6 });
    expect(second.precision).to.include({ successes: 0, trials: 2 });
    expect(second.recall).to.equal(undefined);
  });
});
