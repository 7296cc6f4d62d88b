import { expect } from 'chai';
import fc from 'fast-check';
import { compareRates, ratesPValue, type RateCounts } from '../../statistics/rates.js';
import { binomialBound, expectAgreement, scipyFixtures } from './scipy-fixtures.js';

const EQUAL: RateCounts = {
  count: 10,
  exposure: 1,
  baselineCount: 10,
  baselineExposure: 1,
  dispersion: 1,
};

const count = fc.nat({ max: 1e6 });
const exposure = fc.integer({ min: 1, max: 1e9 });
const counts: fc.Arbitrary<RateCounts> = fc.record({
  count,
  exposure,
  baselineCount: count,
  baselineExposure: exposure,
  dispersion: fc.double({ min: 1, max: 50, noNaN: true }),
});

describe('compareRates', () => {
  it('agrees with scipy', () => {
    for (const { pValue, ratio, low, high, ...rates } of scipyFixtures().rates) {
      const found = compareRates(rates);
      const of = JSON.stringify(rates);
      const bound = binomialBound(rates.count + rates.baselineCount);
      expect(ratesPValue(rates)).to.equal(found.pValue);
      expectAgreement(found.pValue, pValue, `p of ${of}`, bound);
      expectAgreement(found.ratio, ratio, `ratio of ${of}`);
      expectAgreement(found.low, low, `low of ${of}`, bound);
      expectAgreement(found.high, high, `high of ${of}`, bound);
    }
  });

  it('says nothing of no events', () => {
    const found = compareRates({ ...EQUAL, count: 0, baselineCount: 0 });
    expect(found).to.deep.equal({ pValue: 1, ratio: null, low: 0, high: null });
  });

  it('is symmetric in now and then', () => {
    fc.assert(
      fc.property(counts, (rates) => {
        const turned = compareRates({
          ...rates,
          count: rates.baselineCount,
          exposure: rates.baselineExposure,
          baselineCount: rates.count,
          baselineExposure: rates.exposure,
        });
        const found = compareRates(rates);
        expectAgreement(turned.pValue, found.pValue, 'p');
        if (found.high !== null) expectAgreement(turned.low, 1 / found.high, 'low');
        if (turned.high !== null) expectAgreement(turned.high, 1 / found.low, 'high');
      }),
    );
  });

  it('holds the observed ratio, and 1 just where p is above 5 %', () => {
    fc.assert(
      fc.property(counts, (rates) => {
        const { pValue, ratio, low, high } = compareRates(rates);
        const top = high ?? Infinity;
        expect(ratio ?? Infinity).to.be.within(low, top);
        if (Math.abs(pValue - 0.05) > 1e-9) expect(low <= 1 && top >= 1).to.equal(pValue > 0.05);
      }),
    );
  });

  it('finds less where counts are more dispersed', () => {
    fc.assert(
      fc.property(counts, (rates) => {
        const { pValue } = compareRates({ ...rates, dispersion: 1 });
        // Discreteness aside: next to 1 twice the smaller tail is cut off.
        fc.pre(pValue < 0.05);
        expect(compareRates(rates).pValue).to.be.at.least(pValue * (1 - 1e-9));
      }),
    );
  });

  for (const [wrong, message] of [
    [{ count: -1 }, 'counts -1 and 10 are not both 0 or above'],
    [{ baselineCount: NaN }, 'counts 10 and NaN are not both 0 or above'],
    [{ exposure: 0 }, 'exposures 0 and 1 are not both above 0'],
    [{ baselineExposure: Infinity }, 'exposures 1 and Infinity are not both above 0'],
    [{ dispersion: 0.5 }, 'dispersion 0.5 is not 1 or above'],
    [{ dispersion: NaN }, 'dispersion NaN is not 1 or above'],
  ] as const) {
    it(`refuses ${message.replace(/ (are|is) .*/, '')}`, () => {
      expect(() => compareRates({ ...EQUAL, ...wrong })).to.throw(RangeError, message);
      expect(() => ratesPValue({ ...EQUAL, ...wrong })).to.throw(RangeError, message);
    });
  }
});
