import { expect } from 'chai';
import { comparedDays } from '../../../filters/volume/compared-days.js';
import { matchedCounts, type MatchedCounts } from '../../../filters/volume/matched-counts.js';
import { EARLIER, specifiedHistory, type DaySpec } from './week-counts.js';

const FINE = { sensor: 'fine', samplingRate: 1 } as const;
const EDGE = { sensor: 'edge', samplingRate: 10 } as const;
const EDGE_AT_100 = { sensor: 'edge', samplingRate: 100 } as const;

const MORNING = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];
const EVENING = MORNING.map((hour) => hour + 12);

const usual: DaySpec = {
  customers: { acme: { 'country:US': 240 }, initech: { 'country:US': 240 } },
};

function match(
  judged: DaySpec,
  earlier: readonly DaySpec[],
  customer = 'acme',
): MatchedCounts | undefined {
  const { day, history } = specifiedHistory(judged, earlier);
  return matchedCounts(comparedDays(day, history), customer);
}

interface Case {
  readonly name: string;
  readonly judged: DaySpec;
  readonly earlier: readonly DaySpec[];
  readonly sensor: string;
  /** How many. */
  readonly hours: number;
  readonly days: readonly string[];
  /** Of the judged day and of the baseline, in the hours compared. */
  readonly counts: readonly number[];
}

const [W1, W2, W3, W4] = EARLIER;

const CASES: readonly Case[] = [
  {
    name: 'all hours of four days',
    judged: usual,
    earlier: [usual, usual, usual, usual],
    sensor: 'edge 10',
    hours: 24,
    days: [W4, W3, W2, W1],
    counts: [240, 240, 240, 240, 240],
  },
  {
    name: 'the hours that the judged day has',
    judged: { ...usual, lost: { 0: MORNING } },
    earlier: [usual, usual],
    sensor: 'edge 10',
    hours: 12,
    days: [W2, W1],
    counts: [120, 120, 120],
  },
  {
    name: 'the hours that all days have, where that leaves more',
    judged: usual,
    earlier: [usual, { ...usual, lost: { 0: [3] } }, usual],
    sensor: 'edge 10',
    hours: 23,
    days: [W3, W2, W1],
    counts: [230, 230, 230, 230],
  },
  {
    name: 'fewer days, where that leaves more',
    judged: usual,
    earlier: [usual, { ...usual, lost: { 0: [...MORNING, ...EVENING.slice(0, 8)] } }, usual],
    sensor: 'edge 10',
    hours: 24,
    days: [W3, W1],
    counts: [240, 240, 240],
  },
  {
    name: 'the newer of days that leave as much',
    judged: usual,
    earlier: [
      { ...usual, lost: { 0: MORNING } },
      { ...usual, lost: { 0: MORNING } },
      { ...usual, lost: { 0: EVENING } },
      { ...usual, lost: { 0: EVENING } },
    ],
    sensor: 'edge 10',
    hours: 12,
    days: [W2, W1],
    counts: [120, 120, 120],
  },
  {
    name: 'the first by name and rate of sensors that saw as much',
    judged: { ...usual, sensors: [FINE, EDGE_AT_100, EDGE] },
    earlier: [1, 2].map(() => ({ ...usual, sensors: [EDGE_AT_100, EDGE, FINE] })),
    sensor: 'edge 10',
    hours: 24,
    days: [W2, W1],
    counts: [240, 240, 240],
  },
  {
    name: 'the sensor that saw most on both sides',
    judged: { ...usual, sensors: [EDGE, FINE], lost: { 0: MORNING } },
    earlier: [1, 2].map(() => ({ ...usual, sensors: [EDGE, FINE] })),
    sensor: 'fine 1',
    hours: 24,
    days: [W2, W1],
    counts: [240, 240, 240],
  },
  {
    name: 'the rate that both sides have',
    judged: { ...usual, sensors: [EDGE_AT_100, FINE] },
    earlier: [1, 2].map(() => ({ ...usual, sensors: [EDGE, FINE] })),
    sensor: 'fine 1',
    hours: 24,
    days: [W2, W1],
    counts: [240, 240, 240],
  },
];

