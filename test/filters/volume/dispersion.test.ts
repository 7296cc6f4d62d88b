import { expect } from 'chai';
import {
  dispersionOf,
  fitDispersion,
  spreadOf,
  type Spread,
} from '../../../filters/volume/dispersion.js';
import { Random } from '../../../launch/generate/random.js';

describe('dispersion', () => {
  for (const [name, counts, exposures, share, value] of [
    ['no spread of equal counts', [10, 10, 10, 10], [1, 1, 1, 1], 0, 0],
    ['the chi-square over its degrees of freedom', [10, 20], [1, 1], 0, 100 / 30],
    ['no spread of counts in proportion to exposures', [10, 20], [100, 200], 0, 0],
    ['more of a part that is half of the whole', [10, 20], [1, 1], 0.5, 200 / 30],
  ] as const) {
    it(`is ${name}`, () => {
      const spread = spreadOf(counts, exposures, share);
      expect(spread?.value).to.be.closeTo(value, 1e-12);
      expect(spread?.degrees).to.equal(counts.length - 1);
    });
  }

  for (const [name, counts, exposures, share] of [
    ['few conversations', [1, 2, 1, 2], [1, 1, 1, 1], 0],
    ['one day', [100], [1], 0],
    ['a day without exposure', [10, 20], [0, 30], 0],
    ['a stratum that is all there is', [10, 20], [10, 20], 1],
  ] as const) {
    it(`is not known of ${name}`, () => {
      expect(spreadOf(counts, exposures, share)).to.equal(undefined);
    });
  }

  it('is 4 where nothing is known', () => {
    expect(fitDispersion([])).to.deep.equal({ base: 4, slope: 0 });
  });

  it('is that of many strata, whose rates vary by as much at any mean', () => {
    const { base, slope } = fitDispersion(spreads(2, 0.05));
    expect(base).to.be.within(1.8, 2.4);
    expect(slope).to.be.within(0.04, 0.06);
  });

  it('is never below Poisson, however steady the days', () => {
    const steady = Array.from({ length: 500 }, (_, i) => ({ mean: 2 + i, value: 0, degrees: 3 }));
    expect(fitDispersion(steady)).to.deep.equal({ base: 1, slope: 0 });
  });

  it('hardly moves with one stratum that did change', () => {
    const usual = fitDispersion(spreads(2, 0.05));
    const { base, slope } = fitDispersion([
      ...spreads(2, 0.05),
      { mean: 20, value: 1e6, degrees: 3 },
    ]);
    expect(base).to.be.closeTo(usual.base, 0.3);
    expect(slope).to.be.closeTo(usual.slope, 0.02);
  });

  for (const [name, own, dispersion] of [
    ['its kind’s where its own is not known', undefined, 3],
    ['its kind’s where its own is smaller', { mean: 20, value: 0, degrees: 3 }, 3],
    ['drawn to its own where that is larger', { mean: 20, value: 30, degrees: 3 }, 12],
  ] as const) {
    it(`of a stratum is ${name}`, () => {
      expect(dispersionOf({ base: 2, slope: 0.05 }, 20, own)).to.equal(dispersion);
    });
  }
});

/** Chi-squares of strata at many means, as base and slope make them. */
function spreads(base: number, slope: number): Spread[] {
  const random = new Random(11);
  return Array.from({ length: 2000 }, () => {
    const mean = random.logNormal(20, 1.5);
    const chiSquare = random.normal() ** 2 + random.normal() ** 2 + random.normal() ** 2;
    return { mean, value: ((base + slope * mean) * chiSquare) / 3, degrees: 3 };
  });
}
