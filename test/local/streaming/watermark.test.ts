import { expect } from 'chai';
import fc from 'fast-check';
import { SourceWatermark } from '../../../launch/local/streaming/watermark.js';

const T0 = Date.UTC(2026, 0, 1);
const OPTIONS = { disorderMs: 1000, idleMs: 10_000 };

function started(): SourceWatermark {
  return new SourceWatermark(OPTIONS, T0);
}

describe('watermark of a source', () => {
  it('is nowhere before the first record', () => {
    expect(started().at(T0)).to.equal(-Infinity);
    expect(started().exporters).to.equal(0);
  });

  it('follows the slowest exporter, less the disorder', () => {
    const watermark = started();
    watermark.observe('fast', T0 - 100, T0);
    watermark.observe('slow', T0 - 5000, T0);
    expect(watermark.at(T0)).to.equal(T0 - 6000);
    watermark.observe('slow', T0 - 3000, T0);
    // What comes out of order does not count.
    watermark.observe('slow', T0 - 9000, T0);
    expect(watermark.at(T0)).to.equal(T0 - 4000);
    expect(watermark.exporters).to.equal(2);
  });

  it('waits for no exporter that has been silent for long, until it comes again', () => {
    const watermark = started();
    watermark.observe('slow', T0 - 5000, T0);
    watermark.observe('fast', T0, T0);
    watermark.observe('fast', T0 + 10_000, T0 + 10_000);
    expect(watermark.at(T0 + 10_000)).to.equal(T0 - 6000);
    expect(watermark.at(T0 + 10_001)).to.equal(T0 + 9000);
    expect(watermark.exporters).to.equal(1);
    watermark.observe('slow', T0 - 4000, T0 + 10_002);
    watermark.observe('fast', T0 + 10_500, T0 + 10_500);
    expect(watermark.at(T0 + 10_500)).to.equal(T0 + 9000);
  });

  it('follows the clock where all are silent', () => {
    const watermark = started();
    watermark.observe('a', T0 - 60_000, T0);
    expect(watermark.at(T0 + 10_000)).to.equal(T0 - 61_000);
    expect(watermark.idleAtMs()).to.equal(T0 + 10_001);
    expect(watermark.at(T0 + 10_001)).to.equal(T0 + 9001);
    expect(watermark.at(T0 + 50_000)).to.equal(T0 + 49_000);
  });

  it('follows the clock where nobody has ever come', () => {
    const watermark = started();
    expect(watermark.idleAtMs()).to.equal(T0 + 10_001);
    expect(watermark.at(T0 + 10_000)).to.equal(-Infinity);
    expect(watermark.at(T0 + 10_001)).to.equal(T0 + 9001);
  });

  it('is not moved past the clock by what is dated ahead', () => {
    const watermark = started();
    watermark.observe('a', T0 + 86_400_000, T0);
    expect(watermark.at(T0)).to.equal(T0 - 1000);
    watermark.observe('a', T0, T0 + 500);
    expect(watermark.at(T0 + 500)).to.equal(T0 - 1000);
  });

  it('is held by what waits to be taken up', () => {
    const watermark = started();
    watermark.observe('a', T0, T0);
    expect(watermark.at(T0, T0 - 50_000)).to.equal(T0 - 50_000);
    expect(watermark.at(T0)).to.equal(T0 - 1000);
    expect(watermark.at(T0, T0 - 50_000)).to.equal(T0 - 1000);
    expect(watermark.at(T0 + 60_000, T0 + 5)).to.equal(T0 + 5);
  });

  it('takes the word of its source, and begins where it was committed', () => {
    const watermark = new SourceWatermark(OPTIONS, T0, T0 - 7);
    expect(watermark.at(T0)).to.equal(T0 - 7);
    watermark.advance(T0 + 3);
    watermark.advance(T0 + 1);
    expect(watermark.at(T0)).to.equal(T0 + 3);
    watermark.advance(Infinity);
    expect(watermark.at(T0)).to.equal(Infinity);
  });

  it('holds nothing back for an exporter of which no record came', () => {
    const watermark = started();
    watermark.observe('a', T0 - 100, T0);
    // A batch may name exporters that it has no rows of.
    watermark.observe('named', -Infinity, T0);
    watermark.observe('a', NaN, T0);
    expect(watermark.at(T0)).to.equal(T0 - 1100);
    expect(watermark.exporters).to.equal(1);
    // Nor does being named make a silent one alive.
    watermark.observe('b', T0 + 10_000, T0 + 10_000);
    watermark.observe('a', -Infinity, T0 + 10_001);
    expect(watermark.at(T0 + 10_001)).to.equal(T0 + 9000);
  });

  it('tells 10,000 exporters apart, and of more those that it has', () => {
    const watermark = started();
    for (let i = 0; i < 10_000; i++) watermark.observe(`e${i}`, T0 - i, T0);
    watermark.observe('one more', T0 - 1_000_000, T0);
    expect(watermark.exporters).to.equal(10_000);
    expect(watermark.at(T0)).to.equal(T0 - 9999 - 1000);
    for (let i = 0; i < 10_000; i++) watermark.observe(`e${i}`, T0 + 5000, T0 + 5000);
    expect(watermark.at(T0 + 5000)).to.equal(T0 + 4000);
    expect(watermark.at(T0 + 15_001)).to.equal(T0 + 14_001);
    expect(watermark.exporters).to.equal(0);
    watermark.observe('one more', T0 + 15_001, T0 + 15_001);
    expect(watermark.exporters).to.equal(1);
  });

  it('never goes back and never passes the clock, whatever comes', () => {
    const events = fc.array(
      fc.record({
        exporter: fc.constantFrom('a', 'b', 'c'),
        ageMs: fc.integer({ min: -100_000, max: 100_000 }),
        passesMs: fc.nat(8000),
        heldMs: fc.option(fc.integer({ min: -50_000, max: 50_000 })),
      }),
      { maxLength: 50 },
    );
    fc.assert(
      fc.property(events, (all) => {
        const watermark = started();
        let nowMs = T0;
        let before = -Infinity;
        for (const { exporter, ageMs, passesMs, heldMs } of all) {
          nowMs += passesMs;
          if (ageMs % 3 !== 0) watermark.observe(exporter, nowMs - ageMs, nowMs);
          const at = watermark.at(nowMs, heldMs === null ? Infinity : nowMs + heldMs);
          expect(at).to.be.at.least(before);
          expect(at).to.be.at.most(nowMs);
          before = at;
        }
      }),
    );
  });
});
