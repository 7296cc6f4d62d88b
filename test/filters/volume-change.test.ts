import { expect } from 'chai';
import { volumeChange } from '../../filters/volume-change.js';
import type { Evidence, Finding, VolumeEvidence } from '../../pipeline/finding.js';
import type { GroupDetection } from '../../filters/group-filter.js';
import {
  EARLIER,
  JUDGED,
  specifiedHistory,
  type DaySpec,
  type Volumes,
} from './volume/week-counts.js';

/** A day of an ordinary customer. */
const USUAL: Volumes = {
  'country:US': 480,
  'country:DE': 240,
  'country:BR': 48,
  'service:443/tcp': 600,
  'service:22/tcp': 48,
  'category:vendor-x': 72,
  'network:203.0.113.0/24': 48,
  'network:198.51.100.0/24': 240,
};

const NEIGHBOURS = { initech: { 'country:US': 720 }, umbrella: { 'country:DE': 480 } };

const FINE = { sensor: 'fine', samplingRate: 1 } as const;
const EDGE = { sensor: 'edge', samplingRate: 10 } as const;
const EDGE_AT_100 = { sensor: 'edge', samplingRate: 100 } as const;

const usualDay: DaySpec = { customers: { acme: USUAL, ...NEIGHBOURS } };
const fourUsualDays = [usualDay, usualDay, usualDay, usualDay];

/** The usual day with other volumes for some strata of one customer. */
function acmeWith(volumes: Volumes, rest: Partial<DaySpec> = {}): DaySpec {
  return { customers: { acme: { ...USUAL, ...volumes }, ...NEIGHBOURS }, ...rest };
}

function times(volumes: Volumes, factor: number): Volumes {
  return Object.fromEntries(Object.entries(volumes).map(([name, v]) => [name, v * factor]));
}

function everybody(factor: number): DaySpec {
  const customers = Object.entries(usualDay.customers);
  return { customers: Object.fromEntries(customers.map(([id, v]) => [id, times(v, factor)])) };
}

/** Two hours of windows. */
const NEW_NETWORK: Volumes = { 'network:192.0.2.0/24': 24 };
const LASTING = { 'network:192.0.2.0/24': 24 } as const;

/** `{ sensors }` on a usual day. */
function seenBy(sensors: DaySpec['sensors'] & object, lost: DaySpec['lost'] = {}): DaySpec {
  return { ...usualDay, sensors, lost };
}

/** Two sensors run; traffic with Brazil takes the way of one of them. */
function brazilBy(sensor: 0 | 1): DaySpec {
  return {
    ...acmeWith({ 'country:BR': 480 }),
    sensors: [EDGE, FINE],
    onlyAt: { 'country:BR': sensor },
  };
}

interface Case {
  readonly name: string;
  readonly judged: DaySpec;
  readonly earlier?: readonly DaySpec[];
  readonly policy?: Readonly<Record<string, number>>;
  /** `subject indicator severity confidence`, and `+` with the other strata that the evidence names. */
  readonly finds: readonly string[];
  /** `kind subject`. */
  readonly notices?: readonly string[];
}

function run({ judged, earlier = fourUsualDays, policy = {} }: Omit<Case, 'name' | 'finds'>): {
  readonly found: GroupDetection[];
  readonly notices: string[];
  readonly messages: string[];
} {
  const { day, history } = specifiedHistory(judged, earlier);
  const limits = volumeChange.prepare(volumeChange.policy.parse(policy), undefined as never);
  const notices = [...volumeChange.notices(day, history)];
  return {
    found: ['acme', 'initech', 'umbrella'].flatMap((customer) => [
      ...volumeChange.detect(customer, day, history, limits),
    ]),
    notices: notices.map(({ kind, subject }) => `${kind} ${subject}`),
    messages: notices.map(({ message }) => message),
  };
}

function shown({
  customer,
  subject,
  indicator,
  severity,
  confidence,
  evidence,
}: GroupDetection): string {
  const others = volumes(evidence)
    .slice(1)
    .map(({ stratum }) => stratum);
  const head = `${customer} ${subject} ${indicator} ${severity} ${confidence}`;
  return others.length === 0 ? head : `${head} + ${others.join(' ')}`;
}

function volumes(evidence: readonly Evidence[]): VolumeEvidence[] {
  return evidence.filter((entry) => entry.type === 'volume');
}

