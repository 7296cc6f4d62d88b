import { expect } from 'chai';
import fc from 'fast-check';
import { encodeDay, openDay } from '../../history/day-file.js';
import { DayState, MAX_CLIENTS } from '../../history/day-state.js';
import { encodeTables, type DayTables } from '../../history/day-tables.js';
import { fakeReference } from '../filters/fixtures.js';
import { refusesTruncations, sliceAtOddOffset } from '../pipeline/hostile-bytes.js';
import {
  DAY,
  DAY_START_MS,
  dayBatch,
  dayBatches,
  reference,
  stateOf,
  type DayRow,
} from './day-batches.js';
import { countsOf, PlainDay, totalsOf } from './plain-day.js';

function bytesOf(state: DayState): Buffer {
  return Buffer.concat(encodeDay(DAY, state));
}

describe('DayState', () => {
  it('counts what plain maps count, in the file that is made of it', () => {
    fc.assert(
      fc.property(dayBatches, (batches) => {
        const plain = new PlainDay(batches);
        const file = openDay(bytesOf(stateOf(batches)), `${DAY}.day`);
        expect(file.conversations).to.equal(plain.conversations);
        expect(totalsOf(file)).to.deep.equal(plain.totals);
        expect(file.customers).to.deep.equal([...plain.counts.keys()].sort());
        for (const [customer, counts] of plain.counts) {
          expect(countsOf(file, customer)).to.deep.equal(counts);
          expect(file.customer(customer)?.leftOut).to.equal(0);
          for (const remote of plain.remotes.get(customer) ?? []) {
            expect(file.seen(customer, remote), `${customer} ${remote}`).to.equal(true);
          }
        }
        for (const [remote, customers] of plain.customersOf) {
          const clients = plain.clientsOf.get(remote)?.size ?? 0;
          const prevalent = customers.size >= 2 || clients >= 10;
          expect(file.prevalence(remote), remote).to.deep.equal(
            prevalent ? { customers: customers.size, clients, days: 0 } : undefined,
          );
        }
      }),
      { numRuns: 200 },
    );
  });

  it('comes to the same file in any order and grouping, over bytes or not', () => {
    const shuffled = dayBatches.chain((batches) =>
      fc.tuple(
        fc.constant(batches),
        fc.shuffledSubarray([...batches], { minLength: batches.length }),
        fc.array(fc.nat(3), { minLength: 8, maxLength: 8 }),
        fc.boolean(),
      ),
    );
    fc.assert(
      fc.property(shuffled, ([batches, other, groupOf, overBytes]) => {
        const groups = [0, 1, 2, 3].map((group) =>
          stateOf(other.filter((_, i) => groupOf[i] === group)),
        );
        const [first, ...rest] = groups.map((state) =>
          overBytes ? DayState.restore(sliceAtOddOffset(state.save())) : state,
        );
        for (const state of rest) first.merge(state);
        expect(bytesOf(first).equals(bytesOf(stateOf(batches)))).to.equal(true);
      }),
      { numRuns: 200 },
    );
  });

  it('stops counting clients, and merges to the same all the same', () => {
    const rows: DayRow[] = Array.from({ length: 1_300 }, (_, i) => ({
      customerAddress: `198.18.${i >>> 8}.${i & 255}`,
    }));
    const parts = [rows.slice(0, 700), rows.slice(500, 1_250), rows.slice(1_200)];
    const states = parts.map((part) => stateOf([{ hour: 1, rows: part }]));
    const upwards = new DayState();
    for (const state of states) upwards.merge(state);
    const downwards = new DayState();
    for (const state of states.reverse()) downwards.merge(state);
    expect(bytesOf(upwards).equals(bytesOf(downwards))).to.equal(true);
    const file = openDay(bytesOf(upwards), 'x');
    expect(file.prevalence('203.0.113.7')?.clients).to.equal(MAX_CLIENTS);
    expect(upwards.tables().contacts.length / 2).to.equal(MAX_CLIENTS);
  });

  it('adds clients of a remote over customers, up to the same bound', () => {
    const rows: DayRow[] = Array.from({ length: 1_400 }, (_, i) => ({
      customer: i % 2 === 0 ? 'acme' : 'globex',
      customerAddress: `198.18.${i >>> 8}.${i & 255}`,
    }));
    const file = openDay(bytesOf(stateOf([{ hour: 0, rows }])), 'x');
    expect(file.prevalence('203.0.113.7')).to.deep.equal({ customers: 2, clients: 1_000, days: 0 });
  });

  for (const [name, others, busy] of [
    ['busy by clients of five of ten customers', 5, 1],
    ['not busy by four, whatever servers of others it reaches', 6, 0],
  ] as const) {
    it(`calls a day ${name}`, () => {
      const rows: DayRow[] = Array.from({ length: 20 }, (_, i) => ({
        customer: `c${i % 10}`,
        customerAddress: `198.51.100.${i}`,
        role: i % 10 < others ? 'server' : 'client',
      }));
      const more: DayRow[] = Array.from({ length: 20 }, (_, i) => ({
        customer: 'c9',
        customerAddress: `198.18.0.${i}`,
      }));
      const file = openDay(bytesOf(stateOf([{ hour: 0, rows: [...rows, ...more] }])), 'x');
      expect(file.prevalence('203.0.113.7')?.days).to.equal(busy);
      expect(file.prevalence('203.0.113.7')?.customers).to.equal(10);
    });
  }

  it('keeps what it was counted with, and of two what both were', () => {
    const others = fakeReference({ tags: { '203.0.113.7': [['c2', '203.0.113.7']] } });
    const geoless = { ...others, countries: { ...others.countries, feed: '' } };
    const of = (known: typeof others, windowEndMs?: number): DayState => {
      // Neither snapshot knows anything of it.
      const batch = dayBatch([{ remote: '192.0.2.1' }]);
      if (windowEndMs !== undefined) batch.columns.windowEndMs.fill(windowEndMs);
      const state = new DayState();
      state.add(batch, known);
      return state;
    };
    const minute = DAY_START_MS + 60_000;
    for (const [states, expected] of [
      [[of(reference)], [300_000, 'geo', ['c2', 'tor']]],
      [
        [of(reference), of(others)],
        [300_000, 'geo', ['c2']],
      ],
      [
        [of(others), of(geoless)],
        [300_000, null, ['c2']],
      ],
      [
        [of(others), of(geoless), of(geoless)],
        [300_000, null, ['c2']],
      ],
      [[of(geoless)], [300_000, '', ['c2']]],
      [
        [of(others, minute), of(others)],
        [null, 'geo', ['c2']],
      ],
      [
        [of(others, minute), of(others, minute), new DayState()],
        [60_000, 'geo', ['c2']],
      ],
      [[of(others, NaN)], [null, 'geo', ['c2']]],
      [[new DayState()], [null, null, []]],
    ] as const) {
      for (const order of [states, [...states].reverse()]) {
        const merged = new DayState();
        for (const state of order) merged.merge(DayState.restore(state.save()));
        const { countedWith } = openDay(bytesOf(merged), 'x');
        const { windowMs, countryFeed, categories } = countedWith;
        expect([windowMs, countryFeed, categories]).to.deep.equal(expected);
      }
    }
  });

  it('knows its sensors at their rates', () => {
    const seenBy = [
      ['b', 10, 1],
      ['a', 1, 1],
      ['b', 1, 1],
    ] as const;
    const { sensors } = stateOf([{ hour: 0, rows: [{ seenBy }] }]);
    expect(sensors.map(({ sensor, samplingRate }) => `${sensor} ${samplingRate}`)).to.deep.equal([
      'b 10',
      'a 1',
      'b 1',
    ]);
  });

  it('counts a conversation once a sensor and rate, however many counter rows it has', () => {
    const seenBy = [
      ['edge-1', 100, 1],
      ['edge-1', 100, 1],
      ['edge-1', 10, 1],
      ['edge-2', 100, 0],
    ] as const;
    const file = openDay(bytesOf(stateOf([{ hour: 5, rows: [{ seenBy }] }])), 'x');
    expect([...totalsOf(file)]).to.deep.equal([
      ['edge-1 10 5', 1],
      ['edge-1 100 5', 1],
    ]);
  });

  it('tells one session of hours from as many conversations, merged in any order', () => {
    const session = Array.from({ length: 24 }, (_, hour) => ({ hour, rows: [{}] }));
    const brief = session.map(({ hour }) => ({ hour, rows: [{ customerPort: 50_000 + hour }] }));
    for (const [batches, low, high] of [
      [session, 1, 1],
      [brief, 22, 26],
      [[...session, ...brief], 23, 27],
    ] as const) {
      const states = batches.map((batch) => stateOf([batch]));
      const upwards = new DayState();
      for (const state of states) upwards.merge(state);
      const downwards = new DayState();
      for (const state of [...states].reverse()) downwards.merge(DayState.restore(state.save()));
      expect(bytesOf(downwards).equals(bytesOf(upwards))).to.equal(true);
      const counts = openDay(bytesOf(upwards), 'x').customer('acme');
      const told = new Set(counts?.conversations);
      expect(told.size).to.equal(1);
      expect([...told][0]).to.be.within(low, high);
    }
  });

  it('tells conversations by ends and protocol, of each sensor those that it saw', () => {
    const at = (sensor: string, row: DayRow): DayRow => ({ ...row, seenBy: [[sensor, 1, 1]] });
    const rows = [
      at('a', {}),
      at('a', { customerPort: 4_000 }),
      at('a', { customerAddress: '198.51.100.77' }),
      at('a', { remote: '203.0.113.200' }),
      at('b', { customerPort: 4_000 }),
    ];
    const counts = openDay(bytesOf(stateOf([{ hour: 0, rows }])), 'x').customer('acme');
    const network = counts?.strata.findIndex(({ kind }) => kind === 'network');
    const told = [...(counts?.conversations ?? [])].filter(
      (_, i) => counts?.stratum[i] === network,
    );
    expect(told).to.deep.equal([4, 1]);
  });

  it('says that there are too many conversations to tell, however many there are', () => {
    const rows: DayRow[] = Array.from({ length: 20_000 }, (_, i) => ({ customerPort: i }));
    const counts = openDay(bytesOf(stateOf([{ hour: 0, rows }])), 'x').customer('acme');
    expect(counts?.count[0]).to.equal(20_000);
    expect([...new Set(counts?.conversations)]).to.deep.equal([NaN]);
  });

  it('is not slowed by a conversation with a sampling rate a record', () => {
    const seenBy = Array.from({ length: 50_000 }, (_, i) => ['edge-1', i + 1, 1] as const);
    const file = openDay(bytesOf(stateOf([{ hour: 0, rows: [{ seenBy }] }])), 'x');
    expect(file.sensors).to.have.length(4_096);
    expect(file.sensorsLeftOut).to.equal(50_000 - 4_096);
  }).timeout(5_000);

  it('takes the hour from the window, to the last of the day', () => {
    const state = new DayState();
    state.add(dayBatch([{ windowStartMs: DAY_START_MS + 86_400_000 - 1 }]), reference);
    const file = openDay(bytesOf(state), 'x');
    expect([...totalsOf(file).keys()]).to.deep.equal(['edge-1 100 23']);
    expect(state.day).to.equal(DAY);
  });

  it('refuses another day and another snapshot', () => {
    const state = stateOf([{ hour: 0, rows: [{}] }]);
    const tomorrow = dayBatch([{}], 24);
    expect(() => state.add(tomorrow, reference)).to.throw(
      RangeError,
      'a conversation of 2025-03-04 came to the state of 2025-03-03',
    );
    const next = new DayState();
    next.add(tomorrow, reference);
    expect(() => state.merge(next)).to.throw(RangeError, '2025-03-04');
    expect(() => encodeDay(DAY, next)).to.throw(RangeError, '2025-03-04');
    expect(() => encodeDay('2025-02-30', new DayState())).to.throw(RangeError, '2025-02-30');
    const other = { ...dayBatch([{}]), referenceVersion: 'snapshot-2' };
    expect(() => state.add(other, reference)).to.throw('snapshot-2');
    const timeless = dayBatch([{ windowStartMs: NaN }]);
    expect(() => new DayState().add(timeless, reference)).to.throw(RangeError, 'NaN');
  });

  for (const [name, change, problem] of [
    ['a series of no customer', ({ series }) => ({ series: series.with(0, 9) }), 'series: index 9'],
    ['a series of no sensor', ({ series }) => ({ series: series.with(1, 9) }), 'series: index 9'],
    ['a series of no stratum', ({ series }) => ({ series: series.fill(0, 2) }), 'stratum 0'],
    ['a count of no series', ({ cells }) => ({ cells: cells.with(0, 99) }), 'cells: index 99'],
    ['a count of no hour', ({ cells }) => ({ cells: cells.with(1, 24) }), 'cells: index 24'],
    [
      'a window that is none',
      () => ({ countedWith: { windowMs: -1, countryFeed: '', categories: [] } }),
      'countedWith: windowMs',
    ],
    [
      'a feed that is none',
      () => ({ countedWith: { windowMs: 1, countryFeed: 7 as never, categories: [] } }),
      'countedWith: countryFeed',
    ],
    [
      'categories that are none',
      () => ({ countedWith: { windowMs: 1, countryFeed: '', categories: [7 as never] } }),
      'countedWith: categories',
    ],
    [
      'a count that is none',
      ({ counts }) => ({ counts: counts.with(0, -0.5) }),
      'counts: value -0.5',
    ],
  ] as const satisfies readonly (readonly [
    string,
    (tables: DayTables) => Partial<DayTables>,
    string,
  ])[]) {
    it(`refuses ${name}`, () => {
      const tables = stateOf([{ hour: 3, rows: [{}] }]).tables();
      const bytes = encodeTables({ ...tables, ...change(tables) });
      expect(() => DayState.restore(bytes)).to.throw(RangeError, problem);
    });
  }

  it('tells nothing of counts whose bitmap is empty, and no fewer bits than a merge has', () => {
    const state = stateOf([{ hour: 3, rows: [{}] }]);
    const tables = state.tables();
    const bitmaps = new Uint32Array(tables.bitmaps.length);
    const empty = DayState.restore(encodeTables({ ...tables, bitmaps }));
    const told = openDay(bytesOf(empty), 'x').customer('acme')?.conversations;
    expect([...new Set(told)]).to.deep.equal([NaN]);
    empty.merge(state);
    const merged = openDay(bytesOf(empty), 'x').customer('acme');
    expect([...new Set(merged?.conversations)]).to.deep.equal([1]);
    expect(merged?.count[0]).to.equal(2);
  });

  it('refuses bytes that are cut off', () => {
    refusesTruncations(
      (bytes) => DayState.restore(bytes),
      stateOf([{ hour: 0, rows: [{}] }]).save(),
    );
  });

  it('refuses bytes with any bit flipped, or reads a state as sound as any', () => {
    const rows: DayRow[] = [{}, { customer: 'globex', remote: '203.0.113.8', role: 'server' }];
    const bytes = stateOf([{ hour: 3, rows }]).save();
    let read = 0;
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      bytes[bit >>> 3] ^= 1 << (bit & 7);
      try {
        const state = DayState.restore(bytes);
        const file = openDay(Buffer.concat(encodeDay(state.day ?? DAY, state)), 'x');
        for (const customer of file.customers) file.customer(customer);
        read++;
      } catch (error) {
        expect(error).to.be.instanceOf(RangeError);
      }
      bytes[bit >>> 3] ^= 1 << (bit & 7);
    }
    expect(read).to.be.greaterThan(0);
  }).timeout(60_000);
});
