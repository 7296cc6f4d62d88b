import { expect } from 'chai';
import type { StratumKind } from '../../../history/history.js';
import type { Change } from '../../../filters/volume/changes.js';
import { toldOnce } from '../../../filters/volume/told-once.js';

/** `network:203.0.113.0/24`, expected and seen. */
type Seen = readonly [name: string, expected: number, count: number];

interface Case {
  readonly name: string;
  readonly changes: readonly Seen[];
  /** The lead, then the others. */
  readonly told: readonly (readonly string[])[];
}

const CASES: readonly Case[] = [
  { name: 'nothing', changes: [], told: [] },
  {
    name: 'the network before category, service and country',
    changes: [
      ['country:BR', 10, 110],
      ['service:22/tcp', 10, 112],
      ['category:vendor-x', 0, 95],
      ['network:203.0.113.0/24', 0, 101],
    ],
    told: [['network:203.0.113.0/24', 'service:22/tcp', 'country:BR', 'category:vendor-x']],
  },
  {
    name: 'two changes of different size apart, each with what shows it',
    changes: [
      ['country:BR', 10, 110],
      ['country:CN', 10, 1010],
      ['network:192.0.2.0/24', 0, 1000],
      ['network:203.0.113.0/24', 0, 100],
    ],
    told: [
      ['network:192.0.2.0/24', 'country:CN'],
      ['network:203.0.113.0/24', 'country:BR'],
    ],
  },
  {
    name: 'two of a kind apart, though of one size',
    changes: [
      ['network:192.0.2.0/24', 0, 100],
      ['network:203.0.113.0/24', 0, 100],
    ],
    told: [['network:192.0.2.0/24'], ['network:203.0.113.0/24']],
  },
  {
    name: 'a rise and a fall apart',
    changes: [
      ['network:192.0.2.0/24', 100, 0],
      ['country:BR', 10, 110],
    ],
    told: [['country:BR'], ['network:192.0.2.0/24']],
  },
  {
    name: 'four of a direction as one',
    changes: [
      ['service:1/tcp', 0, 10],
      ['service:2/tcp', 0, 1000],
      ['service:3/tcp', 0, 100],
      ['service:4/tcp', 0, 30],
    ],
    told: [['service:2/tcp', 'service:3/tcp', 'service:4/tcp', 'service:1/tcp']],
  },
  {
    name: 'a threat by itself, whatever else rises',
    changes: [
      ['service:1/tcp', 0, 10],
      ['service:2/tcp', 0, 1000],
      ['service:3/tcp', 0, 100],
      ['service:4/tcp', 0, 30],
      ['category:c2', 0, 55],
    ],
    told: [['category:c2'], ['service:2/tcp', 'service:3/tcp', 'service:4/tcp', 'service:1/tcp']],
  },
  {
    name: 'nothing of a category alone: its list may have changed',
    changes: [['category:c2', 0, 100]],
    told: [],
  },
  {
    name: 'nothing of two categories that only speak for one another',
    changes: [
      ['category:c2', 0, 100],
      ['category:tor', 0, 100],
    ],
    told: [],
  },
  {
    name: 'nothing of a category whose network fell while it rose',
    changes: [
      ['category:c2', 0, 100],
      ['network:203.0.113.0/24', 100, 0],
    ],
    told: [['network:203.0.113.0/24']],
  },
  {
    name: 'nothing of a category that another kind shows less than half of',
    changes: [
      ['category:c2', 0, 101],
      ['network:203.0.113.0/24', 0, 50],
    ],
    told: [['network:203.0.113.0/24']],
  },
  {
    name: 'a category that another kind shows half of',
    changes: [
      ['category:c2', 0, 100],
      ['network:203.0.113.0/24', 0, 50],
    ],
    told: [['category:c2'], ['network:203.0.113.0/24']],
  },
  {
    name: 'a fall of a category with its network',
    changes: [
      ['category:vendor-x', 100, 0],
      ['network:203.0.113.0/24', 100, 0],
    ],
    told: [['network:203.0.113.0/24', 'category:vendor-x']],
  },
  {
    name: 'a threat with what shows it',
    changes: [
      ['network:203.0.113.0/24', 0, 100],
      ['category:c2', 0, 100],
    ],
    told: [['network:203.0.113.0/24', 'category:c2']],
  },
];

describe('told once', () => {
  for (const { name, changes, told } of CASES) {
    it(`tells ${name}`, () => {
      for (const order of [changes, [...changes].reverse()]) {
        const groups = toldOnce(order.map(change));
        expect(
          groups.map(({ lead, others }) => [lead, ...others].map((c) => c.name)),
        ).to.deep.equal(told);
      }
    });
  }
});

function change([name, expected, count]: Seen): Change {
  const at = name.indexOf(':');
  return {
    name,
    stratum: { kind: name.slice(0, at) as StratumKind, value: name.slice(at + 1) },
    change: count > expected ? 'rise' : 'fall',
    count,
    expected,
    baselineCount: expected * 4,
    days: [],
    baselineTotal: 10_000,
    comparison: { pValue: 0.0001, ratio: 10, low: 5, high: 20 },
    dispersion: 1,
    adjusted: 0.001,
    tests: 10,
  };
}
