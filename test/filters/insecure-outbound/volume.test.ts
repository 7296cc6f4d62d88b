import { expect } from 'chai';
import fc from 'fast-check';
import { bytesText } from '../../../filters/bytes-text.js';
import { Conversation } from '../../../filters/conversation.js';
import {
  addBySensor,
  bytesBothWays,
  mostSeen,
  sentBySensor,
  sentVolume,
  type SensorVolume,
} from '../../../filters/insecure-outbound/volume.js';
import { Tally } from '../../../filters/tally.js';
import { fakeBatch, fakeReference } from '../fixtures.js';

const reference = fakeReference();
const LARGEST = Number.MAX_SAFE_INTEGER;

describe('insecure-service-outbound: volume by sensor', () => {
  for (const { name, seen, volume } of [
    { name: 'nothing', seen: [], volume: { bytes: 0, packets: 0 } },
    {
      name: 'one sensor, scaled',
      seen: [['a', 100, 10, 1_000]],
      volume: { bytes: 100_000, packets: 10 },
    },
    {
      name: 'an unknown rate',
      seen: [['a', 0, 10, 1_000]],
      volume: { bytes: 1_000, packets: 10 },
    },
    {
      name: 'of several sensors the one that saw most packets, never their sum',
      seen: [
        ['a', 10, 10, 9_000],
        ['b', 100, 20, 1_000],
        ['c', 1, 120, 20_000],
      ],
      volume: { bytes: 100_000, packets: 20 },
    },
    {
      name: 'not by fewer than ten packets, where another saw ten',
      seen: [
        ['a', 1, 10, 9_000],
        ['b', 1_000_000, 9, 13_500],
      ],
      volume: { bytes: 9_000, packets: 10 },
    },
    {
      name: 'by fewer than ten packets, where nobody saw more: one that counts rather than one that guesses',
      seen: [
        ['a', 1, 9, 9_000],
        ['b', 1_000, 1, 1_500],
      ],
      volume: { bytes: 9_000, packets: 9 },
    },
    {
      name: 'of two that saw as much the finer rate',
      seen: [
        ['a', 10, 10, 9_000],
        ['b', 1, 100, 80_000],
      ],
      volume: { bytes: 80_000, packets: 100 },
    },
    {
      name: 'of two that saw as much at the same rate the greater bytes',
      seen: [
        ['b', 10, 10, 8_000],
        ['a', 10, 10, 9_000],
      ],
      volume: { bytes: 90_000, packets: 10 },
    },
    {
      name: 'counts that nobody can have',
      seen: [['a', 4_000_000_000, LARGEST, LARGEST]],
      volume: { bytes: LARGEST, packets: LARGEST },
    },
  ] as const) {
    it(name, () => {
      expect(mostSeen(seen)).to.deep.equal(volume);
      expect(mostSeen([...seen].reverse())).to.deep.equal(volume);
    });
  }

  it('is read from a row without sensors that saw nothing', () => {
    const rows = [
      { packetsOut: 2 ** 64, bytesOut: 2 ** 64 },
      { packetsOut: 0, bytesOut: 0, samplingRate: 7 },
      { packetsOut: 3, bytesOut: 180, samplingRate: 0 },
    ];
    // One row that owns the counters of all.
    const batch = { ...fakeBatch(rows, reference), rows: 1 };
    const [sensor] = batch.sensors;
    expect(sentBySensor(new Conversation(batch, reference))).to.deep.equal([
      [sensor, 100, LARGEST, LARGEST],
      [sensor, 0, 3, 180],
    ]);
  });

  it('is added within a sensor and rate, by the finest rate and name', () => {
    const a: readonly SensorVolume[] = [
      ['__proto__', 1, 1, 10],
      ['b', 10, 2, 20],
    ];
    const b: readonly SensorVolume[] = [
      ['b', 10, 3, 30],
      ['b', 1, 4, 40],
    ];
    const sum = [
      ['__proto__', 1, 1, 10],
      ['b', 1, 4, 40],
      ['b', 10, 5, 50],
    ];
    expect(addBySensor(a, b)).to.deep.equal(sum);
    expect(addBySensor(b, a)).to.deep.equal(sum);
    expect(addBySensor(a, b, 2)).to.deep.equal(sum.slice(0, 2));
    expect(a[1]).to.deep.equal(['b', 10, 2, 20]);
  });

  it('is cut to the same in any order and grouping, whatever records claim', () => {
    const one = fc.tuple(
      fc.constantFrom('a', 'b', 'c', 'd', '__proto__', ''),
      fc.constantFrom(0, 1, 10, 4_294_967_295),
      fc.oneof(fc.nat(), fc.maxSafeNat()),
      fc.oneof(fc.nat(), fc.maxSafeNat()),
    );
    fc.assert(
      fc.property(fc.array(one, { maxLength: 40 }), fc.nat(40), fc.nat(7), (all, at, limit) => {
        const add = (list: readonly SensorVolume[]): readonly SensorVolume[] =>
          list.reduce<readonly SensorVolume[]>((sum, v) => addBySensor(sum, [v], limit), []);
        const whole = add(all);
        expect(add([...all].reverse())).to.deep.equal(whole);
        const halves = addBySensor(add(all.slice(at)), add(all.slice(0, at)), limit);
        expect(halves).to.deep.equal(whole);
        expect(whole.length).to.be.at.most(limit);
      }),
    );
  });

  it('of a tally is chosen for each direction', () => {
    const counter = { outPackets: 100, outBytes: 10_000, inPackets: 0, inBytes: 0 };
    const tally = Tally.restore({
      ...new Tally().save(),
      counters: [
        { sensor: 'a', samplingRate: 1, ...counter },
        { sensor: 'b', samplingRate: 10, ...counter, outPackets: 9, inPackets: 20, inBytes: 500 },
      ],
    });
    expect(sentVolume(tally)).to.deep.equal({ bytes: 10_000, packets: 100 });
    expect(bytesBothWays(tally)).to.equal(15_000);
    expect(bytesBothWays(new Tally())).to.equal(0);
  });

  for (const [bytes, text] of [
    [0, '0 bytes'],
    [999, '999 bytes'],
    [1_000, '1 kB'],
    [999_499, '999 kB'],
    [999_600, '1 MB'],
    [1_234_567_890, '1.23 GB'],
    [Number.MAX_SAFE_INTEGER, '9.01 PB'],
    [5e18, '5000 PB'],
  ] as const) {
    it(`writes ${bytes} bytes as ${text}`, () => {
      expect(bytesText(bytes)).to.equal(text);
    });
  }
});