const CASES: readonly Case[] = [
  { name: 'nothing on a usual day', judged: usualDay, finds: [] },
  {
    name: 'a rise, once though four strata show it',
    judged: acmeWith({
      'country:BR': 48 + 480,
      'service:22/tcp': 48 + 480,
      'network:203.0.113.0/24': 48 + 480,
    }),
    finds: ['acme network:203.0.113.0/24 rise medium high + country:BR service:22/tcp'],
  },
  {
    name: 'a rise of one stratum alone',
    judged: acmeWith({ 'service:22/tcp': 240 }),
    finds: ['acme service:22/tcp rise low high'],
  },
  {
    name: 'a fall, at low severity',
    judged: acmeWith({ 'network:198.51.100.0/24': 2 }),
    finds: ['acme network:198.51.100.0/24 fall low high'],
  },
  {
    name: 'a rise from nothing',
    judged: acmeWith({ 'country:KP': 120 }),
    finds: ['acme country:KP rise medium high'],
  },
  {
    name: 'a fall to nothing',
    judged: acmeWith({ 'country:DE': 0 }),
    finds: ['acme country:DE fall low high'],
  },
  {
    name: 'a rise towards a threat as graver',
    judged: acmeWith({ 'category:c2': 96, 'network:192.0.2.0/24': 96 }),
    finds: ['acme network:192.0.2.0/24 rise high high + category:c2'],
  },
  {
    name: 'a rise towards a threat that is not large',
    judged: acmeWith({ 'category:c2': 240, 'network:203.0.113.0/24': 240 }),
    earlier: fourUsualDays.map(() => acmeWith({ 'category:c2': 48 })),
    finds: ['acme network:203.0.113.0/24 rise medium high + category:c2'],
  },
  {
    name: 'a policy tag as any other',
    judged: acmeWith({ 'category:vendor-x': 360, 'service:22/tcp': 336 }),
    finds: ['acme category:vendor-x rise low high + service:22/tcp'],
  },
  {
    name: 'nothing where an address that all talk to as ever was put on a list',
    judged: acmeWith({ 'category:c2': 240 }),
    finds: [],
  },
  {
    name: 'nothing where it was taken off',
    judged: acmeWith({ 'category:vendor-x': 0 }),
    finds: [],
  },
  {
    name: 'nothing where the feed of countries is another',
    judged: acmeWith({ 'country:KP': 480, 'country:DE': 0 }),
    earlier: fourUsualDays.map((day) => ({ ...day, countedWith: { countryFeed: 'other' } })),
    finds: [],
    notices: ['history-not-comparable volume-change'],
  },
  {
    name: 'nothing where countries were not known before',
    judged: usualDay,
    earlier: fourUsualDays.map(() => ({
      customers: { acme: { ...USUAL, 'country:DE': 0, 'country:BR': 0 }, ...NEIGHBOURS },
      countedWith: { countryFeed: '' },
    })),
    finds: [],
    notices: ['history-not-comparable volume-change'],
  },
  {
    name: 'a rise of a network all the same',
    judged: acmeWith({ 'network:203.0.113.0/24': 480 }),
    earlier: fourUsualDays.map((day) => ({ ...day, countedWith: { countryFeed: 'other' } })),
    finds: ['acme network:203.0.113.0/24 rise medium high'],
    notices: ['history-not-comparable volume-change'],
  },
  {
    name: 'nothing of a category that no list had, though its network rises',
    judged: acmeWith({ 'category:c2': 480, 'network:203.0.113.0/24': 480 }),
    earlier: fourUsualDays.map((day) => ({ ...day, countedWith: { categories: ['vendor-x'] } })),
    finds: ['acme network:203.0.113.0/24 rise medium high'],
    notices: ['history-not-comparable volume-change'],
  },
  {
    name: 'nothing in other conversation windows',
    judged: { ...everybody(5), countedWith: { windowMs: 60_000 } },
    finds: [],
    notices: ['history-not-comparable volume-change', 'history-cold-start volume-change'],
  },
  {
    name: 'what two days in the same windows show, at low confidence',
    judged: acmeWith({ 'country:KP': 500 }),
    earlier: fourUsualDays.map((day, week) =>
      week < 2 ? day : { ...day, countedWith: { windowMs: 60_000 } },
    ),
    finds: ['acme country:KP rise medium low'],
    notices: ['history-not-comparable volume-change'],
  },
  {
    name: 'a country by the days that know it, at their confidence',
    judged: acmeWith({ 'country:KP': 500 }),
    earlier: fourUsualDays.map((day, week) =>
      week < 2 ? day : { ...day, countedWith: { countryFeed: 'other' } },
    ),
    finds: ['acme country:KP rise medium low'],
    notices: ['history-not-comparable volume-change'],
  },
  {
    name: 'nothing of one session that lasts for hours, with a network that was never seen',
    judged: acmeWith(NEW_NETWORK, { lasting: LASTING }),
    finds: [],
  },
  {
    name: 'as many short conversations with it',
    judged: acmeWith(NEW_NETWORK),
    finds: ['acme network:192.0.2.0/24 rise medium medium'],
  },
  {
    name: 'nothing where sessions only grew longer',
    judged: acmeWith({ 'service:22/tcp': 480 }, { lasting: { 'service:22/tcp': 10 } }),
    finds: [],
  },
  {
    name: 'a rise of sessions that only grew shorter in all',
    judged: acmeWith({ 'service:22/tcp': 480 }),
    earlier: fourUsualDays.map(() =>
      acmeWith({ 'service:22/tcp': 480 }, { lasting: { 'service:22/tcp': 10 } }),
    ),
    finds: ['acme service:22/tcp rise medium high'],
  },
  {
    name: 'nothing in windows beside conversations, where one day has too many to tell',
    judged: acmeWith({ 'country:US': 9_600 }, { untold: ['country:US'] }),
    earlier: fourUsualDays.map(() =>
      acmeWith({ 'country:US': 9_600 }, { lasting: { 'country:US': 16 } }),
    ),
    finds: [],
  },
  {
    name: 'a rise in windows on all days, where one has too many conversations to tell',
    judged: acmeWith({ 'country:US': 9_600 }, { untold: ['country:US'] }),
    finds: ['acme country:US rise medium high'],
  },
  { name: 'nothing of too few', judged: acmeWith({ 'country:KP': 4 }), finds: [] },
  {
    name: 'nothing below the ratio, however sure',
    judged: acmeWith({ 'country:US': 900 }),
    finds: [],
  },
  {
    name: 'a smaller ratio where the policy asks for it',
    judged: acmeWith({ 'country:US': 900 }),
    policy: { minRatio: 1.5 },
    finds: ['acme country:US rise low high'],
  },
  {
    name: 'nothing below the number of conversations that the policy asks for',
    judged: acmeWith({ 'service:22/tcp': 240 }),
    policy: { minConversations: 241 },
    finds: [],
  },
  {
    // p = 0.0013, which would do for a single test, but is 0.0102 among eight.
    name: 'nothing that one test of many shows by chance',
    judged: acmeWith({ 'service:22/tcp': 104 }),
    finds: [],
  },
  {
    name: 'that at twice the false discovery rate',
    judged: acmeWith({ 'service:22/tcp': 104 }),
    policy: { falseDiscoveryRate: 0.02 },
    finds: ['acme service:22/tcp rise low medium'],
  },
  {
    name: 'nothing of what varies as much on other days',
    judged: acmeWith({ 'country:BR': 240 }),
    earlier: [8, 230, 4, 200].map((volume) => acmeWith({ 'country:BR': volume })),
    finds: [],
  },
  {
    name: 'nothing of a holiday that all keep',
    judged: everybody(1 / 4),
    finds: [],
  },
  {
    name: 'nothing of a sensor that lost half of all data',
    judged: everybody(1 / 2),
    policy: { minRatio: 1.5 },
    finds: [],
  },
  {
    name: 'nothing of what a neighbour does, and the neighbour',
    judged: { customers: { acme: USUAL, ...NEIGHBOURS, initech: { 'country:US': 72_000 } } },
    finds: ['initech country:US rise medium high'],
  },
  {
    name: 'a customer that falls silent, as one change',
    judged: { customers: { ...NEIGHBOURS } },
    finds: [
      'acme service:443/tcp fall low high + country:US country:DE network:198.51.100.0/24 category:vendor-x ' +
        'country:BR network:203.0.113.0/24 service:22/tcp',
    ],
  },
  {
    name: 'one customer only, one stratum of it',
    judged: { customers: { acme: { ...USUAL, 'service:22/tcp': 480 } } },
    earlier: fourUsualDays.map(() => ({ customers: { acme: USUAL } })),
    finds: ['acme service:22/tcp rise medium high'],
  },
  {
    name: 'nothing of one customer only that changes as a whole: it may be the sensor',
    judged: { customers: { acme: times(USUAL, 1 / 4) } },
    earlier: fourUsualDays.map(() => ({ customers: { acme: USUAL } })),
    finds: [],
  },
  {
    name: 'a sensor that stopped',
    judged: { ...usualDay, sensors: [] },
    finds: [],
    notices: ['sensor-stopped edge'],
  },
  {
    name: 'a sensor that stopped beside one that runs',
    judged: seenBy([FINE]),
    earlier: fourUsualDays.map(() => seenBy([EDGE, FINE])),
    finds: [],
    notices: ['sensor-stopped edge'],
  },
  {
    name: 'a sensor that lost half a day',
    judged: { ...usualDay, lost: { 0: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11] } },
    finds: [],
    notices: ['sensor-gap edge'],
  },
  {
    name: 'earlier days that lost hours',
    judged: usualDay,
    earlier: [
      usualDay,
      { ...usualDay, lost: { 0: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11] } },
      { ...usualDay, lost: { 0: [12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23] } },
      { ...usualDay, lost: { 0: [12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23] } },
    ],
    finds: [],
  },
  {
    name: 'a sensor that changed its rate: one notice instead of two',
    judged: seenBy([EDGE_AT_100]),
    finds: [],
    notices: ['sensor-rate-changed edge'],
  },
  {
    name: 'nothing of traffic that left for another sensor',
    judged: brazilBy(1),
    earlier: fourUsualDays.map(() => brazilBy(0)),
    finds: [],
  },
  {
    name: 'nothing of traffic that came from another sensor',
    judged: brazilBy(0),
    earlier: fourUsualDays.map(() => brazilBy(1)),
    finds: [],
  },
  {
    name: 'a sensor that is new',
    judged: seenBy([EDGE, FINE]),
    finds: [],
    notices: ['sensor-started fine'],
  },
  {
    name: 'no day before',
    judged: acmeWith({ 'country:KP': 500 }),
    earlier: [],
    finds: [],
    notices: ['history-cold-start volume-change'],
  },
  {
    name: 'one day before',
    judged: acmeWith({ 'country:KP': 500 }),
    earlier: [usualDay],
    finds: [],
    notices: ['history-cold-start volume-change'],
  },
  {
    name: 'two days before, at low confidence',
    judged: acmeWith({ 'country:KP': 500 }),
    earlier: [usualDay, usualDay],
    finds: ['acme country:KP rise medium low'],
  },
  {
    name: 'nothing of a customer that is new',
    judged: usualDay,
    earlier: fourUsualDays.map((_, week) => (week === 0 ? usualDay : { customers: NEIGHBOURS })),
    finds: [],
  },
  {
    name: 'nothing where the earlier days may have left out as much',
    judged: acmeWith({ 'network:192.0.2.0/24': 120 }),
    earlier: fourUsualDays.map((day) => ({ ...day, leftOut: { acme: 70 } })),
    finds: [],
  },
  {
    name: 'nothing where the judged day may have left out as much',
    judged: acmeWith({ 'network:198.51.100.0/24': 0 }, { leftOut: { acme: 150 } }),
    finds: [],
  },
  {
    name: 'a country whatever was left out, of which networks and services are',
    judged: acmeWith({ 'country:KP': 120 }),
    earlier: fourUsualDays.map((day) => ({ ...day, leftOut: { acme: 70 } })),
    finds: ['acme country:KP rise medium high'],
  },
];

