import { compact, selectedRows } from '../../pipeline/flow-batch.js';
import { expect } from 'chai';
import fc from 'fast-check';
import {
  ACK,
  DESTINATION,
  FIN,
  FLAGS_UNKNOWN,
  GRADE,
  GRADE_NAMES,
  NO_SIDE,
  PSH,
  REASON_NAMES,
  ROLE_NAMES,
  RST,
  SOURCE,
  SYN,
} from '../../pipeline/codes.js';
import {
  decodeConversationBatch,
  encodeConversationBatch,
} from '../../pipeline/conversation-batch.js';
import { decodeFlowBatch, encodeFlowBatch } from '../../pipeline/flow-batch.js';
import { fixedWindowOf } from '../../beam/windows.js';
import { ConversationFold } from '../../transforms/dedupe/conversation-fold.js';
import { Splitter, type Piece } from '../../transforms/dedupe/pieces.js';
import { amongOthers, batchOf, type PlainFlow } from '../pipeline/flow-rows.js';
import {
  dedupeSlowly,
  inOrder,
  joinedRow,
  plainConversations,
  type PlainConversation,
  type Row,
} from './dedupe-oracle.js';

const WINDOW_MS = 300_000;
const T0 = Date.UTC(2026, 0, 1);

interface Cut {
  readonly shards: number;
  /** Rows of a batch. */
  readonly batchRows: number;
  /** Batches between two flushes: bundles, and splits that are full. */
  readonly flushEvery: number;
  /** Whether pieces and results cross the wire. */
  readonly wire: boolean;
  /** Rows of a result batch. */
  readonly resultRows: number;
}

const WHOLE: Cut = {
  shards: 1,
  batchRows: Infinity,
  flushEvery: Infinity,
  wire: false,
  resultRows: 10_000,
};

function piecesOf(family: 4 | 6, rows: readonly Row[], cut: Cut): Piece[] {
  const pieces: Piece[] = [];
  const splitter = new Splitter(WINDOW_MS, cut.shards, (piece) => pieces.push(piece));
  const step = Math.min(cut.batchRows, Math.max(1, rows.length));
  let batches = 0;
  for (let at = 0; at < rows.length; at += step) {
    const batch = batchOf(family, rows.slice(at, at + step));
    // Every other batch as a step that dropped rows would hand it on.
    splitter.add(batches % 2 === 0 ? batch : amongOthers(batch));
    if (++batches % cut.flushEvery === 0) splitter.flush();
  }
  splitter.flush();
  return pieces;
}

/** Splitting, grouping by (window, shard) and folding, as the graph does it. */
function dedupe(
  family: 4 | 6,
  rows: readonly Row[],
  cut: Cut = WHOLE,
  least: number = GRADE.unknown,
): { conversations: PlainConversation[]; repeated: number; grades: number[] } {
  const folds = new Map<string, { fold: ConversationFold; startMs: number }>();
  let repeated = 0;
  for (const { shard, earliestMs, batch } of piecesOf(family, rows, cut)) {
    const { startMs } = fixedWindowOf(earliestMs, WINDOW_MS);
    const key = `${startMs} ${shard}`;
    let entry = folds.get(key);
    if (entry === undefined) {
      entry = { fold: new ConversationFold(family), startMs };
      folds.set(key, entry);
    }
    repeated += entry.fold.add(cut.wire ? decodeFlowBatch(encodeFlowBatch(batch)) : batch);
  }
  const conversations: PlainConversation[] = [];
  const grades = [0, 0, 0, 0, 0];
  for (const { fold, startMs } of folds.values()) {
    const window = { startMs, endMs: startMs + WINDOW_MS };
    const finished = fold.finish(window, '0', { grade: least, reason: 0 }, cut.resultRows);
    finished.grades.forEach((count, grade) => (grades[grade] += count));
    for (const batch of finished.batches) {
      expect(batch.rows).to.be.within(1, cut.resultRows);
      const found = cut.wire ? decodeConversationBatch(encodeConversationBatch(batch)) : batch;
      conversations.push(...plainConversations(found));
    }
  }
  return { conversations: inOrder(conversations), repeated, grades };
}

