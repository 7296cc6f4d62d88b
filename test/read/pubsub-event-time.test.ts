import { expect } from 'chai';
import { eventTimeMs } from '../../transforms/read/live/pubsub/event-time.js';

const CASES = [
  ['0', 0],
  ['1446162101123', 1446162101123],
  ['2015-10-29T23:41:41.123Z', 1446162101123],
  ['2015-10-29T23:41:41.123999Z', 1446162101123],
  ['2015-10-29T23:41:41.1Z', 1446162101100],
  ['2015-10-29t23:41:41z', 1446162101000],
  ['2015-10-30T00:41:41+01:00', 1446162101000],
  ['2015-10-29T18:11:41-05:30', 1446162101000],
  ['2016-12-31T23:59:60Z', Date.UTC(2017, 0, 1)],
  ['2024-02-29T00:00:00Z', Date.UTC(2024, 1, 29)],
  ['', undefined],
  [' 1', undefined],
  ['-1', undefined],
  ['1.5', undefined],
  ['1e3', undefined],
  ['0x10', undefined],
  ['NaN', undefined],
  ['Infinity', undefined],
  ['9'.repeat(15), undefined],
  ['9'.repeat(400), undefined],
  ['2015-10-29', undefined],
  ['2015-10-29T23:41:41', undefined],
  ['2015-10-29 23:41:41Z', undefined],
  ['2015-13-01T00:00:00Z', undefined],
  ['2015-00-01T00:00:00Z', undefined],
  ['2023-02-29T00:00:00Z', undefined],
  ['2015-10-29T24:00:00Z', undefined],
  ['2015-10-29T23:60:00Z', undefined],
  ['2015-10-29T23:41:61Z', undefined],
  ['2015-10-29T23:41:41+24:00', undefined],
  ['1969-12-31T23:59:59Z', undefined],
  ['Thu, 29 Oct 2015 23:41:41 GMT', undefined],
] as const;

describe('event time of an attribute', () => {
  for (const [attribute, ms] of CASES) {
    it(`${JSON.stringify(attribute.slice(0, 40))} -> ${String(ms)}`, () => {
      expect(eventTimeMs(attribute)).to.equal(ms);
    });
  }
});
