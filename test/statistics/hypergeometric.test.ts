import { expect } from 'chai';
import fc from 'fast-check';
import { hypergeometricUpperTail } from '../../statistics/hypergeometric.js';
import { expectAgreement, scipyFixtures } from './scipy-fixtures.js';

/** The library's first term is a sum of factorials' logarithms, whose rounding grows with them. */
function bound(population: number): number {
  return 1e-9 + 2e-14 * population;
}

/** A population, and successes and draws in it. */
const urn = fc
  .integer({ min: 1, max: 1e9 })
  .chain((population) =>
    fc.tuple(fc.constant(population), fc.nat({ max: population }), fc.nat({ max: population })),
  );

describe('hypergeometricUpperTail', () => {
  it('agrees with scipy, and in large populations with mpmath', () => {
    for (const { k, population, successes, draws, upper } of scipyFixtures().hypergeometric) {
      const found = hypergeometricUpperTail(k, population, successes, draws);
      const of = `${k} of ${successes} in ${draws} of ${population}`;
      expectAgreement(found, upper, of, bound(population));
    }
  });

  it('is certain of none, also of nothing', () => {
    expect(hypergeometricUpperTail(0, 0, 0, 0)).to.equal(1);
    expect(hypergeometricUpperTail(1, 0, 0, 0)).to.equal(0);
  });

  it('is the same with successes and draws in each other’s place', () => {
    fc.assert(
      fc.property(urn, fc.nat({ max: 1e9 }), ([population, successes, draws], k) => {
        const found = hypergeometricUpperTail(k, population, successes, draws);
        const turned = hypergeometricUpperTail(k, population, draws, successes);
        expectAgreement(turned, found, `${k}`, 2 * bound(population));
      }),
    );
  });

  it('sums to 1 with the tail of the failures', () => {
    fc.assert(
      fc.property(urn, fc.double({ min: 0, max: 1, noNaN: true }), ([all, some, draws], part) => {
        // k and more successes, or draws - k + 1 and more failures.
        const k = Math.round((draws * some) / all + 6 * (part - 0.5) * Math.sqrt(draws));
        fc.pre(k >= 0 && k <= draws);
        const more = hypergeometricUpperTail(k, all, some, draws);
        const fewer = hypergeometricUpperTail(draws - k + 1, all, all - some, draws);
        expect(more + fewer).to.be.closeTo(1, bound(all));
      }),
    );
  });

  it('falls with k', () => {
    fc.assert(
      fc.property(urn, fc.nat({ max: 100 }), ([population, successes, draws], k) => {
        const more = hypergeometricUpperTail(k + 1, population, successes, draws);
        const tail = hypergeometricUpperTail(k, population, successes, draws);
        expect(more).to.be.at.most(tail * (1 + 2 * bound(population)));
      }),
    );
  });

  for (const [numbers, message] of [
    [[1, 10, 11, 5], 'successes 11 is not a whole number within 0 to 10'],
    [[1, 10, 5, 11], 'draws 11 is not a whole number within 0 to 10'],
    [[1, NaN, 5, 5], 'population NaN is not a whole number within 0 to 1000000000000'],
    [[-1, 10, 5, 5], 'k -1 is not a whole number within 0 to 9007199254740991'],
    [[0.5, 10, 5, 5], 'k 0.5 is not a whole number within 0 to 9007199254740991'],
  ] as const) {
    it(`refuses ${numbers.join(', ')}`, () => {
      const [k, population, successes, draws] = numbers;
      const call = (): number => hypergeometricUpperTail(k, population, successes, draws);
      expect(call).to.throw(RangeError, message);
    });
  }
});
