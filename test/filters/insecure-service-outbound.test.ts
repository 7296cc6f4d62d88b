import { expect } from 'chai';
import type { GroupDetection } from '../../filters/group-filter.js';
import { GroupTable } from '../../filters/group-table.js';
import { insecureServiceOutbound } from '../../filters/insecure-service-outbound.js';
import { planFilters, preparePolicies } from '../../filters/policies.js';
import type { History } from '../../history/history.js';
import type { Evidence, ScoreEvidence, ScorePart } from '../../pipeline/finding.js';
import { fakeBatch, fakeFinding, fakeReference, type FakeConversation } from './fixtures.js';
import { DAY_START, detectGroups, type GroupRun } from './group-harness.js';

const ID = insecureServiceOutbound.id;
const MINUTE = 60_000;
const WINDOW = 5 * MINUTE;

const SUSPECT = '198.51.100.10';
const PEERS = Array.from({ length: 8 }, (_, i) => `198.51.100.${20 + i}`);
const STRANGER = '203.0.113.7';
const FAMILIAR = '203.0.113.8';
const POPULAR = '203.0.113.9';

const reference = fakeReference({
  services: {
    [`${SUSPECT}:23`]: ['telnet', 'router'],
    [`${SUSPECT}:21`]: ['ftp'],
    [`${SUSPECT}:80`]: ['web'],
    ...Object.fromEntries(PEERS.map((address) => [`${address}:23`, ['telnet']])),
    '198.51.100.40:443': ['web'],
    '198.51.100.41:443': ['self-signed'],
    '198.51.100.42:3306': ['exposed-database'],
    '198.51.100.43:9000': ['house-tag'],
    '198.51.100.44:9000': ['constructor'],
    '[2001:db8:1::10]:23': ['telnet'],
  },
});

interface Known {
  readonly days?: number;
  readonly seen?: readonly (readonly [customer: string, remote: string])[];
  /** Customers by remote. */
  readonly common?: readonly (readonly [remote: string, customers: number])[];
}

function fakeHistory({ days = 28, seen = [], common = [] }: Known = {}): History {
  const known = new Set(seen.map((pair) => pair.join(' ')));
  const customers = new Map(common);
  const first = DAY_START - days * 86_400_000;
  return {
    days: Array.from({ length: days }, (_, i) =>
      new Date(first + i * 86_400_000).toISOString().slice(0, 10),
    ),
    seen: (customer, remote) => known.has(`${customer} ${remote}`),
    prevalence: (remote) => {
      const count = customers.get(remote);
      return count === undefined ? undefined : { customers: count, clients: 50, days: 3 };
    },
    counts: () => undefined,
    candidates: () => [],
  };
}

const history = fakeHistory({
  seen: [
    ['acme', FAMILIAR],
    ['umbrella', STRANGER],
  ],
  common: [
    [POPULAR, 3],
    ['203.0.113.10', 2],
  ],
});

/** `bytes` (scaled by 100) from an address as client. */
function sends(bytes: number, given: FakeConversation = {}): FakeConversation {
  return {
    customerAddress: SUSPECT,
    remote: STRANGER,
    bytesOut: bytes / 100,
    packetsOut: Math.max(1, bytes / 100_000),
    windowStartMs: DAY_START,
    ...given,
  };
}

/** Peers that send about a megabyte each, as every day. */
const quietPeers = PEERS.map((customerAddress, i) =>
  sends(1_000_000 + i * 100_000, { customerAddress, remote: FAMILIAR }),
);
const GB = 1_000_000_000;

/** One connection from outside to the telnet service: a row a window, with `bytes` (scaled by 100) in each. */
function session(
  windows: readonly number[],
  given: FakeConversation = {},
  bytes = 2_000,
): FakeConversation[] {
  const each = bytes / 2 / 100;
  return windows.map((window) => ({
    customerAddress: SUSPECT,
    customerPort: 23,
    remote: STRANGER,
    remotePort: 41_000,
    role: 'server',
    reason: 'inventory',
    bytesOut: each,
    bytesIn: each,
    windowStartMs: DAY_START + window * WINDOW,
    firstMs: DAY_START + window * WINDOW,
    lastMs: DAY_START + (window + 1) * WINDOW - 1_000,
    ...given,
  }));
}

