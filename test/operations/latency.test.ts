import { expect } from 'chai';
import fc from 'fast-check';
import { LatencyHistogram } from '../../launch/operations/latency.js';

describe('latency histogram', () => {
  it('knows nothing of nothing', () => {
    const latency = new LatencyHistogram();
    expect(latency.count).to.equal(0);
    expect(latency.quantile(0.5)).to.deep.equal(NaN);
  });

  it('gives the one latency that it saw', () => {
    const latency = new LatencyHistogram();
    latency.observe(1234);
    for (const p of [0, 0.5, 1]) expect(latency.quantile(p)).to.equal(1234);
  });

  it('gives quantiles that are at most 2 % off, or a millisecond', () => {
    const milliseconds = fc.double({ min: 0, max: 1e9, noNaN: true });
    fc.assert(
      fc.property(
        fc.array(milliseconds, { minLength: 1, maxLength: 300 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (values, p) => {
          const latency = new LatencyHistogram();
          for (const ms of values) latency.observe(ms);
          const exact = values.toSorted((a, b) => a - b)[
            Math.max(1, Math.ceil(p * values.length)) - 1
          ];
          const error = Math.abs(latency.quantile(p) - exact);
          expect(error).to.be.at.most(Math.max(1, exact * 0.02 * (1 + 1e-9)));
        },
      ),
    );
  });

  const odd = [
    ['a clock set back', -5000, 0],
    ['what never ends', Infinity, 366 * 24 * 3600 * 1000],
  ] as const;
  for (const [what, ms, taken] of odd) {
    it(`takes ${what} for ${taken} ms`, () => {
      const latency = new LatencyHistogram();
      latency.observe(ms);
      expect([latency.count, latency.quantile(1)]).to.deep.equal([1, taken]);
    });
  }

  it('leaves out what is no number', () => {
    const latency = new LatencyHistogram();
    latency.observe(NaN);
    expect(latency.count).to.equal(0);
  });

  it('refuses a quantile outside 0 to 1', () => {
    const latency = new LatencyHistogram();
    for (const p of [-0.1, 1.1, NaN]) {
      expect(() => latency.quantile(p)).to.throw(RangeError, `quantile ${p} is not from 0 to 1`);
    }
  });

  it('tells listeners', () => {
    const latency = new LatencyHistogram();
    const seen: number[] = [];
    latency.onObserve((ms) => seen.push(ms));
    for (const ms of [5, NaN, -1]) latency.observe(ms);
    expect(seen).to.deep.equal([5, 0]);
  });
});
