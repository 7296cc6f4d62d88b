import { expect } from 'chai';
import fc from 'fast-check';
import { Conversation } from '../../filters/conversation.js';
import { Tally, type TallyJson } from '../../filters/tally.js';
import type { HitCounter } from '../../pipeline/hit.js';
import { fakeBatch, fakeReference, type FakeConversation } from './fixtures.js';

const LARGEST = Number.MAX_SAFE_INTEGER;
const MAX_COUNTERS = 256;
const reference = fakeReference();

/** Of one row. */
function tallyOf(row: FakeConversation): Tally {
  const tally = new Tally();
  tally.add(new Conversation(fakeBatch([row], reference), reference));
  return tally;
}

/** Of rows that may have different sensors. */
function added(rows: readonly FakeConversation[]): Tally {
  const tally = new Tally();
  for (const row of rows) tally.add(new Conversation(fakeBatch([row], reference), reference));
  return tally;
}

function throughJson(tally: Tally): Tally {
  return Tally.restore(JSON.parse(JSON.stringify(tally.save())));
}

function counted(counters: readonly HitCounter[]): Tally {
  return Tally.restore({ ...new Tally().save(), counters });
}

function counter(sensor: string, samplingRate = 1, outPackets = 1): HitCounter {
  return { sensor, samplingRate, outPackets, outBytes: 100, inPackets: 2, inBytes: 200 };
}

/** Names that an object would take for its own, that look like a name with a rate, or are no text. */
const HOSTILE = ['', '__proto__', 'constructor', 'a', 'a\0', 'a\u00000000000001', '\ud800', 'ä 1'];

const count = fc.oneof(fc.nat(1_000), fc.maxSafeNat(), fc.constantFrom(2 ** 53, 2 ** 64, 1e300));

const row = fc.record({
  sensor: fc.oneof(fc.constantFrom(...HOSTILE), fc.string({ maxLength: 3 })),
  samplingRate: fc.constantFrom(0, 1, 2, 10, 4_294_967_295),
  packetsOut: count,
  bytesOut: count,
  packetsIn: count,
  bytesIn: count,
  records: fc.constantFrom(1, 7, 4_294_967_295),
  reason: fc.constantFrom('unknown', 'handshake', 'inventory'),
  firstMs: fc.nat(1e6),
  lastMs: fc.nat(1e6),
} as const);

const rows = fc.array(row, { maxLength: 25 });

