import fc from 'fast-check';
import { GRADE, ROLE } from '../../pipeline/codes.js';
import {
  allocateConversations,
  type ConversationBatch,
} from '../../pipeline/conversation-batch.js';
import { DayState } from '../../history/day-state.js';
import { fakeBatch, fakeReference, type FakeConversation } from '../filters/fixtures.js';

export const DAY = '2025-03-03';
export const DAY_START_MS = Date.UTC(2025, 2, 3);
const HOUR_MS = 3_600_000;

/** Name, rate, packets: one counter row each. */
export type Sighting = readonly [sensor: string, samplingRate: number, packets: number];

/** A conversation with all counter rows that it has. */
export interface DayRow extends FakeConversation {
  readonly hour?: number;
  readonly seenBy?: readonly Sighting[];
}

const REMOTES4 = ['203.0.113.7', '203.0.113.8', '198.51.100.99', '192.0.2.1', '10.0.0.1'] as const;
const REMOTES6 = ['2001:db8:1::1', '2001:db8:1:2::1', '2001:db8:2::1', 'fe80::1'] as const;

/** Two kinds of tag on one address, a shared one, countries. */
export const reference = fakeReference({
  tags: {
    '203.0.113.7': [
      ['c2', '203.0.113.7'],
      ['tor', '203.0.113.0/24'],
    ],
    '203.0.113.8': [['shared', '203.0.113.0/24']],
    '2001:db8:1::1': [
      ['shared', '2001:db8::/32'],
      ['c2', '2001:db8:1::1'],
    ],
  },
  countries: { '203.0.113.7': 'BR', '203.0.113.8': 'SE', '2001:db8:2::1': 'SE', '10.0.0.1': 'US' },
});

/** Rows of one family and hour as a batch. */
export function dayBatch(rows: readonly DayRow[], hour = 0): ConversationBatch {
  const windowStartMs = DAY_START_MS + hour * HOUR_MS;
  const plain = fakeBatch(
    rows.map((row) => ({ windowStartMs, ...row })),
    reference,
  );
  const sightings = rows.map(({ seenBy }) => seenBy ?? [['edge-1', 100, 10]]);
  const sensors = [...new Set(sightings.flat().map(([sensor]) => sensor as string))];
  const counterRows = sightings.flat().length;
  const { columns, counters } = allocateConversations(plain.family, rows.length, counterRows);
  for (const [name, column] of Object.entries(columns)) {
    (column as Uint32Array).set(Reflect.get(plain.columns, name) as Uint32Array);
  }
  let at = 0;
  sightings.forEach((seenBy, row) => {
    columns.counterStart[row] = at;
    for (const [sensor, samplingRate, packets] of seenBy) {
      counters.sensor[at] = sensors.indexOf(sensor as string);
      counters.samplingRate[at] = samplingRate as number;
      // Either direction makes it seen.
      (at % 2 === 0 ? counters.outPackets : counters.inPackets)[at] = packets as number;
      at++;
    }
  });
  return { ...plain, counterRows, sensors, columns, counters };
}

/** Rows of a day by batch: one family and hour each. */
export interface DayBatch {
  readonly hour: number;
  readonly rows: readonly DayRow[];
}

const sighting = fc.tuple(
  fc.constantFrom('edge-1', 'edge-2', '__proto__', '\ud800'),
  fc.constantFrom(0, 1, 100),
  fc.constantFrom(0, 1, 7),
) as fc.Arbitrary<Sighting>;

function rowsOf(remotes: readonly string[], clients: readonly string[]): fc.Arbitrary<DayRow> {
  return fc.record({
    customer: fc.constantFrom('acme', 'globex', '__proto__', ''),
    customerAddress: fc.constantFrom(...clients),
    remote: fc.constantFrom(...remotes),
    remotePort: fc.constantFrom(22, 443, 65_535),
    role: fc.constantFrom(...(Object.keys(ROLE) as (keyof typeof ROLE)[])),
    grade: fc.constantFrom(...(Object.keys(GRADE) as (keyof typeof GRADE)[])),
    seenBy: fc.array(sighting, { maxLength: 4 }),
  });
}

const rows4 = rowsOf(
  REMOTES4,
  Array.from({ length: 14 }, (_, i) => `198.51.100.${i}`),
);
const rows6 = rowsOf(
  REMOTES6,
  Array.from({ length: 14 }, (_, i) => `2001:db8:9::${(i + 1).toString(16)}`),
);

/** A day in random batches. */
export const dayBatches: fc.Arbitrary<readonly DayBatch[]> = fc.array(
  fc.record({
    hour: fc.nat(23),
    rows: fc.oneof(
      fc.array(rows4, { minLength: 1, maxLength: 40 }),
      fc.array(rows6, { minLength: 1, maxLength: 40 }),
    ),
  }),
  { maxLength: 8 },
);

export function stateOf(batches: readonly DayBatch[]): DayState {
  const state = new DayState();
  for (const { hour, rows } of batches) state.add(dayBatch(rows, hour), reference);
  return state;
}
