import { expect } from 'chai';
import fc from 'fast-check';
import { benjaminiHochberg } from '../../statistics/multiple-tests.js';
import { expectAgreement, scipyFixtures } from './scipy-fixtures.js';

const pValues = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 50 });

describe('benjaminiHochberg', () => {
  it('agrees with scipy', () => {
    for (const { pValues, adjusted } of scipyFixtures().benjaminiHochberg) {
      const found = benjaminiHochberg(pValues);
      expect(found.length).to.equal(adjusted.length);
      for (const [i, q] of found.entries()) expectAgreement(q, adjusted[i], `p ${pValues[i]}`);
    }
  });

  it('gives nothing of nothing', () => {
    expect(benjaminiHochberg([])).to.deep.equal([]);
  });

  it('lowers no p value, and keeps their order', () => {
    fc.assert(
      fc.property(pValues, (values) => {
        const adjusted = benjaminiHochberg(values);
        const order = [...values.keys()].sort((a, b) => values[a] - values[b]);
        for (const [rank, i] of order.entries()) {
          expect(adjusted[i]).to.be.within(values[i], 1);
          if (rank > 0) expect(adjusted[i]).to.be.at.least(adjusted[order[rank - 1]]);
        }
      }),
    );
  });

  it('does not depend on the order, and does not change its input', () => {
    fc.assert(
      fc.property(pValues, (values) => {
        const before = [...values];
        const turned = benjaminiHochberg(values.toReversed()).toReversed();
        expect(turned).to.deep.equal(benjaminiHochberg(values));
        expect(values).to.deep.equal(before);
      }),
    );
  });

  for (const wrong of [NaN, -0.1, 1.1]) {
    it(`refuses ${wrong}`, () => {
      const message = `p value 1 is ${wrong}, not within 0 to 1`;
      expect(() => benjaminiHochberg([0.5, wrong])).to.throw(RangeError, message);
    });
  }
});
