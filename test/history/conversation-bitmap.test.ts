import { expect } from 'chai';
import {
  BITMAP_WORDS,
  bitsSet,
  conversationBit,
  conversationsOf,
  MOST_BITS,
} from '../../history/conversation-bitmap.js';
import { dayBatch, type DayRow } from './day-batches.js';

function bitsOf(rows: readonly DayRow[]): number[] {
  const batch = dayBatch(rows);
  return rows.map((_, row) => conversationBit(batch, row));
}

/** Bits that are set by conversations of one client with one server. */
function setBy(ports: readonly number[]): number {
  const bitmap = new Uint32Array(BITMAP_WORDS);
  for (const bit of bitsOf(ports.map((customerPort) => ({ customerPort })))) {
    bitmap[bit >>> 5] |= 1 << (bit & 31);
  }
  return bitsSet(bitmap, 0);
}

describe('a bitmap of conversations', () => {
  it('has the bits that files on disk have', () => {
    const rows = [{ customerPort: 50_000 }, { customerPort: 50_001 }, { remotePort: 22 }];
    expect(bitsOf(rows)).to.deep.equal([106, 240, 251]);
    const rows6 = rows.map((row) => ({
      ...row,
      customerAddress: '2001:db8:9::1',
      remote: '2001:db8:1::1',
    }));
    expect(bitsOf(rows6)).to.deep.equal([218, 70, 50]);
  });

  it('counts set bits', () => {
    const words = Uint32Array.of(7, 0xffffffff, 0, 1, 0x80000000, 0, 0, 0x0f0f0f0f, 0xffffffff, 5);
    expect(bitsSet(words, 0)).to.equal(3 + 32 + 1 + 1 + 16 + 32 - 32);
    expect(bitsSet(words, 1)).to.equal(32 + 1 + 1 + 16 + 32);
  });

  it('tells nothing of no bit, nor of nearly all', () => {
    expect([0, 1, 2, 24, 25].map(conversationsOf)).to.deep.equal([NaN, 1, 2, 25, 26]);
    expect(conversationsOf(MOST_BITS)).to.equal(887);
    expect([MOST_BITS + 1, 256].map(conversationsOf)).to.satisfy((told: number[]) =>
      told.every((n) => n !== n),
    );
  });

  for (const conversations of [5, 24, 100, 400, 800]) {
    it(`tells ${conversations} conversations within three standard errors`, () => {
      const load = conversations / 256;
      const error = Math.sqrt(256 * (Math.exp(load) - load - 1));
      let sum = 0;
      const ROUNDS = 60;
      for (let round = 0; round < ROUNDS; round++) {
        const first = 1_000 + round * 1_000;
        const bits = setBy(Array.from({ length: conversations }, (_, i) => first + i));
        // Beyond what is told, the most that is.
        const told = conversationsOf(Math.min(bits, MOST_BITS));
        expect(Math.abs(told - conversations)).to.be.at.most(4 * error + 1);
        sum += told;
      }
      const mean = sum / ROUNDS;
      expect(Math.abs(mean - conversations)).to.be.below(
        (3 * error) / Math.sqrt(ROUNDS) + 1 + error / 8,
      );
    });
  }
});