const flags = fc.oneof(
  fc.constantFrom(FLAGS_UNKNOWN, 0, SYN, SYN | ACK, ACK, ACK | PSH, RST | ACK, SYN | ACK | RST),
  fc.nat(63),
);

const ADDRESSES = {
  4: ['192.0.2.1', '192.0.2.2', '203.0.113.1', '203.0.113.2'],
  6: ['2001:db8:1::1', '2001:db8:1::2:1', '2001:db8:2::1', '2001:db8:2:0:1::1'],
} as const;

/** Records that often meet: few addresses, ports, sensors and times. */
function someRows(family: 4 | 6, maxLength = 60): fc.Arbitrary<Row[]> {
  const [ours1, ours2, theirs1, theirs2] = ADDRESSES[family];
  const row = fc
    .record({
      ours: fc.constantFrom(ours1, ours2),
      theirs: fc.constantFrom(theirs1, theirs2),
      ourPort: fc.constantFrom(443, 50_000, 65_535),
      theirPort: fc.constantFrom(0, 443, 40_000),
      outbound: fc.boolean(),
      customer: fc.constantFrom('c', 'd'),
      sensor: fc.constantFrom('s', 't'),
      samplingRate: fc.constantFrom(0, 1, 1000),
      duration: fc.constantFrom(0, 1000),
      at: fc.oneof(
        fc.constantFrom(0, 1, WINDOW_MS - 1, WINDOW_MS, WINDOW_MS + 1),
        fc.nat(3 * WINDOW_MS),
        fc.nat(1000).map((day) => day * 86_400_000),
      ),
      packets: fc.constantFrom(1, 2, 5),
      bytes: fc.constantFrom(40, 500),
      tcpFlags: flags,
      evidence: fc.constantFrom(0, 0, 0, GRADE.answered, GRADE.strong),
      initiator: fc.constantFrom(NO_SIDE, NO_SIDE, NO_SIDE, SOURCE, DESTINATION),
    })
    .map(({ ours, theirs, ourPort, theirPort, outbound, duration, at, ...rest }) =>
      joinedRow({
        ...rest,
        src: outbound ? ours : theirs,
        dst: outbound ? theirs : ours,
        srcPort: outbound ? ourPort : theirPort,
        dstPort: outbound ? theirPort : ourPort,
        customerSide: outbound ? SOURCE : DESTINATION,
        startMs: T0 + at - duration,
        endMs: T0 + at,
      }),
    );
  return fc.array(row, { maxLength }).chain((rows) => {
    const sound = rows.filter((found) => found !== undefined);
    // Some come again, anywhere.
    return fc
      .shuffledSubarray(sound)
      .chain((again) =>
        fc.shuffledSubarray([...sound, ...again], { minLength: sound.length + again.length }),
      );
  });
}

const cuts: fc.Arbitrary<Cut> = fc.record({
  shards: fc.constantFrom(1, 2, 3, 7, 32, 1000),
  batchRows: fc.integer({ min: 1, max: 40 }),
  flushEvery: fc.integer({ min: 1, max: 10 }),
  wire: fc.boolean(),
  resultRows: fc.integer({ min: 1, max: 5 }),
});