describe('tally', () => {
  it('counts rows by sensor and rate', () => {
    const tally = added([
      { sensor: 'b', samplingRate: 10, firstMs: 50, lastMs: 70, reason: 'lowerPort' },
      { sensor: 'a', samplingRate: 100, firstMs: 20, lastMs: 30 },
      { sensor: 'b', samplingRate: 10, packetsOut: 5, bytesOut: 7, packetsIn: 0, bytesIn: 0 },
      { sensor: 'b', samplingRate: 9, firstMs: 60, lastMs: 90_000 },
    ]);
    const { conversations, records, firstMs, lastMs } = tally;
    expect({ conversations, records, firstMs, lastMs }).to.deep.equal({
      conversations: 4,
      records: 12,
      firstMs: 20,
      lastMs: 90_000,
    });
    const usual = { outPackets: 10, outBytes: 1_000, inPackets: 20, inBytes: 9_000 };
    expect(tally.counters).to.deep.equal([
      { sensor: 'a', samplingRate: 100, ...usual },
      { sensor: 'b', samplingRate: 9, ...usual },
      { sensor: 'b', samplingRate: 10, ...usual, outPackets: 15, outBytes: 1_007 },
    ]);
    expect(tally.sensors).to.deep.equal(['a', 'b']);
    expect(tally.samplingRate).to.equal(100);
    expect(tally.traffic).to.deep.equal({
      packetsOut: 10,
      bytesOut: 1_000,
      packetsIn: 20,
      bytesIn: 9_000,
    });
  });

  it('is the same in any order, however it is grouped, through JSON', () => {
    fc.assert(
      fc.property(rows, fc.nat(25), fc.boolean(), (all, at, json) => {
        const whole = added(all).save();
        expect(added([...all].reverse()).save()).to.deep.equal(whole);
        const [left, right] = [added(all.slice(0, at)), added(all.slice(at))];
        const into = json ? throughJson(right) : right;
        into.merge(json ? throughJson(left) : left);
        expect(into.save()).to.deep.equal(whole);
        const one = new Tally();
        for (const each of all) one.merge(tallyOf(each));
        expect(one.save()).to.deep.equal(whole);
      }),
    );
  });

  it('comes back from JSON as it was, and goes on from there', () => {
    fc.assert(
      fc.property(rows, rows, (first, second) => {
        const tally = added(first);
        const restored = throughJson(tally);
        expect(restored.save()).to.deep.equal(tally.save());
        restored.merge(added(second));
        expect(restored.save()).to.deep.equal(added([...first, ...second]).save());
      }),
    );
  });

  it('survives JSON without conversations', () => {
    const restored = throughJson(new Tally());
    expect(restored.firstMs).to.equal(Infinity);
    expect(restored.lastMs).to.equal(-Infinity);
    expect(restored.counters).to.deep.equal([]);
    expect(restored.samplingRate).to.equal(null);
    restored.merge(tallyOf({ firstMs: 5, lastMs: 6 }));
    expect(restored.save()).to.deep.equal(tallyOf({ firstMs: 5, lastMs: 6 }).save());
  });

  it('keeps sensors with hostile names apart', () => {
    const all = HOSTILE.flatMap((sensor) => [counter(sensor, 1), counter(sensor, 0)]);
    const tally = counted([...all, ...all]);
    expect(tally.counters).to.have.length(2 * HOSTILE.length);
    expect(tally.sensors).to.deep.equal([...HOSTILE].sort());
    for (const { outPackets } of tally.counters) expect(outPackets).to.equal(2);
    expect(throughJson(tally).save()).to.deep.equal(tally.save());
  });

  it('keeps the first 256 by name and rate, never the first that come', () => {
    const name = (i: number): string => `s${String(i).padStart(4, '0')}`;
    const all = Array.from({ length: 300 }, (_, i) => [
      counter(name(i), 10, i),
      counter(name(i), 9, i),
    ]).flat();
    const kept = counted(all).counters;
    expect(kept).to.have.length(MAX_COUNTERS);
    expect(kept[0]).to.deep.equal(counter(name(0), 9, 0));
    expect(kept.at(-1)).to.deep.equal(counter(name(127), 10, 127));
    expect(counted([...all].reverse()).counters).to.deep.equal(kept);
    fc.assert(
      fc.property(fc.shuffledSubarray(all, { minLength: all.length }), fc.nat(600), (some, at) => {
        const into = counted(some.slice(at));
        into.merge(throughJson(counted(some.slice(0, at))));
        expect(into.counters).to.deep.equal(kept);
      }),
      { numRuns: 20 },
    );
  });

  it('adds up all that a kept sensor saw, also while others are dropped', () => {
    const crowd = Array.from({ length: 1_000 }, (_, i) => counter(`z${1_000 - i}`));
    const all = crowd.flatMap((one) => [one, counter('a', 1, 3)]);
    expect(counted(all).counters[0]).to.include({ sensor: 'a', outPackets: 3_000 });
  });

  it('stops sums where they would become inexact', () => {
    const tally = added([2 ** 53 - 2, 1, 1, 2 ** 64].map((packetsOut) => ({ packetsOut })));
    expect(tally.counters[0].outPackets).to.equal(LARGEST);
    const most = { ...new Tally().save(), conversations: LARGEST, records: LARGEST };
    const full = Tally.restore(most satisfies TallyJson);
    full.merge(tallyOf({}));
    expect(full.conversations).to.equal(LARGEST);
    expect(full.records).to.equal(LARGEST);
  });

  it('gives copies, which do not grow with it', () => {
    const tally = tallyOf({ packetsOut: 1 });
    const saved = tally.save();
    const { counters } = tally;
    tally.merge(tallyOf({ packetsOut: 1 }));
    expect(saved.counters[0].outPackets).to.equal(1);
    expect(counters[0].outPackets).to.equal(1);
    const restored = Tally.restore(saved);
    restored.merge(tally);
    expect(saved.counters[0].outPackets).to.equal(1);
  });
});
