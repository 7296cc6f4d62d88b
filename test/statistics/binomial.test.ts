import { expect } from 'chai';
import fc from 'fast-check';
import { binomialLowerTail, binomialUpperTail, clopperPearson } from '../../statistics/binomial.js';
import { binomialBound, expectAgreement, scipyFixtures } from './scipy-fixtures.js';

/** Doubles are mostly tiny; parts of a million are not. */
const share = fc.oneof(
  fc.double({ min: 0, max: 1, noNaN: true }),
  fc.nat({ max: 1e6 }).map((part) => part / 1e6),
);
const trials = fc.nat({ max: 1e9 });
/** Real counts, as x of n. */
const realPart = fc
  .tuple(fc.oneof(fc.double({ min: 0, max: 1e9, noNaN: true }), trials.map(third)), share)
  .map(([n, part]) => [n * part, n] as const);

function third(count: number): number {
  return count / 3;
}

describe('binomial tails', () => {
  it('agree with scipy', () => {
    for (const { x, n, p, upper, lower } of scipyFixtures().binomial) {
      const [of, bound] = [`${x}, n ${n}, p ${p}`, binomialBound(n)];
      expectAgreement(binomialUpperTail(x, n, p), upper, `P(X >= ${of})`, bound);
      expectAgreement(binomialLowerTail(x, n, p), lower, `P(X <= ${of})`, bound);
    }
  });

  it('of neighbours sum to 1', () => {
    fc.assert(
      fc.property(trials, share, share, (n, part, p) => {
        const x = Math.floor(n * part);
        fc.pre(x < n);
        const sum = binomialLowerTail(x, n, p) + binomialUpperTail(x + 1, n, p);
        expect(sum).to.be.closeTo(1, 1e-12);
      }),
    );
  });

  it('stay probabilities that together are 1 or more, in bounded time, at any real counts', () => {
    fc.assert(
      fc.property(realPart, share, ([x, n], p) => {
        const upper = binomialUpperTail(x, n, p);
        const lower = binomialLowerTail(x, n, p);
        expect(upper).to.be.within(0, 1);
        expect(lower).to.be.within(0, 1);
        expect(upper + lower).to.be.at.least(1 - 1e-9);
      }),
    );
  });

  it('mirror each other when successes and failures change places', () => {
    fc.assert(
      fc.property(
        fc.nat({ max: 1000 }),
        fc.nat({ max: 1000 }),
        fc.nat({ max: 64 }),
        (x, y, of64) => {
          // Of 64ths, so that 1 - p is exact.
          const p = of64 / 64;
          const mirrored = binomialLowerTail(y, x + y, 1 - p);
          expectAgreement(binomialUpperTail(x, x + y, p), mirrored, `${x} of ${x + y}, p ${p}`);
        },
      ),
    );
  });

  it('fall with x and rise with p', () => {
    fc.assert(
      fc.property(realPart, realPart, share, share, ([x, n], [step], p, more) => {
        const further = Math.min(n, x + step);
        const tail = binomialUpperTail(x, n, p) * (1 + 1e-9);
        expect(binomialUpperTail(further, n, p)).to.be.at.most(tail);
        expect(binomialUpperTail(x, n, p * more)).to.be.at.most(tail);
      }),
    );
  });

  for (const [x, n, p, message] of [
    [-1, 4, 0.5, 'x -1 is not within 0 to 4'],
    [5, 4, 0.5, 'x 5 is not within 0 to 4'],
    [NaN, 4, 0.5, 'x NaN is not within 0 to 4'],
    [0, NaN, 0.5, 'NaN trials are not within 0 to 10000000000'],
    [0, Infinity, 0.5, 'Infinity trials are not within 0 to 10000000000'],
    [1, 4, 1.5, 'p 1.5 is not within 0 to 1'],
    [0, 4, NaN, 'p NaN is not within 0 to 1'],
  ] as const) {
    it(`refuse x ${x}, n ${n}, p ${p}`, () => {
      expect(() => binomialUpperTail(x, n, p)).to.throw(RangeError, message);
      expect(() => binomialLowerTail(x, n, p)).to.throw(RangeError, message);
    });
  }
});

describe('clopperPearson', () => {
  const some = fc.integer({ min: 3, max: 1e6 }).map(third);

  it('agrees with scipy', () => {
    for (const { successes, trials, level, low, high } of scipyFixtures().clopperPearson) {
      const of = `${successes} of ${trials} at ${level}`;
      const interval = clopperPearson(successes, trials, level);
      expectAgreement(interval.low, low, `low of ${of}`, binomialBound(trials));
      expectAgreement(interval.high, high, `high of ${of}`, binomialBound(trials));
    }
  });

  it('says nothing of no trials', () => {
    expect(clopperPearson(0, 0, 0.95)).to.deep.equal({ low: 0, high: 1 });
  });

  it('holds the observed share, and ends where the tails are what the level leaves', () => {
    fc.assert(
      fc.property(some, some, fc.constantFrom(0.5, 0.95, 0.999), (x, y, level) => {
        const n = x + y;
        const { low, high } = clopperPearson(x, n, level);
        const tail = (1 - level) / 2;
        expect(x / n).to.be.within(low, high);
        expectAgreement(binomialUpperTail(x, n, low), tail, `upper tail at ${low}`);
        // Looser: next to 1 a double does not hold the share as exactly as that.
        expectAgreement(binomialLowerTail(x, n, high), tail, `lower tail at ${high}`, 1e-6);
      }),
    );
  });

  for (const [successes, trials, level, message] of [
    [2, 1, 0.95, 'successes 2 is not within 0 to 1'],
    [0, 1, 0, 'level 0 is not between 0 and 1'],
    [0, 1, 1, 'level 1 is not between 0 and 1'],
    [0, 1, NaN, 'level NaN is not between 0 and 1'],
  ] as const) {
    it(`refuses ${successes} of ${trials} at ${level}`, () => {
      expect(() => clopperPearson(successes, trials, level)).to.throw(RangeError, message);
    });
  }
});
