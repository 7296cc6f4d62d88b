import { expect } from 'chai';
import fc from 'fast-check';
import { binomialLowerTail, binomialUpperTail } from '../../statistics/binomial.js';
import { garwood } from '../../statistics/poisson.js';
import { expectAgreement, scipyFixtures } from './scipy-fixtures.js';

/** Of so many trials a binomial count of the same mean is as good as a Poisson one. */
const TRIALS = 5e9;

/** What the trials leave of a difference, at counts to 1e4: some count squared over twice the trials. */
const LIMIT_BOUND = 1e-4;

describe('garwood', () => {
  it('agrees with scipy', () => {
    for (const { count, level, low, high } of scipyFixtures().garwood) {
      const interval = garwood(count, level);
      expectAgreement(interval.low, low, `low of ${count} at ${level}`);
      expectAgreement(interval.high, high, `high of ${count} at ${level}`);
    }
  });

  it('ends where the tails are what the level leaves', () => {
    fc.assert(
      fc.property(fc.nat({ max: 1e4 }), fc.constantFrom(0.5, 0.95, 0.999), (count, level) => {
        const { low, high } = garwood(count, level);
        const tail = (1 - level) / 2;
        expect(count).to.be.within(low, high);
        const more = binomialUpperTail(count, TRIALS, low / TRIALS);
        const fewer = binomialLowerTail(count, TRIALS, high / TRIALS);
        if (count > 0) expectAgreement(more, tail, `P(N >= ${count})`, LIMIT_BOUND);
        expectAgreement(fewer, tail, `P(N <= ${count})`, LIMIT_BOUND);
      }),
    );
  });

  it('widens with the level', () => {
    fc.assert(
      fc.property(fc.nat({ max: 1e6 }), (count) => {
        const narrow = garwood(count, 0.9);
        const wide = garwood(count, 0.99);
        expect(wide.high).to.be.above(narrow.high);
        expect(wide.low).to.be.at.most(narrow.low);
      }),
    );
  });

  for (const [count, level, message] of [
    [-1, 0.95, 'count -1 is not within 0 to 1000000000000'],
    [NaN, 0.95, 'count NaN is not within 0 to 1000000000000'],
    [1, 1.5, 'level 1.5 is not between 0 and 1'],
  ] as const) {
    it(`refuses ${count} at ${level}`, () => {
      expect(() => garwood(count, level)).to.throw(RangeError, message);
    });
  }
});