const range = (from: number, count: number): number[] =>
  Array.from({ length: count }, (_, i) => from + i);

interface Run {
  /** null = none is kept. */
  readonly history?: History | null;
  readonly config?: { readonly filters?: unknown; readonly policies?: unknown };
}

/** Runs the filter over several cuts, which must come to the same. */
function detected(rows: readonly FakeConversation[], given: Run = {}): GroupDetection[] {
  const { history: past = history, config = {} } = given;
  const run: GroupRun = { reference, config, ...(past === null ? {} : { history: past }) };
  const found = detectGroups(insecureServiceOutbound, rows, run);
  for (const cut of [1, 2, 7, 23]) {
    const again = detectGroups(insecureServiceOutbound, rows, { ...run, cut });
    expect(plain(again), `cut ${cut}`).to.deep.equal(plain(found));
  }
  return found;
}

/** Without classes. */
function plain(found: readonly GroupDetection[]): unknown {
  return found.map(({ tally, ...rest }) => ({
    ...rest,
    tally: { ...tally.save(), counters: tally.counters },
  }));
}

/** Customer, subject, indicator, severity and confidence. */
function brief(found: readonly GroupDetection[]): string[] {
  return found.map(({ customer, subject, indicator, severity, confidence, remoteAddress }) =>
    [customer, subject, remoteAddress ?? '-', indicator, severity, confidence].join(' '),
  );
}

function scoreIn(evidence: readonly Evidence[]): ScoreEvidence {
  return evidence.find((entry) => entry.type === 'score')!;
}

function part({ evidence }: GroupDetection, name: string): ScorePart {
  return scoreIn(evidence).parts.find((one) => one.name === name)!;
}

const FIRES = [`acme ${SUSPECT} - outbound:23/tcp high medium`];

