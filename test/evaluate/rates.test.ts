import { expect } from 'chai';
import { DEFAULT_RATES, parseRates } from '../../launch/evaluate/rates.js';

describe('parseRates', () => {
  it('reads the default back', () => {
    expect(parseRates(DEFAULT_RATES.join(','))).to.deep.equal(DEFAULT_RATES);
  });

  it('sorts, and takes each once', () => {
    expect(parseRates('1000, 1,10,1')).to.deep.equal([1, 10, 1000]);
  });

  const wrong = ['', '0', '1,', '-1', '1.5', '1e3', 'one', '4294967296', ' ', '٣'] as const;
  for (const text of wrong) {
    it(`${JSON.stringify(text)} is none`, () => {
      expect(() => parseRates(text)).to.throw(/expected whole numbers from 1 to 4294967295/);
    });
  }

  it('takes no more than a curve can show', () => {
    const many = Array.from({ length: 33 }, (_, i) => i + 1).join(',');
    expect(() => parseRates(many)).to.throw('expected at most 32 rates, got 33');
  });
});
