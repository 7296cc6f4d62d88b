import { createHash } from 'node:crypto';
import { expect } from 'chai';
import { encodeTable } from '../../reference/table-file.js';
import { encodeDay, openDay, SEEN_ERROR } from '../../history/day-file.js';
import { DayState } from '../../history/day-state.js';
import { HistoryError } from '../../history/history-error.js';
import { STRATUM_KINDS } from '../../history/history.js';
import { hashAddress } from '../../history/remote-hash.js';
import { addSeen, hasSeen, seenFilterBytes } from '../../history/seen-filter.js';
import { DAY, stateOf, type DayRow } from './day-batches.js';

const NAME = `${DAY}.day`;

function bytesOf(state: DayState): Buffer {
  return Buffer.concat(encodeDay(DAY, state));
}

function fileOf(rows: readonly DayRow[]): ReturnType<typeof openDay> {
  return openDay(bytesOf(stateOf([{ hour: 0, rows }])), NAME);
}

/** `count` conversations with a network each, `times` each. */
function networks(count: number, times: number, from = 0): DayRow[] {
  return Array.from({ length: count * times }, (_, i) => {
    const network = from + (i % count);
    return { remote: `20.${network >>> 8}.${network & 255}.1`, role: 'server' };
  });
}

describe('a file of a day', () => {
  it('keeps a day without conversations', () => {
    const file = openDay(bytesOf(new DayState()), NAME);
    expect(file.day).to.equal(DAY);
    expect(file.customers).to.deep.equal([]);
    expect(file.customer('acme')).to.equal(undefined);
    expect(file.seen('acme', '203.0.113.7')).to.equal(false);
    expect(file.prevalence('203.0.113.7')).to.equal(undefined);
  });

  it('sorts rows by stratum, sensor and hour', () => {
    const seenBy = [
      ['b', 1, 1],
      ['a', 10, 1],
      ['a', 9, 1],
    ] as const;
    const state = stateOf([
      { hour: 9, rows: [{ seenBy }] },
      { hour: 2, rows: [{ seenBy }] },
    ]);
    const file = openDay(bytesOf(state), NAME);
    expect(file.sensors).to.deep.equal([
      { sensor: 'a', samplingRate: 9 },
      { sensor: 'a', samplingRate: 10 },
      { sensor: 'b', samplingRate: 1 },
    ]);
    const counts = file.customer('acme');
    expect(counts?.strata).to.deep.equal([
      { kind: 'country', value: 'BR' },
      { kind: 'service', value: '443/tcp' },
      { kind: 'category', value: 'c2' },
      { kind: 'category', value: 'tor' },
      { kind: 'network', value: '203.0.113.0/24' },
    ]);
    expect(new Set(counts?.strata.map(({ kind }) => kind))).to.deep.equal(new Set(STRATUM_KINDS));
    const first = [...(counts?.stratum ?? [])].map((stratum, i) => [
      stratum,
      counts?.sensor[i],
      counts?.hour[i],
    ]);
    expect(first.slice(0, 6)).to.deep.equal([
      [0, 0, 2],
      [0, 0, 9],
      [0, 1, 2],
      [0, 1, 9],
      [0, 2, 2],
      [0, 2, 9],
    ]);
  });

  it('knows IPv6 remotes, written in any way, and their /48', () => {
    const file = fileOf([{ remote: '2001:db8:1:2::1' }, { remote: '2001:db8:1:2::2' }]);
    expect(file.seen('acme', '2001:db8:1:2:0:0:0:1')).to.equal(true);
    expect(file.seen('acme', '2001:DB8:1:2::2')).to.equal(true);
    expect(file.seen('acme', '2001:db8:1:2::3')).to.equal(false);
    expect(file.customer('acme')?.strata).to.deep.include({
      kind: 'network',
      value: '2001:db8:1::/48',
    });
    expect(fileOf([{}]).seen('acme', '::ffff:203.0.113.7')).to.equal(true);
    expect(file.seen('acme', 'no address')).to.equal(false);
    expect(file.prevalence('no address')).to.equal(undefined);
  });

  it('leaves out the smallest networks of too many, equal ones together', () => {
    const kept = (file: ReturnType<typeof openDay>): number =>
      file.customer('acme')?.strata.filter(({ kind }) => kind === 'network').length ?? 0;
    const exact = fileOf(networks(2_000, 1));
    expect([kept(exact), exact.customer('acme')?.leftOut]).to.deep.equal([2_000, 0]);
    const equal = fileOf(networks(2_001, 1));
    expect([kept(equal), equal.customer('acme')?.leftOut]).to.deep.equal([0, 1]);
    const mixed = fileOf([...networks(1_500, 3), ...networks(600, 2, 5_000)]);
    expect([kept(mixed), mixed.customer('acme')?.leftOut]).to.deep.equal([1_500, 2]);
  });

  it('keeps how many conversations there were, of each sensor and stratum in all its hours', () => {
    const seenBy = [
      ['a', 1, 1],
      ['b', 1, 1],
    ] as const;
    const state = stateOf([
      { hour: 1, rows: [{ seenBy }, { customerPort: 4_000 }] },
      { hour: 2, rows: [{ seenBy }, { customerPort: 4_001, seenBy: [['a', 1, 1]] }] },
    ]);
    const file = openDay(bytesOf(state), NAME);
    const counts = file.customer('acme');
    const rows = [...(counts?.count ?? [])].map((count, i) => ({
      stratum: counts?.stratum[i],
      sensor: file.sensors[counts?.sensor[i] ?? 0].sensor,
      hour: counts?.hour[i],
      count,
      conversations: counts?.conversations[i],
    }));
    const first = rows.filter(({ stratum }) => stratum === 0);
    expect(first).to.deep.equal([
      { stratum: 0, sensor: 'a', hour: 1, count: 1, conversations: 2 },
      { stratum: 0, sensor: 'a', hour: 2, count: 2, conversations: 2 },
      { stratum: 0, sensor: 'b', hour: 1, count: 1, conversations: 1 },
      { stratum: 0, sensor: 'b', hour: 2, count: 1, conversations: 1 },
      { stratum: 0, sensor: 'edge-1', hour: 1, count: 1, conversations: 1 },
    ]);
  });

  it('counts remotes of special-purpose space in the totals only', () => {
    const file = fileOf([{ remote: '10.0.0.1' }]);
    expect(file.totals[0]).to.equal(1);
    expect(file.customer('acme')?.strata).to.deep.equal([]);
    expect(file.seen('acme', '10.0.0.1')).to.equal(true);
  });

  it('says that a file is damaged, whichever byte it is', () => {
    const bytes = bytesOf(stateOf([{ hour: 0, rows: [{}] }]));
    for (let at = 0; at < bytes.length; at++) {
      bytes[at] ^= 0xff;
      expect(() => openDay(bytes, NAME), `byte ${at}`).to.throw(HistoryError);
      bytes[at] ^= 0xff;
    }
    for (let length = 0; length < bytes.length; length++) {
      expect(() => openDay(bytes.subarray(0, length), NAME)).to.throw(HistoryError);
    }
    expect(() => openDay(bytes.subarray(0, 100), NAME)).to.throw(
      'history 2025-03-03.day (day 2025-03-03): its 100 bytes do not match their checksum: ' +
        'damaged or cut off; remove it or run that day again',
    );
    expect(() => openDay(Buffer.concat([bytes, Buffer.alloc(1)]), NAME)).to.throw(HistoryError);
    expect(openDay(bytes, NAME).conversations).to.equal(1);
  });

  it('refuses what somebody else wrote under a right checksum', () => {
    const sealed = (content: Uint8Array): Buffer =>
      Buffer.concat([content, createHash('sha256').update(content).digest()]);
    const table = (meta: object): Buffer =>
      sealed(Buffer.concat(encodeTable('history-day', meta, {})));
    const cases = [
      [sealed(Buffer.alloc(0)), 'FSREFTB1'],
      [sealed(Buffer.concat(encodeTable('tags', {}, {}))), 'tags'],
      [table({ format: 2 }), 'format 2, this reads 3'],
      [table({ format: 3, day: '../x' }), 'no day'],
      [table({ format: 3, day: DAY }), 'conversations'],
      [table({ format: 3, day: DAY, conversations: 0, sensorsLeftOut: 0 }), 'countedWith'],
    ] as const;
    for (const [bytes, problem] of cases) {
      expect(() => openDay(bytes, NAME)).to.throw(HistoryError, problem);
    }
    const sound = bytesOf(stateOf([{ hour: 0, rows: [{}, { remote: '203.0.113.8' }] }]));
    for (let at = 0; at < sound.length - 32; at++) {
      const bytes = Buffer.from(sound.subarray(0, -32));
      bytes[at] ^= 0x55;
      try {
        const file = openDay(sealed(bytes), NAME);
        for (const customer of file.customers) file.customer(customer);
        file.seen('acme', '203.0.113.7');
        file.prevalence('203.0.113.7');
      } catch (error) {
        expect(error).to.be.instanceOf(HistoryError);
      }
    }
  });

  it('opens bytes at any offset', () => {
    const bytes = bytesOf(stateOf([{ hour: 0, rows: [{}] }]));
    const odd = Buffer.concat([Buffer.alloc(3), bytes]).subarray(3);
    expect(openDay(odd, NAME).customer('acme')).to.deep.equal(
      openDay(bytes, NAME).customer('acme'),
    );
  });
});