describe('volume-change', () => {
  for (const { name, finds, notices = [], ...given } of CASES) {
    it(`finds ${name}`, () => {
      const result = run(given);
      expect(result.found.map(shown)).to.deep.equal(finds);
      expect(result.notices).to.deep.equal(notices);
    });
  }

  it('has defaults that are valid', () => {
    expect(volumeChange.policy.parse({})).to.deep.equal({
      minConversations: 5,
      minRatio: 2,
      falseDiscoveryRate: 0.01,
    });
  });

  for (const [setting, value, message] of [
    ['minConversations', 0, 'expected a number of conversations, 1 or above'],
    ['minRatio', 0.5, 'expected a ratio of 1 or above'],
    ['minRatio', 'two', 'expected a ratio of 1 or above'],
    ['falseDiscoveryRate', 0, 'expected a share above 0 and up to 0.5'],
    ['falseDiscoveryRate', 1, 'expected a share above 0 and up to 0.5'],
  ] as const) {
    it(`refuses ${setting} ${value}`, () => {
      const parsed = volumeChange.policy.safeParse({ [setting]: value });
      expect(parsed.error?.issues.map((issue) => issue.message)).to.deep.equal([message]);
    });
  }

  it('describes the policy in force', () => {
    const policy = volumeChange.policy.parse({ minRatio: 3, minConversations: 8 });
    expect(volumeChange.describe(policy)).to.equal(
      'Volume with a country, service, list or network that rose to at least 3 times what is usual ' +
        'for the weekday or fell to 1/3, of at least 8 conversations, at a false discovery rate of 1 % ' +
        'per customer and day.',
    );
  });

  it('says in its evidence what was compared', () => {
    const { found } = run({ judged: acmeWith({ 'service:22/tcp': 240 }) });
    const { pValue, adjusted, dispersion, ratioLow, ratioHigh, ...rest } = volumes(
      found[0].evidence,
    )[0];
    expect(rest).to.deep.equal({
      type: 'volume',
      stratum: 'service:22/tcp',
      change: 'rise',
      count: 240,
      expected: 48,
      baselineCount: 192,
      baselineDays: [...EARLIER].reverse(),
      hours: 24,
      sensor: 'edge',
      samplingRate: 10,
      exposure: 1968,
      baselineExposure: 7872,
      ratio: 5,
      tests: 8,
    });
    expect(pValue).to.be.within(0, adjusted);
    expect(adjusted).to.be.below(0.01);
    expect(dispersion).to.be.at.least(1);
    expect(ratioLow).to.be.within(2, 5);
    expect(ratioHigh).to.be.above(5);
    expect(found[0].evidence.at(-1)).to.deep.equal({
      type: 'history',
      days: 4,
      from: '2025-02-05',
      to: '2025-02-26',
    });
  });

  it('counts conversations in its evidence and its sentence, and windows in the exposure', () => {
    const { found } = run({
      judged: acmeWith({ 'service:22/tcp': 960 }, { lasting: { 'service:22/tcp': 4 } }),
    });
    const [{ count, expected, ratio, exposure }] = volumes(found[0].evidence);
    expect({ count, expected, ratio, exposure }).to.deep.equal({
      count: 240,
      expected: 48,
      ratio: 5,
      exposure: 1968,
    });
    expect(found[0].tally.conversations).to.equal(240);
    expect(volumeChange.summarize({ ...found[0], summary: '' } as unknown as Finding)).to.contain(
      'rose: 240 against 48 expected (5 times what is usual)',
    );
  });

  it('counts the conversations of the hours compared, and says when they were', () => {
    const { found } = run({
      judged: acmeWith({ 'service:22/tcp': 240 }, { lost: { 0: [0, 1, 23] } }),
    });
    expect(found.map(({ service, role }) => [service, role])).to.deep.equal([['22/tcp', 'client']]);
    const { conversations, records, firstMs, lastMs, sensors, samplingRate } = found[0].tally;
    expect({ conversations, records, sensors, samplingRate }).to.deep.equal({
      conversations: 210,
      records: 210,
      sensors: ['edge'],
      samplingRate: 10,
    });
    expect(new Date(firstMs).toISOString()).to.equal(`${JUDGED}T02:00:00.000Z`);
    expect(new Date(lastMs).toISOString()).to.equal(`${JUDGED}T22:59:59.999Z`);
  });

  it('takes the sensor that saw most of the customer, and no other', () => {
    const thin = { customers: { acme: times(USUAL, 1 / 8), ...NEIGHBOURS } };
    const both = (day: DaySpec): DaySpec => ({ ...day, sensors: [EDGE, FINE] });
    const { found } = run({
      judged: both(acmeWith({ 'service:22/tcp': 240 })),
      earlier: fourUsualDays.map(both),
    });
    expect(volumes(found[0].evidence)[0].sensor).to.equal('edge');
    expect(volumes(found[0].evidence)[0].count).to.equal(240);
    expect(run({ judged: thin, earlier: fourUsualDays.map(() => thin) }).found).to.deep.equal([]);
  });

  it('tells more than three changes of one direction as one, but a threat by itself', () => {
    const { found } = run({
      judged: acmeWith({
        'country:KP': 1000,
        'network:192.0.2.0/24': 300,
        'service:4444/tcp': 150,
        'service:8080/tcp': 70,
        'category:c2': 48,
      }),
    });
    expect(found.map(shown)).to.deep.equal([
      'acme category:c2 rise high high',
      'acme country:KP rise medium high + network:192.0.2.0/24 service:4444/tcp service:8080/tcp',
    ]);
  });

  it('gives the same whatever the order of customers, strata and days', () => {
    const judged = acmeWith({ 'service:22/tcp': 240, 'country:KP': 100, 'country:DE': 0 });
    const reversed = (spec: DaySpec): DaySpec => ({
      ...spec,
      customers: Object.fromEntries(
        Object.entries(spec.customers)
          .reverse()
          .map(([id, v]) => [id, Object.fromEntries(Object.entries(v).reverse())]),
      ),
    });
    const one = run({ judged });
    const other = run({ judged: reversed(judged), earlier: fourUsualDays.map(reversed) });
    expect(one.found.length).to.be.above(1);
    expect(JSON.stringify(other.found)).to.equal(JSON.stringify(one.found));
  });

  it('is not led astray by names', () => {
    const { found } = run({
      judged: acmeWith({ 'category:__proto__': 240, 'service:22/tcp': 288 }),
    });
    expect(found.map(({ subject }) => subject)).to.deep.equal(['category:__proto__']);
  });

  for (const [name, given, messages] of [
    [
      'cold start',
      { judged: usualDay, earlier: [usualDay] },
      [
        'no change in volume can be judged on 2025-03-05: of the same weekday in the four weeks before, ' +
          'the history has only 2025-02-26 (1 day, 2 are needed)',
      ],
    ],
    [
      'change of settings',
      {
        judged: { ...usualDay, countedWith: { countryFeed: '', categories: ['c2', 'new', 'old'] } },
        earlier: [
          { ...usualDay, countedWith: { countryFeed: '', categories: ['c2', 'old'] } },
          { ...usualDay, countedWith: { categories: ['gone', 'new', 'c2', 'old'] } },
          { ...usualDay, countedWith: { windowMs: 60_000 } },
          { ...usualDay, countedWith: { windowMs: 60_000 } },
        ],
      },
      [
        'settings or reference data changed; of 2025-03-05 are not compared: ' +
          'everything with 2025-02-12, 2025-02-05 (conversation window 60000 ms, now 300000 ms); ' +
          'categories new with 2025-02-26 (on no list then); ' +
          'countries with 2025-02-19 (country feed countries, now no country feed); ' +
          'categories gone with 2025-02-19 (on no list now)',
      ],
    ],
    [
      'cold start after a change of windows',
      {
        judged: { ...usualDay, countedWith: { windowMs: 60_000 } },
        earlier: [usualDay, usualDay],
      },
      [
        'settings or reference data changed; of 2025-03-05 are not compared: ' +
          'everything with 2025-02-26, 2025-02-19 (conversation window 300000 ms, now 60000 ms)',
        'no change in volume can be judged on 2025-03-05: of the same weekday in the four weeks before, ' +
          'the history has none that can be compared (0 days, 2 are needed)',
      ],
    ],
    [
      'gap',
      { judged: { ...usualDay, lost: { 0: [3, 4, 9] } } },
      [
        'sensor edge (1 in 10) saw nothing in 3 hours (03:00-05:00, 09:00-10:00 UTC), where 246 conversations are usual',
      ],
    ],
    [
      'rate',
      { judged: seenBy([EDGE_AT_100]) },
      [
        'sensor edge changed its sampling rate from 1 in 10 to 1 in 100: its counts are not compared until 2 earlier days have the new rate',
      ],
    ],
    [
      'stop',
      { judged: { ...usualDay, sensors: [] } },
      ['sensor edge (1 in 10) saw nothing, where a usual day has 1968 conversations'],
    ],
    [
      'start',
      { judged: seenBy([EDGE, { sensor: 'new', samplingRate: 0 }]) },
      [
        'sensor new (an unknown sampling rate) is new, with 1968 conversations: its counts are not compared until 2 earlier days have it',
      ],
    ],
  ] as const) {
    it(`says in its notice of a ${name} what is to be known`, () => {
      expect(run(given).messages).to.deep.equal(messages);
    });
  }

  it('tells it in one sentence', () => {
    const { found } = run({
      judged: acmeWith({ 'service:22/tcp': 528, 'network:203.0.113.0/24': 528 }),
    });
    const finding = { ...found[0], summary: '' } as unknown as Finding;
    expect(volumeChange.summarize(finding)).to.equal(
      'Conversations of acme with network:203.0.113.0/24 rose: 528 against 48 expected (11 times what is usual) ' +
        'in 24 hours, by 4 days of the same weekday; 1 other count shows it too.',
    );
  });
});