describe('matched counts', () => {
  for (const { name, judged, earlier, sensor, hours, days, counts } of CASES) {
    it(`takes ${name}`, () => {
      const matched = match(judged, earlier);
      expect(`${matched?.sensor.sensor} ${matched?.sensor.samplingRate}`).to.equal(sensor);
      expect(matched?.hours.length).to.equal(hours);
      expect(matched?.days).to.deep.equal(days);
      const [us] = matched?.strata ?? [];
      expect([us.count, ...us.baseline]).to.deep.equal(counts);
      // The neighbour has as many as the customer.
      expect([matched?.total, ...us.baselineTotals]).to.deep.equal(
        counts.map((count) => count * 2),
      );
    });
  }

  for (const [name, judged, earlier, customer] of [
    ['one day', usual, [usual], 'acme'],
    ['no sensor in common', usual, [1, 2].map(() => ({ ...usual, sensors: [FINE] })), 'acme'],
    [
      'no hour in common',
      { ...usual, lost: { 0: MORNING } },
      [1, 2].map(() => ({ ...usual, lost: { 0: EVENING } })),
      'acme',
    ],
    ['nobody of that name', usual, [usual, usual], 'umbrella'],
  ] as const) {
    it(`has nothing to compare with ${name}`, () => {
      expect(match(judged, earlier, customer)).to.equal(undefined);
    });
  }

  for (const [name, earlier, days] of [
    ['all days of one feed', [{}, {}, {}], { BR: [W3, W2, W1], c2: [W3, W2, W1] }],
    [
      'days of another feed',
      [{}, { countryFeed: 'other' }, {}],
      { BR: [W3, W1], c2: [W3, W2, W1] },
    ],
    ['days without a feed', [{ countryFeed: '' }, { countryFeed: '' }, {}], { c2: [W3, W2, W1] }],
    ['days with several', [{ countryFeed: null }, {}, {}], { BR: [W3, W2], c2: [W3, W2, W1] }],
    [
      'days without the category',
      [{ categories: ['tor'] }, {}, {}],
      { BR: [W3, W2, W1], c2: [W3, W2] },
    ],
    ['days without all', [{ categories: [] }, { categories: [] }, {}], { BR: [W3, W2, W1] }],
  ] as const) {
    it(`compares countries and categories with ${name}`, () => {
      const day: DaySpec = { customers: { acme: { 'country:BR': 48, 'category:c2': 24 } } };
      const matched = match(
        day,
        earlier.map((countedWith) => ({ ...day, countedWith })),
      );
      const found = matched?.strata.map(({ stratum, days }) => [stratum.value, days]) ?? [];
      expect(Object.fromEntries(found)).to.deep.equal(days);
      for (const { baseline, baselineTotals, baselineWindows, days } of matched?.strata ?? []) {
        const lengths = [baseline, baselineTotals, baselineWindows].map(({ length }) => length);
        expect(lengths).to.deep.equal([days.length, days.length, days.length]);
      }
    });
  }

  it('leaves out days of other windows', () => {
    const minutes = { ...usual, countedWith: { windowMs: 60_000 } };
    expect(match(usual, [usual, minutes, usual])?.days).to.deep.equal([W3, W1]);
    expect(match(minutes, [usual, usual])).to.equal(undefined);
    const mixed = { ...usual, countedWith: { windowMs: null } };
    expect(match(mixed, [mixed, mixed])).to.equal(undefined);
  });

  it('adds to networks and services that a day has not kept what it may have left out', () => {
    const kept: DaySpec = {
      customers: { acme: { 'country:US': 240, 'country:BR': 24, 'network:192.0.2.0/24': 24 } },
    };
    const matched = match(kept, [{ ...usual, leftOut: { acme: 7 } }, kept]);
    expect(
      matched?.strata.map(({ name, baseline, baselineAtMost }) => [name, baseline, baselineAtMost]),
    ).to.deep.equal([
      ['country:BR', [24, 0], [24, 0]],
      ['country:US', [240, 240], [240, 240]],
      ['network:192.0.2.0/24', [24, 0], [24, 7]],
    ]);
  });

  for (const [name, judged, windows, counts] of [
    ['once', { ...usual, lasting: { 'country:US': 24 } }, 240, [10, 10]],
    [
      'once, in the hours compared',
      { ...usual, lasting: { 'country:US': 24 }, lost: { 0: MORNING } },
      120,
      [5, 5],
    ],
    [
      'once, were it in the smallest part',
      { ...usual, lasting: { 'country:US': 480 } },
      240,
      [1, 1],
    ],
    [
      'no more often than in windows',
      { ...usual, lasting: { 'country:US': 0.1 } },
      240,
      [240, 240],
    ],
    [
      'once a window, where there are too many to tell',
      { ...usual, untold: ['country:US'] },
      240,
      [240, 240],
    ],
  ] as const) {
    it(`counts a conversation ${name}`, () => {
      const [us] = match(judged, [judged, judged])?.strata ?? [];
      expect([us.windows, us.count, us.baseline[0]]).to.deep.equal([windows, ...counts]);
      expect(us.baselineWindows).to.deep.equal([windows, windows]);
    });
  }

  it('counts windows on all days, where one has too many conversations to tell', () => {
    const long = { ...usual, lasting: { 'country:US': 24 } };
    const [us] = match(long, [{ ...usual, untold: ['country:US'] }, long])?.strata ?? [];
    expect([us.count, ...us.baseline]).to.deep.equal([240, 240, 240]);
  });

  it('shows what other sensors saw of a stratum, in their own hours', () => {
    const day: DaySpec = { ...usual, sensors: [EDGE, FINE], lost: { 1: MORNING } };
    const matched = match(day, [day, day]);
    expect(matched?.elsewhere(matched.strata[0])).to.deep.equal([{ count: 120, expected: 120 }]);
  });
});
