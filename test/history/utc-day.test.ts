import { expect } from 'chai';
import { dayOf, dayStartMs, hourOf, isDay } from '../../history/utc-day.js';

describe('UTC days', () => {
  const cases = [
    [0, '1970-01-01', 0],
    [-1, '1969-12-31', 23],
    [Date.UTC(2024, 1, 29, 23, 59, 59, 999), '2024-02-29', 23],
    [Date.UTC(2025, 2, 30, 1, 30), '2025-03-30', 1],
  ] as const;
  for (const [ms, day, hour] of cases) {
    it(`puts ${ms} into hour ${hour} of ${day}`, () => {
      expect([dayOf(ms), hourOf(ms)]).to.deep.equal([day, hour]);
      expect(dayOf(dayStartMs(day))).to.equal(day);
    });
  }

  it('knows what is no day', () => {
    for (const text of ['', '2025-3-3', '2025-02-29', '2025-13-01', '2025-03-03 ', '../../..']) {
      expect(isDay(text), text).to.equal(false);
    }
    for (const ms of [NaN, Infinity, 8.64e15, 1e300]) {
      expect(() => dayOf(ms), String(ms)).to.throw(RangeError, String(ms));
    }
    expect(() => dayStartMs('2025-02-29')).to.throw(
      RangeError,
      'day "2025-02-29", expected one such as 2025-03-03',
    );
  });
});
