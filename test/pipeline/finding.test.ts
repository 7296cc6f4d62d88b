import { expect } from 'chai';
import fc from 'fast-check';
import { findingId, seriesId, type SeriesKey } from '../../pipeline/finding.js';

const KEY: SeriesKey = {
  customer: 'acme',
  filter: 'known-bad-remote',
  subject: '198.51.100.10',
  remote: '203.0.113.7',
  service: '443/tcp',
  indicator: '203.0.113.7',
};
const PARTS = ['customer', 'filter', 'subject', 'remote', 'service', 'indicator'] as const;

describe('finding ids', () => {
  it('are fixed for ever: analysts and ticket systems hold them', () => {
    // Made by another implementation of RFC 9562.
    expect(seriesId(KEY)).to.equal('18724f5a-14c9-5399-82fb-74f134f6024e');
    expect(findingId(seriesId(KEY), Date.UTC(2026, 0, 1))).to.equal(
      '5d1f3087-ccba-57e9-bb62-64cce1bd1491',
    );
  });

  it('do not depend on the order in which a key is written down', () => {
    const turned = Object.fromEntries(Object.entries(KEY).reverse()) as unknown as SeriesKey;
    expect(seriesId(turned)).to.equal(seriesId(KEY));
  });

  for (const part of PARTS) {
    it(`differ by ${part}`, () => {
      expect(seriesId({ ...KEY, [part]: 'other' })).to.not.equal(seriesId(KEY));
    });
  }

  it('differ by window, and are those of version 5', () => {
    const series = seriesId(KEY);
    expect(findingId(series, 0)).to.not.equal(findingId(series, 86_400_000));
    expect(findingId(series, 0)).to.match(
      /^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
    );
  });

  it('are equal for equal keys only: no part can run over into the next', () => {
    const part = fc.string({ unit: fc.constantFrom('a', '"', ',', '\\', ' ', '['), maxLength: 4 });
    const keys = fc
      .tuple(part, part, part, part, part, part)
      .map(
        (values) =>
          Object.fromEntries(PARTS.map((name, i) => [name, values[i]])) as unknown as SeriesKey,
      );
    fc.assert(
      fc.property(keys, keys, (a, b) => {
        const same = PARTS.every((name) => a[name] === b[name]);
        expect(seriesId(a) === seriesId(b)).to.equal(same);
      }),
    );
    const moved = { ...KEY, customer: 'acme,known', filter: '-bad-remote' };
    expect(seriesId(moved)).to.not.equal(
      seriesId({ ...KEY, customer: 'acme', filter: ',known-bad-remote' }),
    );
  });
});
