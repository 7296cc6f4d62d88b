import { expect } from 'chai';
import { formatDuration, parseDuration } from '../../launch/config/duration.js';

describe('durations', () => {
  const cases = [
    ['30s', 30_000],
    ['5m', 300_000],
    ['1h', 3_600_000],
    ['1d', 86_400_000],
    ['90s', 90_000],
    ['0s', 0],
    ['00s', undefined],
    ['5', undefined],
    ['5 m', undefined],
    ['-5m', undefined],
    ['1.5h', undefined],
    ['1h30m', undefined],
    ['05m', undefined],
    ['5M', undefined],
    ['9999999999s', undefined],
    ['', undefined],
  ] as const;
  for (const [text, ms] of cases) {
    it(`${JSON.stringify(text)} is ${ms ?? 'none'}`, () => {
      expect(parseDuration(text)).to.equal(ms);
    });
  }

  it('are written with the greatest unit that divides them', () => {
    expect([0, 300_000, 90_000, 86_400_000, 3_600_000].map(formatDuration)).to.deep.equal([
      '0s',
      '5m',
      '90s',
      '1d',
      '1h',
    ]);
  });
});