describe('insecure-service-outbound', () => {
  describe('outbound', () => {
    const cases: readonly {
      readonly name: string;
      readonly rows: readonly FakeConversation[];
      readonly run?: Run;
      readonly fires: readonly string[];
    }[] = [
      { name: 'all three hold', rows: [...quietPeers, sends(2 * GB)], fires: FIRES },
      {
        name: 'a secure service',
        rows: [...quietPeers, sends(2 * GB, { customerAddress: '198.51.100.40' })],
        fires: [],
      },
      {
        name: 'no service at all',
        rows: [...quietPeers, sends(2 * GB, { customerAddress: '198.51.100.99' })],
        fires: [],
      },
      {
        name: 'exactly the floor',
        rows: [...quietPeers, sends(100_000_000)],
        fires: [`acme ${SUSPECT} - outbound:23/tcp high medium`],
      },
      { name: 'a byte short of the floor', rows: [...quietPeers, sends(99_999_900)], fires: [] },
      {
        name: 'above the floor, but as its kind',
        rows: [
          ...PEERS.map((customerAddress, i) =>
            sends(150_000_000 + i * 30_000_000, { customerAddress, remote: FAMILIAR }),
          ),
          sends(400_000_000),
        ],
        fires: [],
      },
      {
        name: 'what goes to a remote the customer knows',
        rows: [...quietPeers, sends(2 * GB, { remote: FAMILIAR })],
        fires: [],
      },
      {
        name: 'most to a known remote, too little to a strange one',
        rows: [...quietPeers, sends(2 * GB, { remote: FAMILIAR }), sends(50_000_000)],
        fires: [],
      },
      {
        name: 'a busy host with a new neighbour: to strangers no more than others of its kind send',
        rows: [
          ...PEERS.map((customerAddress) =>
            sends(100_000_000, { customerAddress, remote: FAMILIAR }),
          ),
          sends(900 * GB, { remote: FAMILIAR }),
          sends(400_000_000),
        ],
        fires: [],
      },
      {
        name: 'a remote another customer knows is strange to this one, and the other way round',
        rows: [
          ...quietPeers,
          sends(2 * GB),
          sends(2 * GB, { customer: 'umbrella', customerAddress: '198.51.100.20' }),
        ],
        fires: FIRES,
      },
      {
        name: 'a remote that three customers talk to',
        rows: [...quietPeers, sends(2 * GB, { remote: POPULAR })],
        fires: [],
      },
      {
        name: 'a remote that two customers talk to',
        rows: [...quietPeers, sends(2 * GB, { remote: '203.0.113.10' })],
        fires: FIRES,
      },
      {
        name: 'a remote that many share',
        rows: [...quietPeers, sends(2 * GB, { shared: true })],
        fires: [],
      },
      {
        name: 'a private remote',
        rows: [...quietPeers, sends(2 * GB, { remote: '10.1.2.3' })],
        fires: [],
      },
      {
        name: 'an unknown side',
        rows: [...quietPeers, sends(2 * GB, { role: 'unknown' })],
        fires: [],
      },
      {
        name: 'what the insecure service itself answered',
        rows: [...quietPeers, sends(2 * GB, { role: 'server', customerPort: 23 })],
        fires: [],
      },
      {
        name: 'what came in',
        rows: [...quietPeers, sends(1_000, { bytesIn: 2 * GB })],
        fires: [],
      },
      { name: 'attempts', rows: [...quietPeers, sends(2 * GB, { grade: 'attempt' })], fires: [] },
      {
        name: 'a weak guess at the client',
        rows: [...quietPeers, sends(2 * GB, { reason: 'lowerPort' })],
        fires: [`acme ${SUSPECT} - outbound:23/tcp high low`],
      },
      {
        name: 'many small conversations add up',
        rows: [
          ...quietPeers,
          ...range(0, 40).map((w) =>
            sends(5_000_000, { windowStartMs: DAY_START + w * WINDOW, remotePort: 1000 + w }),
          ),
        ],
        fires: FIRES,
      },
      {
        name: 'no history is kept',
        rows: [...quietPeers, sends(2 * GB)],
        run: { history: null },
        fires: [`acme ${SUSPECT} - outbound:23/tcp medium low`],
      },
      {
        name: 'the history has no day yet',
        rows: [...quietPeers, sends(2000 * GB)],
        run: { history: fakeHistory({ days: 0 }) },
        fires: [`acme ${SUSPECT} - outbound:23/tcp medium low`],
      },
      {
        name: 'five others of its kind are enough to be compared with',
        rows: [
          ...PEERS.slice(0, 5).map((customerAddress) =>
            sends(300_000_000, { customerAddress, remote: FAMILIAR }),
          ),
          sends(1 * GB),
        ],
        fires: [],
      },
      {
        name: 'four are not: the floor decides',
        rows: [
          ...PEERS.slice(0, 4).map((customerAddress) =>
            sends(300_000_000, { customerAddress, remote: FAMILIAR }),
          ),
          sends(1 * GB),
        ],
        fires: FIRES,
      },
      {
        name: 'peers that sent nothing do not make much of little',
        rows: [
          ...PEERS.flatMap((customerAddress) => session([0], { customerAddress })),
          ...PEERS.slice(0, 7).map((address, i) =>
            sends(300_000_000, { customerAddress: address, customer: `c${i}`, remote: FAMILIAR }),
          ),
          sends(500_000_000),
        ],
        run: { history: fakeHistory({ common: [[FAMILIAR, 9]] }) },
        fires: [],
      },
      {
        name: 'peers that sent nothing do not make a kind',
        rows: [...PEERS.flatMap((customerAddress) => session([0], { customerAddress })), sends(GB)],
        fires: FIRES,
      },
      {
        name: 'a mild tag',
        rows: [sends(200_000_000, { customerAddress: '198.51.100.41' })],
        fires: ['acme 198.51.100.41 - outbound:443/tcp medium medium'],
      },
      {
        name: 'an address is compared with its own kind only',
        rows: [
          ...PEERS.map((customerAddress) => sends(GB, { customerAddress, remote: FAMILIAR })),
          sends(GB, { customerAddress: '198.51.100.42' }),
        ],
        fires: ['acme 198.51.100.42 - outbound:3306/tcp high medium'],
      },
      {
        name: 'a tag of the user, named like something of JavaScript',
        rows: [
          sends(2 * GB, { customerAddress: '198.51.100.43' }),
          sends(2 * GB, { customerAddress: '198.51.100.44' }),
        ],
        run: { config: { filters: { [ID]: { tags: ['house-tag', 'constructor'] } } } },
        fires: [
          'acme 198.51.100.43 - outbound:9000/tcp high medium',
          'acme 198.51.100.44 - outbound:9000/tcp high medium',
        ],
      },
      {
        name: 'no tag at all',
        rows: [...quietPeers, sends(2 * GB)],
        run: { config: { filters: { [ID]: { tags: [] } } } },
        fires: [],
      },
      {
        name: 'customers with hostile names',
        rows: ['__proto__', 'a b', 'constructor', '"\n\u0000'].map((customer) =>
          sends(2 * GB, { customer }),
        ),
        fires: ['"\n\u0000', '__proto__', 'a b', 'constructor'].map(
          (customer) => `${customer} ${SUSPECT} - outbound:23/tcp high medium`,
        ),
      },
      {
        name: "each customer by its own policy, in one kind's comparison",
        rows: ['acme', 'umbrella', 'initech', 'wonka'].map((customer) =>
          sends(20_000_000, { customer, remote: '192.0.2.1' }),
        ),
        run: {
          config: {
            filters: { [ID]: { minBytes: 30_000_000 } },
            policies: {
              acme: { [ID]: { minBytes: 10_000_000 } },
              umbrella: { [ID]: { minBytes: 10_000_000, tags: ['vnc'] } },
              wonka: { [ID]: { enabled: false } },
            },
          },
        },
        fires: [`acme ${SUSPECT} - outbound:23/tcp medium medium`],
      },
      {
        name: 'IPv6',
        rows: ['2001:db8:1::11', '2001:db8:1::10', '2001:db8:1::12'].map((customerAddress) =>
          sends(2 * GB, { customerAddress, remote: '2001:db8::7' }),
        ),
        fires: ['acme 2001:db8:1::10 - outbound:23/tcp high medium'],
      },
      {
        name: 'an IPv6 address without a service',
        rows: [sends(2 * GB, { customerAddress: '2001:db8:1::11', remote: '2001:db8::7' })],
        fires: [],
      },
    ];
    for (const { name, rows, run, fires } of cases) {
      it(name, () => {
        expect(brief(detected(rows, run))).to.deep.equal(fires);
      });
    }

    it('says what it found', () => {
      const rows = [
        ...quietPeers,
        sends(2 * GB, { remotePort: 8443 }),
        sends(GB, { remote: '203.0.113.11', remotePort: 22 }),
        sends(GB, { remote: FAMILIAR }),
      ];
      const [found] = detected(rows);
      expect(found).to.include({
        customer: 'acme',
        subject: SUSPECT,
        customerAddress: SUSPECT,
        customerPort: null,
        role: 'client',
        remoteAddress: null,
        remotePort: null,
        service: '23/tcp',
        indicator: 'outbound:23/tcp',
      });
      expect(found.tally.conversations).to.equal(3);
      expect(found.tally.traffic.bytesOut).to.equal((4 * GB) / 100);
      expect(found.evidence).to.deep.equal([
        {
          type: 'inventory',
          feed: 'scan',
          feedVersion: 'v1',
          entry: `${SUSPECT}:23/tcp`,
          service: 'svc',
          tags: ['telnet'],
        },
        {
          type: 'inventory',
          feed: 'scan',
          feedVersion: 'v1',
          entry: `${SUSPECT}:21/tcp`,
          service: 'svc',
          tags: ['ftp'],
        },
        {
          type: 'score',
          score: 81,
          parts: [
            {
              name: 'service',
              value: 2,
              points: 20,
              note: 'insecure services at the address: ftp, telnet',
            },
            {
              name: 'volume',
              value: 16.65,
              points: 35,
              note:
                '3 GB to strangers: robust z of its logarithm among all that 8 other addresses with ' +
                'telnet sent in this window, over all customers',
            },
            {
              name: 'strangeness',
              value: 0.75,
              points: 26,
              note: '3 GB of 4 GB went to 2 strange remotes, by 30000 packets as exported',
            },
            {
              name: 'history',
              value: 28,
              points: 0,
              note: 'days before this one that tell who is strange',
            },
          ],
        },
        {
          type: 'targets',
          kind: 'strange',
          targets: 2,
          examples: [STRANGER, '203.0.113.11'],
          ports: [22, 8443],
        },
        { type: 'history', days: 28, from: '2025-12-08', to: '2026-01-04' },
      ]);
    });

    it('says that its peers are too few, and that there is no history', () => {
      const [found] = detected([sends(2 * GB)], { history: fakeHistory({ days: 0 }) });
      expect(part(found, 'volume').note).to.equal(
        '2 GB to strangers; only 0 other addresses with telnet sent anything in this window, over all ' +
          'customers: too few to compare with, so the floor of 100 MB alone decides',
      );
      expect(part(found, 'history')).to.include({ value: 0, points: -20 });
      expect(found.evidence.at(-1)).to.deep.equal({ type: 'history', days: 0 });
    });

    it('adds its parts up to a score within 0 to 100, less by what is missing', () => {
      const scores = [null, fakeHistory({ days: 3 }), history].map((past) => {
        const [found] = detected([...quietPeers, sends(2 * GB)], { history: past });
        const { score, parts } = scoreIn(found.evidence);
        expect(score).to.equal(parts.reduce((sum, { points }) => sum + points, 0));
        return score;
      });
      expect(scores).to.deep.equal([70, 80, 90]);
      const worst = sends(9e15, { customerAddress: '198.51.100.42' });
      expect(scoreIn(detected([worst])[0].evidence).score).to.equal(85);
      const mildest = [
        sends(100 * GB, { customerAddress: '198.51.100.41', remote: FAMILIAR }),
        sends(100_000_000, { customerAddress: '198.51.100.41' }),
      ];
      expect(scoreIn(detected(mildest)[0].evidence).score).to.equal(20);
    });

    it('halves the strangeness of hundreds of remotes, which look like peer-to-peer', () => {
      const to = (count: number): FakeConversation[] =>
        range(0, count).map((i) => sends(100_000_000, { remote: `192.0.2.${i}` }));
      const points = [100, 101].map((count) => part(detected(to(count))[0], 'strangeness').points);
      expect(points).to.deep.equal([35, 18]);
    });

    for (const [name, samplingRate, packetsOut, bytesOut, fires] of [
      ['unsampled', 1, 80_000, 100_000_000, true],
      ['unsampled, too little', 1, 80_000, 99_999_999, false],
      ['of an unknown rate, which counts as unsampled', 0, 80_000, 100_000_000, true],
      ['1 in 1,000', 1000, 80, 100_000, true],
      ['1 in 1,000, too little', 1000, 80, 99_999, false],
      ['1 in 1,000,000, by ten packets', 1_000_000, 10, 15_000, true],
      ['1 in 1,000,000, by nine packets, which say too little', 1_000_000, 9, 13_500, false],
    ] as const) {
      it(`counts bytes as sampled: ${name}`, () => {
        const found = detected([sends(0, { samplingRate, packetsOut, bytesOut })]);
        expect(found).to.have.length(fires ? 1 : 0);
      });
    }

    describe('seen by several sensors', () => {
      /** What a sensor with the rate tells of 600 MB, in as many windows. */
      const seen = (samplingRate: number, windows: number, bytes: number): FakeConversation[] =>
        range(0, windows).map((window) => ({
          customerAddress: SUSPECT,
          remote: STRANGER,
          samplingRate,
          bytesOut: bytes / windows / samplingRate,
          packetsOut: bytes / windows / samplingRate / 1_000,
          windowStartMs: DAY_START + (window + windows) * WINDOW,
        }));
      const sent = (rows: readonly FakeConversation[]): string | undefined => {
        const found = detected(rows).at(0);
        return found === undefined ? undefined : part(found, 'strangeness').note;
      };

      it('adds the windows of one, though another put the same bytes into other windows', () => {
        expect(sent([...seen(1, 1, 600_000_000), ...seen(10, 6, 540_000_000)])).to.equal(
          '600 MB of 600 MB went to 1 strange remote, by 600000 packets as exported',
        );
      });

      it('holds one to the floor, not what all add up to', () => {
        const rows = [...seen(1, 1, 90_000_000), ...seen(10, 6, 90_000_000)];
        expect(sent(rows)).to.equal(undefined);
        expect(sent([...rows, ...seen(2, 3, 120_000_000)])).to.contain('120 MB of 120 MB');
      });

      it('adds remotes within one before it chooses', () => {
        const to = (remote: string, rows: FakeConversation[]): FakeConversation[] =>
          rows.map((row) => ({ ...row, remote }));
        const rows = [
          ...to('192.0.2.1', [...seen(1, 1, 300_000_000), ...seen(10, 2, 100_000_000)]),
          ...to('192.0.2.2', [...seen(1, 1, 100_000_000), ...seen(10, 2, 200_000_000)]),
        ];
        expect(sent(rows)).to.contain('400 MB of 400 MB went to 2 strange remotes, by 400000');
      });

      it('is not hidden by a single packet of a coarse sensor', () => {
        const single = { ...seen(1_000_000, 1, 0)[0], packetsOut: 1, bytesOut: 52 };
        expect(sent([...seen(1, 1, 200_000_000), single])).to.contain('200 MB of 200 MB');
      });

      it('compares with peers by one of theirs', () => {
        // By the sum of both sensors each peer would send more than a fifth of what the suspect did.
        const peers = PEERS.flatMap((customerAddress) =>
          [1, 10].map((samplingRate) => ({
            ...seen(samplingRate, 1, 35_000_000)[0],
            customerAddress,
            remote: FAMILIAR,
          })),
        );
        expect(sent([...peers, ...seen(1, 1, 200_000_000)])).to.contain('200 MB of 200 MB');
      });
    });

    it('finds the few remotes that get much among thousands that get little', () => {
      const small = range(0, 2000).map((i) =>
        sends(10_000, { remote: `192.0.${2 + (i >> 8)}.${i & 255}` }),
      );
      const big = range(0, 20).map((i) => sends(150_000_000, { remote: `203.0.113.${100 + i}` }));
      const run = { reference, history };
      const [found] = detectGroups(insecureServiceOutbound, [...small, ...big], run);
      expect(part(found, 'strangeness').note).to.match(/^at least 3 GB of 3\.02 GB went to/);
      const again = detectGroups(insecureServiceOutbound, [...small, ...big], { ...run, cut: 5 });
      expect(plain(again)).to.deep.equal(plain([found]));
      expect(detectGroups(insecureServiceOutbound, small, run)).to.deep.equal([]);
    });

    it('adds what one remote got in great and in small conversations', () => {
      const rows = [sends(2 * GB), sends(600_000), sends(600_000), sends(2 * GB)];
      const many = range(1, 9).map((remotePort) => sends(900_000, { remotePort }));
      const [found] = detected([...rows, ...many]);
      expect(part(found, 'strangeness').note).to.match(/^4\.01 GB of 4\.01 GB went to 1 strange/);
      const targets = found.evidence.find((entry) => entry.type === 'targets');
      expect(targets?.ports).to.deep.equal([1, 2, 3, 4]);
    });

    it('says "at least" where it did not look at all remotes', () => {
      const rows = range(0, 150).map((i) => sends(100_000_000, { remote: `192.0.2.${i}` }));
      const [found] = detected(rows);
      expect(part(found, 'strangeness').note).to.match(/^at least 12\.8 GB of 15 GB went to 128 /);
    });

    it('adds counts that no sensor can have in any order to the same', () => {
      const rows = [2 ** 62, 3, 2 ** 53 + 2, 2 ** 60 + 2 ** 10, 7].map((bytesOut, i) =>
        sends(0, { bytesOut, packetsOut: 100, samplingRate: 4_000_000_000, remotePort: i + 1 }),
      );
      const scores = [0, 1, 2, 3].map(
        (cut) =>
          detectGroups(insecureServiceOutbound, rows, { reference, history, cut })[0].evidence,
      );
      for (const evidence of scores) expect(evidence).to.deep.equal(scores[0]);
    });
  });

  describe('inbound', () => {
    const shell = `acme ${SUSPECT} ${STRANGER} inbound:23/tcp medium low`;
    const half = range(0, 6);
    const cases: readonly {
      readonly name: string;
      readonly rows: readonly FakeConversation[];
      readonly run?: Run;
      readonly fires: readonly string[];
    }[] = [
      { name: 'long and small', rows: session(range(0, 7)), fires: [shell] },
      { name: 'too short', rows: session(half), fires: [] },
      {
        name: 'short, where the customer says so',
        rows: session(half),
        run: { config: { policies: { acme: { [ID]: { shellMinutes: 20 } } } } },
        fires: [shell],
      },
      { name: 'a megabyte', rows: session(range(0, 10), {}, 100_000), fires: [shell] },
      { name: 'more than that', rows: session(range(0, 10), {}, 100_200), fires: [] },
      {
        name: 'more than the customer says',
        rows: session(range(0, 10)),
        run: { config: { filters: { [ID]: { shellMaxBytes: 19_999 } } } },
        fires: [],
      },
      {
        name: 'more than that in one direction',
        rows: session(range(0, 10), { bytesOut: 10, bytesIn: 1_000 }),
        fires: [],
      },
      { name: 'seen in most of its windows', rows: session([0, 2, 3, 6, 8]), fires: [shell] },
      { name: 'seen in half of its windows', rows: session([0, 2, 3, 7]), fires: [] },
      {
        name: 'two connections at different times',
        rows: [...session(half), ...session(range(6, 3), { remotePort: 41_001 })],
        fires: [],
      },
      { name: 'a known remote', rows: session(range(0, 9), { remote: FAMILIAR }), fires: [] },
      {
        name: 'a scanner that many customers see',
        rows: session(range(0, 9), { remote: POPULAR }),
        fires: [],
      },
      { name: 'a shared remote', rows: session(range(0, 9), { shared: true }), fires: [] },
      { name: 'a private remote', rows: session(range(0, 9), { remote: '10.0.0.1' }), fires: [] },
      {
        name: 'another service of the same address',
        rows: session(range(0, 9), { customerPort: 80 }),
        fires: [],
      },
      {
        name: 'a session the customer began',
        rows: session(range(0, 9), { role: 'client' }),
        fires: [],
      },
      {
        name: 'without history',
        rows: session(range(0, 9)),
        run: { history: null },
        fires: [shell],
      },
      {
        name: 'IPv6',
        rows: session(range(0, 9), { customerAddress: '2001:db8:1::10', remote: '2001:db8::7' }),
        fires: ['acme 2001:db8:1::10 2001:db8::7 inbound:23/tcp medium low'],
      },
      {
        name: 'one remote on two services',
        rows: [...session(range(0, 9)), ...session(range(0, 9), { customerPort: 21 })],
        fires: [`acme ${SUSPECT} ${STRANGER} inbound:21/tcp medium low`, shell],
      },
      {
        name: 'apart from what goes out',
        rows: [...quietPeers, ...session(range(0, 9)), sends(2 * GB)],
        fires: [shell, ...FIRES],
      },
    ];
    for (const { name, rows, run, fires } of cases) {
      it(name, () => {
        const found = brief(detected(rows, run));
        expect([...found].sort()).to.deep.equal([...fires].sort());
      });
    }

    it('says what it found, by the longest of several sessions of one remote', () => {
      const rows = [...session(range(0, 9)), ...session(range(20, 12), { remotePort: 41_001 })];
      const found = detected(rows);
      expect(found).to.have.length(1);
      expect(found[0]).to.include({
        customerAddress: SUSPECT,
        customerPort: 23,
        role: 'server',
        remoteAddress: STRANGER,
        remotePort: 41_001,
        service: '23/tcp',
      });
      expect(found[0].tally.conversations).to.equal(12);
      expect(found[0].evidence.map(({ type }) => type)).to.deep.equal([
        'inventory',
        'score',
        'history',
      ]);
      expect(scoreIn(found[0].evidence)).to.deep.equal({
        type: 'score',
        score: 36,
        parts: [
          {
            name: 'service',
            value: 1,
            points: 20,
            note: 'insecure services at the address: telnet',
          },
          {
            name: 'length',
            value: 59,
            points: 6,
            note: 'minutes from first to last record, seen in 12 of 12 windows',
          },
          {
            name: 'size',
            value: 24_000,
            points: 10,
            note: 'bytes both ways, scaled by the sampling rate',
          },
          {
            name: 'history',
            value: 28,
            points: 0,
            note: 'days before this one that tell who is strange',
          },
        ],
      });
    });

    it('knows of a host that answers on all ports the first 64 services', () => {
      const services = range(1, 70).map((port) => [`${SUSPECT}:${port}`, ['telnet']]);
      const many = fakeReference({ services: Object.fromEntries(services) });
      const [first, ...rest] = [64, 65, 70].flatMap((customerPort) =>
        detectGroups(insecureServiceOutbound, session(range(0, 9), { customerPort }), {
          reference: many,
          history,
        }),
      );
      expect(first.indicator).to.equal('inbound:64/tcp');
      expect(rest).to.deep.equal([]);
    });

    it('reports the ten longest of an address and counts the rest', () => {
      const rows = range(0, 13).flatMap((i) =>
        session(range(0, 8 + i), { remote: `192.0.2.${i}` }),
      );
      const found = detected(rows);
      expect(found.map(({ remoteAddress }) => remoteAddress).sort()).to.deep.equal(
        range(3, 10)
          .map((i) => `192.0.2.${i}`)
          .sort(),
      );
      for (const one of found) expect(part(one, 'left-out').value).to.equal(3);
    });

    it('is small by one sensor, not by the sum of what each saw in some window', () => {
      const unsampled = session(range(0, 9), { samplingRate: 1 }, 9_000_000);
      const sampled = session(range(0, 9), { samplingRate: 10, packetsOut: 1, packetsIn: 2 }, 8e5);
      const [found] = detected([...unsampled, ...sampled]);
      expect(part(found, 'size').value).to.equal(810_000);
    });

    it('takes a rate into account: a megabyte that was sampled is a thousand', () => {
      const rows = session(range(0, 9), { samplingRate: 1000 }, 20_000);
      expect(detected(rows)).to.deep.equal([]);
      const unsampled = session(range(0, 9), { samplingRate: 1 }, 11_000_000);
      expect(detected(unsampled)).to.have.length(1);
    });
  });

  it('holds a bounded state, whoever knocks', () => {
    const { plan } = planFilters({}, {}, [insecureServiceOutbound]);
    const policies = preparePolicies(insecureServiceOutbound, plan[0], reference);
    const rows = range(0, 3000).flatMap((i) => {
      const remote = `192.${i >> 16}.${(i >> 8) & 255}.${i & 255}`;
      return [sends(1_000, { remote }), ...session([0], { remote })];
    });
    const table = new GroupTable(insecureServiceOutbound);
    table.addBatch(fakeBatch(rows, reference), reference, policies);
    const saved = JSON.stringify(table.save());
    expect(saved.length).to.be.lessThan(700_000);
  });

  it('describes its policy', () => {
    const policy = insecureServiceOutbound.policy.parse({ tags: ['telnet'] });
    expect(insecureServiceOutbound.describe(policy)).to.equal(
      'Addresses of the customer with a service that a scan tagged telnet, which sent at least ' +
        '100 MB to strange remotes and far more than others like them; and connections to such a ' +
        'service of at least 30 minutes and at most 1 MB.',
    );
    const none = insecureServiceOutbound.policy.parse({ tags: [] });
    expect(insecureServiceOutbound.describe(none)).to.equal('Nothing: no inventory tag is chosen.');
  });

  for (const [setting, value, message] of [
    ['minBytes', 0, 'expected a whole number of 1 or more, got 0'],
    ['minBytes', '100 MB', 'expected a whole number of 1 or more, got "100 MB"'],
    ['shellMinutes', 1.5, 'expected a whole number of 1 or more, got 1.5'],
    ['shellMaxBytes', null, 'expected a whole number of 1 or more, got null'],
    ['tags', 'telnet', 'expected a list of inventory tags, got "telnet"'],
  ] as const) {
    it(`refuses ${setting}: ${JSON.stringify(value)}`, () => {
      const { problems } = planFilters({ [ID]: { [setting]: value } }, {}, [
        insecureServiceOutbound,
      ]);
      expect(problems).to.deep.equal([{ path: `filters.${ID}.${setting}`, message }]);
    });
  }

  it('tells it in a sentence', () => {
    const [out] = detected([...quietPeers, sends(2 * GB)], { history: fakeHistory({ days: 0 }) });
    const [shell] = detected(session(range(0, 9)));
    const sentence = ({ evidence, service, remoteAddress }: GroupDetection): string =>
      insecureServiceOutbound.summarize(fakeFinding({ evidence, service, remoteAddress }));
    expect(sentence(out)).to.equal(
      `${SUSPECT} has an insecure service (23/tcp: ftp, telnet), and 2 GB of 2 GB went to 1 strange ` +
        'remote, by 20000 packets as exported: score 70 of 100; there is no history yet, so every ' +
        'remote counts as strange.',
    );
    expect(sentence(shell)).to.equal(
      `${STRANGER}, a stranger, was connected to the insecure service 23/tcp of ${SUSPECT} ` +
        '(23/tcp: telnet) for 44 minutes with no more than 18 kB: perhaps a shell, though that is ' +
        'unlikely.',
    );
  });
});