for (const family of [4, 6] as const) {
  describe(`dedupe of IPv${family}`, () => {
    it('agrees with a slow and obvious one, however rows are cut, sharded and ordered', () => {
      fc.assert(
        fc.property(someRows(family), cuts, (rows, cut) => {
          const { conversations, repeated } = dedupe(family, rows, cut);
          const expected = dedupeSlowly(rows, WINDOW_MS);
          expect(conversations).to.deep.equal(expected.conversations);
          expect(repeated).to.equal(expected.repeated);
        }),
        { numRuns: 300 },
      );
    });

    it('gives the same for every record delivered twice', () => {
      fc.assert(
        fc.property(someRows(family), cuts, (rows, cut) => {
          const once = dedupe(family, rows, cut);
          const twice = dedupe(family, [...rows, ...rows], cut);
          expect(twice.conversations).to.deep.equal(once.conversations);
          expect(twice.repeated).to.equal(once.repeated + rows.length);
        }),
      );
    });

    it('gives a conversation to one shard, whole, and pieces that say their window', () => {
      fc.assert(
        fc.property(someRows(family), cuts, (rows, cut) => {
          const shardOf = new Map<string, number>();
          let total = 0;
          for (const { shard, earliestMs, batch } of piecesOf(family, rows, cut)) {
            const { endMs } = compact(batch).columns;
            expect(shard).to.be.within(0, cut.shards - 1);
            expect(earliestMs).to.equal(Math.min(...endMs));
            const { startMs } = fixedWindowOf(earliestMs, WINDOW_MS);
            for (const time of endMs) expect(time).to.be.within(startMs, startMs + WINDOW_MS - 1);
            const fold = new ConversationFold(family);
            fold.add(batch);
            const window = { startMs, endMs: startMs + WINDOW_MS };
            for (const found of fold.finish(window, '0', { grade: 0, reason: 0 }, 1000).batches) {
              for (const { key } of plainConversations(found)) {
                expect(shardOf.get(key) ?? shard, key).to.equal(shard);
                shardOf.set(key, shard);
              }
            }
            total += selectedRows(batch);
          }
          expect(total).to.equal(rows.length);
        }),
      );
    });

    it('leaves out what is no connection, and counts all by grade', () => {
      fc.assert(
        fc.property(someRows(family), cuts, (rows, cut) => {
          const all = dedupe(family, rows, cut);
          const some = dedupe(family, rows, cut, GRADE.medium);
          const strong = all.conversations.filter(({ grade }) => grade >= GRADE.medium);
          expect(some.conversations).to.deep.equal(strong);
          expect(some.grades).to.deep.equal(all.grades);
          all.grades.forEach((count, grade) => {
            const found = all.conversations.filter((one) => one.grade === grade);
            expect(found.length).to.equal(count);
          });
        }),
      );
    });
  });
}

/** The customer's client port 50000 talks to a remote's 443. */
const OUT: PlainFlow = {
  src: '192.0.2.1',
  dst: '203.0.113.1',
  srcPort: 50_000,
  dstPort: 443,
  customerSide: SOURCE,
  startMs: T0 + 1000,
  endMs: T0 + 2000,
};
const IN: PlainFlow = {
  ...OUT,
  src: '203.0.113.1',
  dst: '192.0.2.1',
  srcPort: 443,
  dstPort: 50_000,
  customerSide: DESTINATION,
};

function rowsOf(flows: readonly PlainFlow[]): Row[] {
  return flows.map(joinedRow).filter((row) => row !== undefined);
}

/** Grade, role and reason of the only conversation. */
function only(flows: readonly PlainFlow[]): string {
  const { conversations } = dedupe(4, rowsOf(flows));
  expect(conversations.length).to.equal(1);
  const [{ grade, role, reason }] = conversations;
  return `${GRADE_NAMES[grade]} ${ROLE_NAMES[role]} ${REASON_NAMES[reason]}`;
}

