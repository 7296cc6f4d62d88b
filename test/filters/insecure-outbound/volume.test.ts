import { expect } from 'chai';
import { bytesText } from '../../../filters/bytes-text.js';
import { Conversation } from '../../../filters/conversation.js';
import { addCounts, volumeOf, type Volume } from '../../../filters/insecure-outbound/volume.js';
import { fakeBatch, fakeReference } from '../fixtures.js';

const reference = fakeReference();

interface Seen {
  readonly packetsOut: number;
  readonly bytesOut: number;
  readonly samplingRate: number;
}

/** What several sensors saw of one conversation. */
function seenBy(sensors: readonly Seen[]): Volume {
  const batch = fakeBatch(sensors, reference);
  // One row that owns the counters of all.
  const conversation = new Conversation({ ...batch, rows: 1 }, reference);
  return volumeOf(conversation, 'out');
}

describe('insecure-service-outbound: volume of a conversation', () => {
  for (const { name, sensors, volume } of [
    {
      name: 'one sensor, scaled',
      sensors: [{ packetsOut: 10, bytesOut: 1_000, samplingRate: 100 }],
      volume: { bytes: 100_000, packets: 10 },
    },
    {
      name: 'an unknown rate',
      sensors: [{ packetsOut: 10, bytesOut: 1_000, samplingRate: 0 }],
      volume: { bytes: 1_000, packets: 10 },
    },
    {
      name: 'of several sensors the one that saw most packets, never their sum',
      sensors: [
        { packetsOut: 10, bytesOut: 9_000, samplingRate: 10 },
        { packetsOut: 2, bytesOut: 1_000, samplingRate: 100 },
        { packetsOut: 120, bytesOut: 20_000, samplingRate: 1 },
      ],
      volume: { bytes: 100_000, packets: 2 },
    },
    {
      name: 'of two that saw as much the greater bytes',
      sensors: [
        { packetsOut: 10, bytesOut: 9_000, samplingRate: 10 },
        { packetsOut: 100, bytesOut: 80_000, samplingRate: 1 },
      ],
      volume: { bytes: 90_000, packets: 10 },
    },
    {
      name: 'of two that saw the same the one with more packets as exported',
      sensors: [
        { packetsOut: 10, bytesOut: 9_000, samplingRate: 10 },
        { packetsOut: 100, bytesOut: 90_000, samplingRate: 1 },
      ],
      volume: { bytes: 90_000, packets: 100 },
    },
    {
      name: 'counts that nobody can have',
      sensors: [{ packetsOut: 2 ** 64, bytesOut: 2 ** 64, samplingRate: 4_000_000_000 }],
      volume: { bytes: Number.MAX_SAFE_INTEGER, packets: Number.MAX_SAFE_INTEGER },
    },
  ] as const) {
    it(name, () => {
      expect(seenBy(sensors)).to.deep.equal(volume);
      expect(seenBy([...sensors].reverse())).to.deep.equal(volume);
    });
  }

  it('sums stop where they would become inexact', () => {
    expect(addCounts(Number.MAX_SAFE_INTEGER - 2, 1)).to.equal(Number.MAX_SAFE_INTEGER - 1);
    expect(addCounts(Number.MAX_SAFE_INTEGER, 7)).to.equal(Number.MAX_SAFE_INTEGER);
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
