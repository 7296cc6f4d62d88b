import { expect } from 'chai';
import fc from 'fast-check';
import { median, medianAbsoluteDeviation } from '../../statistics/quantiles.js';

const values = fc.array(fc.double({ noNaN: true, noDefaultInfinity: true }), { minLength: 1 });

describe('median and medianAbsoluteDeviation', () => {
  for (const [given, middle, deviation] of [
    [[3], 3, 0],
    [[1, 2], 1.5, 0.5],
    [[10, 9, 1], 9, 1],
    [[1, 1, 2, 2, 4, 6, 9], 2, 1],
    [[-5, 5, 100, -100], 0, 52.5],
  ] as const) {
    it(`of ${given.join(', ')} are ${middle} and ${deviation}`, () => {
      expect(median(given)).to.equal(middle);
      expect(medianAbsoluteDeviation(given)).to.equal(deviation);
    });
  }

  it('has no more than half of the values on either side, and changes nothing', () => {
    fc.assert(
      fc.property(values, (given) => {
        const before = [...given];
        const middle = median(given);
        expect(given.filter((value) => value < middle).length * 2).to.be.at.most(given.length);
        expect(given.filter((value) => value > middle).length * 2).to.be.at.most(given.length);
        expect(given).to.deep.equal(before);
      }),
    );
  });

  for (const [given, message] of [
    [[], 'no median of 0 values'],
    [[1, NaN], 'value 1 is NaN, not a finite number'],
    [[Infinity], 'value 0 is Infinity, not a finite number'],
  ] as const) {
    it(`refuse [${given.join(', ')}]`, () => {
      expect(() => median(given)).to.throw(RangeError, message);
      expect(() => medianAbsoluteDeviation(given)).to.throw(RangeError, message);
    });
  }
});