const cases = [
  ['SYN+ACK alone is no connection', [{ ...IN, tcpFlags: SYN | ACK }], 'answered client handshake'],
  [
    'SYN+ACK and an ACK of the other direction are one',
    [
      { ...IN, tcpFlags: SYN | ACK },
      { ...OUT, tcpFlags: SYN | ACK, packets: 3 },
    ],
    'medium client handshake',
  ],
  [
    'SYN and SYN+ACK are none: a scan that was answered',
    [
      { ...OUT, tcpFlags: SYN },
      { ...IN, tcpFlags: SYN | ACK },
    ],
    'answered client handshake',
  ],
  [
    'SYN+ACK twice in the same direction is none',
    [
      { ...IN, tcpFlags: SYN | ACK },
      { ...IN, tcpFlags: SYN | ACK, packets: 2 },
    ],
    'answered client handshake',
  ],
  [
    'SYN+ACK that is reset is none',
    [
      { ...IN, tcpFlags: SYN | ACK },
      { ...OUT, tcpFlags: RST | ACK },
    ],
    'answered client handshake',
  ],
  [
    'SYN refused by RST+ACK is an attempt',
    [
      { ...OUT, tcpFlags: SYN },
      { ...IN, tcpFlags: RST | ACK },
    ],
    'attempt client handshake',
  ],
  [
    'the strongest record counts',
    [
      { ...OUT, tcpFlags: SYN },
      { ...IN, tcpFlags: ACK | PSH },
    ],
    'strong client handshake',
  ],
  [
    'a SYN turns what ports said',
    [
      { ...IN, tcpFlags: ACK | PSH, packets: 5 },
      { ...IN, tcpFlags: SYN, startMs: T0 + 1500 },
    ],
    'strong server handshake',
  ],
  [
    'of two SYNs the earlier decides',
    [
      { ...IN, tcpFlags: SYN, startMs: T0 + 1500 },
      { ...OUT, tcpFlags: SYN, startMs: T0 + 1400 },
    ],
    'attempt client handshake',
  ],
  [
    'the format’s initiator outranks a SYN',
    [
      { ...OUT, tcpFlags: SYN },
      { ...OUT, tcpFlags: ACK | FIN, initiator: DESTINATION, startMs: T0 + 1500 },
    ],
    'strong server initiator',
  ],
  [
    'nothing decides between equal ports',
    [{ ...OUT, srcPort: 500, dstPort: 500, tcpFlags: ACK }],
    'medium unknown unknown',
  ],
] as const;

