import { expect } from 'chai';
import { Random, shuffle } from '../../launch/generate/random.js';

const BINOMIALS = [
  { n: 1, p: 0.1 },
  { n: 10, p: 0.5 },
  { n: 100, p: 0.001 },
  { n: 1_000, p: 0.1 },
  { n: 1_000_000, p: 0.001 },
  { n: 50_000, p: 0.9 },
  { n: 2_000_000_000, p: 0.000001 },
] as const;

describe('Random', () => {
  it('gives the same numbers for a seed and stream, others for another', () => {
    const draw = (seed: number, stream: number): readonly number[] => {
      const random = new Random(seed, stream);
      return Array.from({ length: 8 }, () => random.next());
    };
    expect(draw(1, 2)).to.deep.equal(draw(1, 2));
    expect(draw(1, 2)).to.not.deep.equal(draw(2, 2));
    expect(draw(1, 2)).to.not.deep.equal(draw(1, 3));
    expect(draw(2 ** 32 + 1, 2)).to.not.deep.equal(draw(1, 2));
  });

  for (const { n, p } of BINOMIALS) {
    it(`draws binomials of ${n} trials at ${p} with the right mean and variance`, () => {
      const random = new Random(5, n);
      const draws = 20_000;
      let sum = 0;
      let squares = 0;
      for (let i = 0; i < draws; i++) {
        const k = random.binomial(n, p);
        expect(Number.isInteger(k) && k >= 0 && k <= n).to.equal(true);
        sum += k - n * p;
        squares += (k - n * p) ** 2;
      }
      const variance = n * p * (1 - p);
      // Five standard errors: the seed is fixed, so this holds or does not.
      expect(Math.abs(sum / draws)).to.be.below(5 * Math.sqrt(variance / draws));
      const kurtosis = 3 + 1 / variance;
      expect(Math.abs(squares / draws - variance)).to.be.below(
        5 * variance * Math.sqrt(kurtosis / draws),
      );
    });
  }

  it('answers the corners of a binomial', () => {
    const random = new Random(1);
    expect(random.binomial(0, 0.5)).to.equal(0);
    expect(random.binomial(7, 0)).to.equal(0);
    expect(random.binomial(7, 1)).to.equal(7);
  });

  it('shuffles in place without losing any', () => {
    const items = Array.from({ length: 100 }, (_, i) => i);
    const shuffled = shuffle([...items], new Random(3));
    expect(shuffled).to.not.deep.equal(items);
    expect(shuffled.toSorted((a, b) => a - b)).to.deep.equal(items);
  });
});