describe('the filter of seen remotes', () => {
  it('hashes addresses as the files on disk have them', () => {
    // "test" and "aaaa" with the first seed are published values of MurmurHash3_x86_32.
    const cases = [
      ['116.115.101.116', 0x704b81dc, 0x8ed98642],
      ['97.97.97.97', 0x5a97808a, 0xa7294e11],
      ['203.0.113.7', 0x1dfbbcc3, 0x71f0ecd0],
      ['2001:db8::1', 0x93094018, 0x1fb3ab61],
    ] as const;
    for (const [address, hi, lo] of cases) {
      expect(hashAddress(address)).to.deep.equal({ hi, lo });
    }
  });

  for (const remotes of [1, 20, 102, 103, 1_000, 100_000]) {
    it(`errs below the stated rate with ${remotes} remotes`, () => {
      const asked = 400_000;
      let wrong = 0;
      // Small filters differ from one another: many of them are asked.
      const filters = remotes < 1_000 ? 200 : 4;
      for (let f = 0; f < filters; f++) {
        const filter = new Uint8Array(seenFilterBytes(remotes));
        const hashOf = (i: number): { hi: number; lo: number } =>
          hashAddress(`${20 + (f % 200)}.${(i >>> 16) & 255}.${(i >>> 8) & 255}.${i & 255}`)!;
        for (let i = 0; i < remotes; i++) addSeen(filter, hashOf(i).hi, hashOf(i).lo);
        let missed = 0;
        for (let i = 0; i < remotes; i++) {
          if (!hasSeen(filter, hashOf(i).hi, hashOf(i).lo)) missed++;
        }
        expect(missed).to.equal(0);
        for (let i = 0; i < asked / filters; i++) {
          const { hi, lo } = hashOf(remotes + i);
          if (hasSeen(filter, hi, lo)) wrong++;
        }
      }
      expect(wrong / asked).to.be.below(SEEN_ERROR);
    }).timeout(20_000);
  }

  it('takes 17 bits a remote', () => {
    expect(seenFilterBytes(1_000_000)).to.equal(2_125_000);
    expect(seenFilterBytes(0)).to.equal(256);
  });
});