describe('dedupe', () => {
  for (const [name, flows, expected] of cases) {
    it(name, () => {
      expect(only(flows)).to.equal(expected);
      expect(only([...flows].reverse())).to.equal(expected);
    });
  }

  it('puts a record that ends exactly at a window’s start into that window', () => {
    const ends = [T0 - 1, T0, T0 + WINDOW_MS - 1, T0 + WINDOW_MS];
    const rows = rowsOf(ends.map((endMs) => ({ ...OUT, tcpFlags: ACK, startMs: T0 - 9, endMs })));
    const { conversations } = dedupe(4, rows);
    expect(
      conversations.map(({ windowStartMs, records }) => [windowStartMs - T0, records]),
    ).to.deep.equal([
      [-WINDOW_MS, 1],
      [0, 2],
      [WINDOW_MS, 1],
    ]);
  });

  it('keeps a sensor’s counters apart from another’s, and by sampling rate', () => {
    const rows = rowsOf([
      { ...OUT, tcpFlags: ACK, sensor: 'a', samplingRate: 10, packets: 1, bytes: 50 },
      { ...OUT, tcpFlags: ACK, sensor: 'a', samplingRate: 10, packets: 2, bytes: 90 },
      { ...IN, tcpFlags: ACK, sensor: 'a', samplingRate: 20, packets: 4, bytes: 200 },
      { ...OUT, tcpFlags: ACK, sensor: 'b', samplingRate: 10, packets: 8, bytes: 400 },
    ]);
    const [{ counters, records }] = dedupe(4, rows).conversations;
    expect(counters).to.deep.equal(['a 1/10: 3 140 0 0', 'a 1/20: 0 0 4 200', 'b 1/10: 8 400 0 0']);
    expect(records).to.equal(4);
  });

  it('takes the same record of two sensors for two, and any difference in a column', () => {
    const flow = { ...OUT, tcpFlags: ACK };
    const differences: readonly Partial<PlainFlow>[] = [
      { sensor: 'other' },
      { startMs: T0 + 1001 },
      { endMs: T0 + 2001 },
      { packets: 2 },
      { bytes: 41 },
      { tcpFlags: ACK | PSH },
      { samplingRate: 2 },
      { evidence: GRADE.strong },
      { initiator: SOURCE },
    ];
    for (const difference of differences) {
      const rows = rowsOf([flow, { ...flow, ...difference }, flow]);
      const { conversations, repeated } = dedupe(4, rows);
      expect(conversations[0].records, JSON.stringify(difference)).to.equal(2);
      expect(repeated).to.equal(1);
    }
  });

  it('sees the same conversations through sensors with active time-outs of 1 and 30 minutes', () => {
    // An hour of one connection, and a short one in every ten minutes.
    const minute = 60_000;
    const cutBy = (sensor: string, timeout: number): PlainFlow[] => {
      const records: PlainFlow[] = [];
      for (let from = 0; from < 60; from += timeout) {
        const startMs = T0 + from * minute;
        const endMs = T0 + (from + timeout) * minute - 1;
        records.push({ ...OUT, tcpFlags: ACK | PSH, sensor, startMs, endMs, packets: timeout });
        if (from % 10 === 0 || timeout > 10) {
          for (let at = from; at < from + timeout; at += 10) {
            const begin = T0 + at * minute;
            const short = { srcPort: 50_001 + at, tcpFlags: ACK | FIN, sensor };
            records.push({ ...OUT, ...short, startMs: begin, endMs: begin + 500 });
          }
        }
      }
      return records;
    };
    const fast = cutBy('fast', 1);
    const slow = cutBy('slow', 30);
    const distinct = (flows: readonly PlainFlow[]): string[] =>
      [...new Set(dedupe(4, rowsOf(flows)).conversations.map(({ key }) => key))].sort();
    expect(distinct(fast)).to.deep.equal(distinct(slow));
    expect(distinct([...slow, ...fast, ...slow])).to.deep.equal(distinct(fast));
    const both = dedupe(4, rowsOf([...fast, ...slow, ...fast]));
    expect(both.repeated).to.equal(fast.length);
    const packets = both.conversations
      .flatMap(({ key, counters }) => (key.includes('#50000 ') ? counters : []))
      .reduce<Record<string, number>>((sums, line) => {
        const [sensor, , out] = line.split(' ');
        sums[sensor] = (sums[sensor] ?? 0) + Number(out);
        return sums;
      }, {});
    expect(packets).to.deep.equal({ fast: 60, slow: 60 });
  });

  it('agrees on many rows too, so that its tables grow', () => {
    let state = 1;
    const next = (most: number): number => {
      state = (Math.imul(state, 1103515245) + 12345) >>> 0;
      return (state >>> 8) % most;
    };
    const rows = rowsOf(
      Array.from({ length: 20_000 }, () => ({
        ...(next(2) === 0 ? OUT : IN),
        tcpFlags: next(64),
        packets: 1 + next(3),
        sensor: `s${next(5)}`,
        ...(next(2) === 0 ? {} : { customer: `c${next(50)}` }),
        srcPort: next(100),
        dstPort: next(30),
        endMs: T0 + 2000 + next(4) * WINDOW_MS,
      })),
    );
    const { conversations, repeated } = dedupe(4, rows, { ...WHOLE, shards: 5, batchRows: 3000 });
    const expected = dedupeSlowly(rows, WINDOW_MS);
    expect(repeated).to.equal(expected.repeated);
    expect(conversations).to.deep.equal(expected.conversations);
  });

  it('splits large batches at once and joins small ones first', () => {
    const sizes: number[] = [];
    const splitter = new Splitter(WINDOW_MS, 1, ({ batch }) => sizes.push(selectedRows(batch)));
    const batch = batchOf(
      4,
      rowsOf(Array.from({ length: 10_000 }, () => ({ ...OUT, tcpFlags: ACK }))),
    );
    splitter.add(batch);
    expect(sizes).to.deep.equal([10_000]);
    const one = batchOf(4, rowsOf([{ ...OUT, tcpFlags: ACK }]));
    for (let i = 0; i < 5000; i++) splitter.add(one);
    expect(sizes).to.deep.equal([10_000, 4096]);
    splitter.flush();
    splitter.flush();
    expect(sizes).to.deep.equal([10_000, 4096, 904]);
  });
});
