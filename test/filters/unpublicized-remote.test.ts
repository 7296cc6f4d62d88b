import { expect } from 'chai';
import { addressOf } from '../../pipeline/address.js';
import { ACK, FIN, PSH, RST, SYN } from '../../pipeline/codes.js';
import type { HitCounter } from '../../pipeline/hit.js';
import { CoverageTable, CoverageTableBuilder } from '../../reference/coverage-table.js';
import { openRouted, RoutedTableBuilder } from '../../reference/routed-table.js';
import { CompiledServiceTable, ServiceTableBuilder } from '../../reference/service-table.js';
import { Conversation } from '../../filters/conversation.js';
import type { GroupDetection } from '../../filters/group-filter.js';
import { planFilters, preparePolicies } from '../../filters/policies.js';
import { Tally } from '../../filters/tally.js';
import { unpublicizedRemote } from '../../filters/unpublicized-remote.js';
import { estimateProbes } from '../../filters/unpublicized/probes.js';
import { tableFileOf } from '../reference/table-of.js';
import {
  CUSTOMER,
  fakeBatch,
  fakeFinding,
  fakeReference,
  type FakeConversation,
  type FakeReference,
} from './fixtures.js';
import { DAY_START, detectGroups } from './group-harness.js';

const DAY_MS = 86_400_000;
const URG = 0x20;
const ECE = 0x40;

interface Space {
  readonly announced?: readonly string[] | undefined;
  /** Networks scanned on tcp/1-1024, up to `scannedMs`. */
  readonly scanned?: readonly string[] | undefined;
  readonly scannedMs?: number;
}

/** Scanned but for a network that is only announced; 203.0.113.200 and 2001:db8:5::c8 serve 443/tcp. */
const KNOWN: Space = {
  announced: ['203.0.113.0/24', '198.51.100.0/24', '2001:db8::/32'],
  scanned: ['203.0.113.0/24', '2001:db8:5::/48'],
};

/** The tables that the filter looks up as they are, over a snapshot that is empty otherwise. */
function referenceOf({ announced, scanned, scannedMs }: Space): FakeReference {
  const routed = new RoutedTableBuilder();
  for (const cidr of announced ?? []) routed.addPrefix(...prefixOf(cidr));
  const coverage = new CoverageTableBuilder();
  const lastMs = scannedMs ?? DAY_START - DAY_MS;
  for (const cidr of scanned ?? []) {
    coverage.add(...prefixOf(cidr), { firstPort: 1, lastPort: 1024, protocol: 6, lastMs });
  }
  const inventory = new ServiceTableBuilder();
  const service = { port: 443, protocol: 6, service: 'https', tags: [], feed: 'scan' };
  for (const cidr of ['203.0.113.200/32', '2001:db8:5::c8/128']) {
    const [family, words] = prefixOf(cidr);
    inventory.add(family, words, { ...service, firstSeenMs: NaN, lastSeenMs: NaN });
  }
  return {
    ...fakeReference(),
    routed: announced && openRouted(tableFileOf('routed', routed.encode())),
    coverage: scanned && new CoverageTable(tableFileOf('coverage', coverage.encode())),
    inventory: new CompiledServiceTable(tableFileOf('inventory', inventory.encode(new Map()))),
  };
}

function prefixOf(cidr: string): [4 | 6, Uint32Array, number] {
  const [text, length] = cidr.split('/');
  const address = addressOf(text);
  if (address === undefined) throw new Error(`no address: ${text}`);
  return [address.family, address.words, Number(length)];
}

/** `count` conversations, a target each: `network` and a last part from `first` on. */
function probes(
  network: string,
  count: number,
  given: FakeConversation = {},
  first = 1,
): FakeConversation[] {
  const hex = network.includes(':');
  return Array.from({ length: count }, (_, i) => ({
    remote: `${network}${(first + i).toString(hex ? 16 : 10)}`,
    remotePort: 22,
    grade: 'attempt',
    flagsOut: SYN,
    packetsOut: 1,
    packetsIn: 0,
    bytesIn: 0,
    samplingRate: 1,
    windowStartMs: DAY_START,
    ...given,
  }));
}

const SILENT = '203.0.113.';
const UNROUTED = '192.0.2.';
const RESERVED = '10.0.0.';

/** Indicator, severity, confidence, and the number of targets by kind. */
type Fired = readonly [string, string, string, Readonly<Record<string, number>>];

interface Case {
  readonly name: string;
  readonly rows: readonly FakeConversation[];
  readonly space?: Space;
  readonly policy?: object;
  readonly fires: readonly Fired[];
}

const silent = (count: number): readonly Fired[] => [
  ['silent', 'medium', 'high', { silent: count }],
];
const unrouted = (count: number): readonly Fired[] => [
  ['unrouted', 'medium', 'high', { unrouted: count }],
];
const reserved = (count: number): readonly Fired[] => [
  ['reserved', 'medium', 'high', { reserved: count }],
];

const WHAT_WAS_SENT: readonly Case[] = [
  { name: 'SYNs to 20 silent addresses', rows: probes(SILENT, 20), fires: silent(20) },
  { name: 'to 19', rows: probes(SILENT, 19), fires: [] },
  ...(
    [
      ['FIN scan', FIN],
      ['Xmas scan', FIN | PSH | URG],
      ['SYN scan that resets what answers', SYN | RST],
      ['SYNs that offer ECN', SYN | ECE | 0x80],
    ] as const
  ).map(([name, flagsOut]) => ({
    name,
    rows: probes(SILENT, 20, { flagsOut }),
    fires: silent(20),
  })),
  ...(
    [
      ['backscatter of an open port (SYN+ACK)', SYN | ACK],
      ['backscatter of a closed port (RST+ACK)', RST | ACK],
      ['backscatter of a stranger to the connection (RST)', RST],
      ['RST with an ECN bit', RST | ECE],
      ['ACKs, which a sampled conversation has too', ACK],
    ] as const
  ).flatMap(([name, flagsOut]) =>
    [SILENT, UNROUTED, RESERVED].map((network) => ({
      name: `${name} towards ${network}0/24`,
      rows: probes(network, 200, { flagsOut }),
      fires: [],
    })),
  ),
  {
    name: 'null scan, or a format without flags, by its grade',
    rows: probes(SILENT, 20, { flagsOut: 0 }),
    fires: silent(20),
  },
  {
    name: 'a format without flags that does not say attempt',
    rows: probes(SILENT, 20, { flagsOut: 0, grade: 'unknown' }),
    fires: [],
  },
  {
    name: 'RSTs from remotes to which nothing was sent',
    rows: probes(SILENT, 20, { flagsOut: 0, flagsIn: RST | ACK, packetsOut: 0, packetsIn: 1 }),
    fires: [],
  },
  {
    name: 'the customer is the server',
    rows: probes(SILENT, 20, { role: 'server', remotePort: 22 }),
    fires: [],
  },
  {
    name: 'the side is not known',
    rows: probes(SILENT, 20, { role: 'unknown' }),
    fires: [],
  },
];

const TO_WHOM: readonly Case[] = [
  {
    name: 'silent, and says RST',
    rows: probes(SILENT, 20, { flagsIn: RST | ACK }),
    fires: silent(20),
  },
  {
    name: 'silent for the scan, but answers now (flags)',
    rows: probes(SILENT, 20, { flagsIn: SYN | ACK }),
    fires: [],
  },
  {
    name: 'silent for the scan, but answers now (grade)',
    rows: probes(SILENT, 20, { grade: 'answered' }),
    fires: [],
  },
  {
    name: 'a port that was not scanned',
    rows: probes(SILENT, 20, { remotePort: 1025 }),
    fires: [],
  },
  {
    name: 'a network that was not scanned',
    rows: probes('198.51.100.', 20, {}, 100),
    fires: [],
  },
  {
    name: 'an address with a service on another port is not silent',
    rows: probes(SILENT, 20, {}, 181),
    fires: [],
  },
  {
    name: 'its neighbours are',
    rows: [...probes(SILENT, 19, {}, 181), ...probes(SILENT, 1, {}, 201)],
    fires: silent(20),
  },
  {
    name: 'no coverage: silence means nothing',
    rows: probes(SILENT, 20),
    space: { announced: KNOWN.announced },
    fires: [],
  },
  { name: 'unrouted', rows: probes(UNROUTED, 20), fires: unrouted(20) },
  {
    name: 'no announced prefixes: nothing is unrouted',
    rows: probes(UNROUTED, 20),
    space: { scanned: KNOWN.scanned },
    fires: [],
  },
  { name: 'reserved', rows: probes(RESERVED, 20), space: {}, fires: reserved(20) },
  { name: 'reserved for ever', rows: probes('240.0.0.', 20), fires: reserved(20) },
  { name: 'multicast', rows: probes('239.0.0.', 20), fires: [] },
  { name: 'link-local', rows: probes('169.254.0.', 20), fires: [] },
  { name: 'loopback', rows: probes('127.0.0.', 20), fires: [] },
  { name: 'IPv6, silent', rows: probes('2001:db8:5::', 20), fires: silent(20) },
  { name: 'IPv6, silent but for one', rows: probes('2001:db8:5::', 20, {}, 0xb5), fires: [] },
  { name: 'IPv6, not scanned', rows: probes('2001:db8:6::', 20), fires: [] },
  { name: 'IPv6, answers', rows: probes('2001:db8:5::', 20, { flagsIn: SYN | ACK }), fires: [] },
  { name: 'IPv6, unrouted', rows: probes('2001:db9::', 20), fires: unrouted(20) },
  { name: 'IPv6, reserved', rows: probes('fc00::', 20), fires: reserved(20) },
  { name: 'IPv6, link-local', rows: probes('fe80::', 20), fires: [] },
  { name: 'IPv6, multicast', rows: probes('ff02::', 20), fires: [] },
];

/** Seven minutes later: another conversation window of the same finding window. */
const LATER = DAY_START + 420_000;

/** What is sampled of a conversation: a few packets that went on. */
const DATA: FakeConversation = {
  grade: 'strong',
  flagsOut: ACK,
  flagsIn: ACK | PSH,
  packetsIn: 2,
  bytesIn: 3000,
  windowStartMs: LATER,
};

const sampledData: FakeConversation = { ...DATA, samplingRate: 1000 };
const sampled: FakeConversation = { samplingRate: 1000 };

/** 40 probes, one a target, and what was seen of 21 of these targets (not 20 are left) or of 20. */
const WHO_ANSWERED: readonly Case[] = [
  ...(
    [
      ['silent', SILENT],
      ['unrouted', UNROUTED],
      ['reserved', RESERVED],
      ['reserved', '240.0.0.'],
      ['silent', '2001:db8:5::'],
      ['unrouted', '2001:db9::'],
      ['reserved', 'fc00::'],
    ] as const
  ).flatMap(([kind, network]) => [
    {
      name: `SYNs to 40 ${kind} addresses of ${network}, sampled, and data with the same later`,
      rows: [...probes(network, 40, sampled), ...probes(network, 40, sampledData)],
      fires: [],
    },
    {
      name: `the same before, with 21 of ${network}`,
      rows: [
        ...probes(network, 21, DATA),
        ...probes(network, 40, { windowStartMs: LATER + 600_000 }),
      ],
      fires: [],
    },
    {
      name: `with 20 of ${network}: 20 are left`,
      rows: [...probes(network, 40), ...probes(network, 20, DATA)],
      fires: [[kind, 'medium', 'high', { [kind]: 20 }] as const],
    },
  ]),
  ...(
    [
      ['SYN+ACK', { grade: 'attempt', flagsOut: SYN, flagsIn: SYN | ACK }],
      ['SYN+ACK of a port that was let go again', { flagsOut: SYN, flagsIn: SYN | ACK | RST }],
      ['SYN+ACK, where nothing else was seen', { flagsOut: 0, flagsIn: SYN | ACK, packetsOut: 0 }],
      ['data of which only what the customer sent was sampled', { ...sampledData, flagsIn: 0 }],
      ['data that the customer sends, all packets seen', { flagsOut: ACK | PSH, grade: 'strong' }],
      ['many ACKs, one direction seen', { flagsOut: ACK, grade: 'medium', packetsOut: 4 }],
      ['an ACK where the rate is not known', { flagsOut: ACK, grade: 'medium', samplingRate: 0 }],
      ['an ACK that is answered by data', { ...DATA, packetsOut: 1 }],
      ['by grade, the side unknown', { ...sampledData, role: 'unknown', reason: 'lowerPort' }],
      ['by grade, in a format without flags', { flagsOut: 0, grade: 'medium', packetsIn: 9 }],
      [
        'data in a format without flags',
        { flagsOut: 0, grade: 'unknown', bytesIn: 61, packetsIn: 1 },
      ],
      ['on another port that was scanned', { ...DATA, remotePort: 1024 }],
      ['again and again', { ...DATA, windowStartMs: DAY_START }],
    ] as const
  ).map(([name, given]: readonly [string, FakeConversation]) => ({
    name: `answers: ${name}`,
    rows: [...probes(SILENT, 40), ...probes(SILENT, 21, given)],
    fires: [],
  })),
  ...(
    [
      ['RST+ACK', { flagsIn: RST | ACK, packetsIn: 1, bytesIn: 40 }],
      ['RST, in a format without flags', { flagsOut: 0, packetsIn: 2, bytesIn: 120 }],
      ['the ACK of host discovery', { flagsOut: ACK, grade: 'medium', remotePort: 80 }],
      ['the same, refused', { flagsOut: ACK, grade: 'medium', flagsIn: RST, packetsIn: 1 }],
      ['FIN+ACK', { flagsOut: FIN | ACK, grade: 'strong' }],
      ['backscatter of a server', { role: 'server', flagsOut: SYN | ACK, grade: 'answered' }],
      ['to another customer', { ...DATA, customer: 'globex' }],
      ['to another address of the customer', { ...DATA, customerAddress: '198.51.100.11' }],
    ] as const
  ).map(([name, given]: readonly [string, FakeConversation]) => ({
    name: `no answer: ${name}`,
    rows: [...probes(SILENT, 40), ...probes(SILENT, 40, given)],
    fires: silent(40),
  })),
  { name: 'answers alone', rows: probes(RESERVED, 200, DATA), fires: [] },
  {
    name: 'who answered of one kind does not take from another',
    rows: [...probes(SILENT, 20), ...probes(RESERVED, 20), ...probes(RESERVED, 20, DATA)],
    fires: silent(20),
  },
  {
    name: 'high is counted without those that answered',
    rows: [...probes(RESERVED, 200), ...probes(RESERVED, 1, DATA)],
    fires: reserved(199),
  },
];

const HOW_MANY: readonly Case[] = [
  {
    name: 'one address on many ports is one target',
    rows: Array.from({ length: 100 }, (_, i) => probes(SILENT, 1, { remotePort: 1 + i })).flat(),
    fires: [],
  },
  {
    name: 'one address again and again is one target',
    rows: [...probes(SILENT, 19), ...probes(SILENT, 19)],
    fires: [],
  },
  {
    name: 'two addresses of a customer are judged apart',
    rows: [
      ...probes(SILENT, 19, { customerAddress: '198.51.100.11' }),
      ...probes(SILENT, 19, { customerAddress: '198.51.100.12' }, 20),
    ],
    fires: [],
  },
  {
    name: 'two customers are judged apart',
    rows: [...probes(SILENT, 19, { customer: 'a' }), ...probes(SILENT, 19, { customer: 'b' }, 20)],
    fires: [],
  },
  {
    name: 'kinds add up; of equals the first names it',
    rows: [...probes(RESERVED, 8), ...probes(UNROUTED, 8), ...probes(SILENT, 4)],
    fires: [['unrouted', 'medium', 'high', { silent: 4, unrouted: 8, reserved: 8 }]],
  },
  {
    name: 'a threshold of the policy',
    rows: probes(SILENT, 5),
    policy: { targets: 5 },
    fires: silent(5),
  },
  {
    name: 'kinds of the policy',
    rows: [...probes(SILENT, 30), ...probes(UNROUTED, 30), ...probes(RESERVED, 20)],
    policy: { kinds: ['reserved'] },
    fires: reserved(20),
  },
  {
    name: 'no kinds',
    rows: [...probes(SILENT, 30), ...probes(UNROUTED, 30), ...probes(RESERVED, 20)],
    policy: { kinds: [] },
    fires: [],
  },
  {
    name: 'high from ten times the threshold on',
    rows: probes(RESERVED, 200),
    fires: [['reserved', 'high', 'high', { reserved: 200 }]],
  },
  {
    name: 'medium just below',
    rows: probes(RESERVED, 199),
    fires: reserved(199),
  },
];

const HOW_SURE: readonly Case[] = [
  ...(
    [
      [1, SILENT, 'silent', 'high'],
      [2, SILENT, 'silent', 'medium'],
      [1000, SILENT, 'silent', 'medium'],
      [0, SILENT, 'silent', 'medium'],
      [1000, UNROUTED, 'unrouted', 'medium'],
      [1000, RESERVED, 'reserved', 'medium'],
      [1000, '100.64.0.', 'reserved', 'medium'],
      [1000, 'fc00::', 'reserved', 'medium'],
      [1000, '240.0.0.', 'reserved', 'high'],
      [1000, '0.0.0.', 'reserved', 'high'],
      [1000, '100::', 'reserved', 'high'],
    ] as const
  ).map(([samplingRate, network, kind, confidence]) => ({
    name: `1 in ${samplingRate} to ${network}`,
    rows: probes(network, 20, { samplingRate }),
    fires: [[kind, 'medium', confidence, { [kind]: 20 }] as const],
  })),
  {
    name: 'sampled, 19 where no host can stand',
    rows: [...probes('240.0.0.', 19, sampled), ...probes(RESERVED, 1, sampled)],
    fires: [['reserved', 'medium', 'medium', { reserved: 20 }]],
  },
  {
    name: 'sampled, 20 where no host can stand are enough by themselves',
    rows: [...probes('240.0.0.', 20, sampled), ...probes(RESERVED, 30, sampled)],
    fires: [['reserved', 'medium', 'high', { reserved: 50 }]],
  },
  {
    name: 'sampled, and a weak side stays weak',
    rows: probes(RESERVED, 20, { ...sampled, reason: 'lowerPort' }),
    fires: [['reserved', 'medium', 'low', { reserved: 20 }]],
  },
  ...(
    [
      ['initiator', 'high'],
      ['inventory', 'medium'],
      ['knownService', 'medium'],
      ['lowerPort', 'low'],
    ] as const
  ).map(([reason, confidence]) => ({
    name: `sides by ${reason}`,
    rows: probes(UNROUTED, 20, { reason }),
    fires: [['unrouted', 'medium', confidence, { unrouted: 20 }] as const],
  })),
  {
    name: 'a scan 90 days ago',
    rows: probes(SILENT, 20),
    space: { ...KNOWN, scannedMs: DAY_START - 90 * DAY_MS },
    fires: silent(20),
  },
  {
    name: 'an older one',
    rows: probes(SILENT, 20),
    space: { ...KNOWN, scannedMs: DAY_START - 91 * DAY_MS },
    fires: [['silent', 'medium', 'low', { silent: 20 }]],
  },
  {
    name: 'an older one, but other targets are dead for another reason',
    rows: [...probes(SILENT, 20), ...probes(UNROUTED, 1)],
    space: { ...KNOWN, scannedMs: DAY_START - 91 * DAY_MS },
    fires: [['silent', 'medium', 'high', { silent: 20, unrouted: 1 }]],
  },
];

/** Bundlings that every case is put through; 0 = all in one. */
const CUTS = [0, 1, 2, 3] as const;

function detected({ rows, space = KNOWN, policy }: Omit<Case, 'name' | 'fires'>): GroupDetection[] {
  const config = policy === undefined ? {} : { filters: { 'unpublicized-remote': policy } };
  const reference = referenceOf(space);
  const [first, ...others] = CUTS.map((cut) =>
    detectGroups(unpublicizedRemote, rows, { reference, config, cut }),
  );
  for (const other of others) expect(asJson(other)).to.deep.equal(asJson(first));
  return first;
}

function asJson(detections: readonly GroupDetection[]): unknown {
  return detections.map((detection) => ({ ...detection, tally: savedTally(detection.tally) }));
}

function savedTally(tally: Tally): unknown {
  return { ...tally.save(), counters: tally.counters };
}

function firedOf({ indicator, severity, confidence, evidence }: GroupDetection): Fired {
  const counts = evidence.flatMap((entry) =>
    entry.type === 'targets' ? [[entry.kind, entry.targets] as const] : [],
  );
  return [indicator, severity, confidence, Object.fromEntries(counts)];
}

describe('unpublicized-remote', () => {
  for (const [title, cases] of [
    ['what was sent', WHAT_WAS_SENT],
    ['to whom', TO_WHOM],
    ['who answered', WHO_ANSWERED],
    ['how many', HOW_MANY],
    ['how sure', HOW_SURE],
  ] as const) {
    describe(title, () => {
      for (const { name, fires, ...given } of cases) {
        it(name, () => {
          expect(detected(given).map(firedOf)).to.deep.equal(fires);
        });
      }
    });
  }

  it('says who, whom, where and how much', () => {
    const rows = [
      ...probes(SILENT, 12, { remotePort: 23, samplingRate: 100 }),
      ...probes(UNROUTED, 13, { remotePort: 22, samplingRate: 100 }),
      ...probes(SILENT, 1, { remotePort: 443, samplingRate: 100 }),
    ];
    const [{ tally, ...found }] = detected({ rows });
    expect(found).to.deep.equal({
      severity: 'medium',
      confidence: 'medium',
      customer: 'acme',
      subject: CUSTOMER,
      customerAddress: CUSTOMER,
      customerPort: null,
      role: 'client',
      remoteAddress: null,
      remotePort: null,
      service: '-',
      indicator: 'unrouted',
      evidence: [
        {
          type: 'targets',
          kind: 'silent',
          targets: 12,
          examples: [1, 10, 11, 12, 2, 3, 4, 5, 6, 7].map((last) => `${SILENT}${last}`),
          ports: [23, 443],
        },
        {
          type: 'targets',
          kind: 'unrouted',
          targets: 13,
          examples: [1, 10, 11, 12, 13, 2, 3, 4, 5, 6].map((last) => `${UNROUTED}${last}`),
          ports: [22],
        },
        {
          type: 'estimate',
          of: 'probes',
          observed: 26,
          samplingRate: 100,
          estimate: 2600,
          // Garwood's interval of 26 is 16.983..38.096.
          low: 1698,
          high: 3810,
          level: 0.95,
        },
      ],
    });
    expect(tally.conversations).to.equal(26);
  });

  it('tallies probes only', () => {
    const rows = [
      ...probes(RESERVED, 30),
      ...probes(RESERVED, 5, { ...DATA, packetsOut: 100 }),
      ...probes(UNROUTED, 5, { ...DATA, remotePort: 443 }),
    ];
    const [{ tally, evidence, remotePort }] = detected({ rows });
    expect(remotePort).to.equal(22);
    expect(evidence.map((entry) => entry.type)).to.deep.equal(['targets', 'estimate']);
    expect(evidence[0]).to.deep.include({ kind: 'reserved', targets: 25, ports: [22] });
    // Those to the five that answered later too: nobody can take them out again.
    expect(evidence[1]).to.deep.include({ observed: 30 });
    expect([tally.conversations, tally.traffic.packetsOut]).to.deep.equal([30, 30]);
  });

  it('names the port where there is one', () => {
    expect(detected({ rows: probes(SILENT, 20) })[0].remotePort).to.equal(22);
  });

  it('estimates targets beyond 4096, and keeps a sample of more than 32 ports, in any bundling', () => {
    const rows = Array.from({ length: 9000 }, (_, i) =>
      probes(`10.${i >>> 12}.${(i >>> 6) & 63}.`, 1, { remotePort: 1 + (i % 500) }, i & 63),
    ).flat();
    const [{ severity, evidence }] = detected({ rows });
    const [targets] = evidence;
    if (targets.type !== 'targets') throw new Error(`evidence is ${targets.type}`);
    expect(severity).to.equal('high');
    // Four standard errors of 1/sqrt(4096).
    expect(targets.targets).to.be.within(9000 * (1 - 4 / 64), 9000 * (1 + 4 / 64));
    expect(targets.examples).to.have.length(10);
    expect(targets.ports).to.have.length(32);
    expect([...targets.ports].sort((a, b) => a - b)).to.deep.equal(targets.ports);
  });

  /** Addresses of 10.0.0.0/8 from the `first` on. */
  function spread(first: number, count: number, given: FakeConversation = {}): FakeConversation[] {
    return Array.from({ length: count }, (_, at) => {
      const i = first + at;
      return probes(`10.${i >>> 16}.${(i >>> 8) & 255}.`, 1, given, i & 255);
    }).flat();
  }

  it('keeps or drops both facts of a target together where there are too many, in any bundling', () => {
    const rows = [...spread(0, 9000), ...spread(3000, 9000, DATA)];
    const [{ evidence }] = detected({ rows });
    const [targets] = evidence;
    if (targets.type !== 'targets') throw new Error(`evidence is ${targets.type}`);
    // A quarter of 12,000, so about 1,024 of the sample: four standard errors.
    expect(targets.targets).to.be.within(3000 * (1 - 4 / 32), 3000 * (1 + 4 / 32));
  });

  it('does not fire by an answer that was dropped', () => {
    expect(detected({ rows: [...spread(0, 9000), ...spread(0, 9000, DATA)] })).to.deep.equal([]);
  });

  it('does not fire by luck of a sample', () => {
    // 19 of about 10,000: some samples of 4,096 hold 9 or more, which would stand for 20.
    for (let first = 0; first < 9; first++) {
      const rows = [...spread(first * 19, 19), ...spread(1000, 10_000, DATA)];
      const found = detectGroups(unpublicizedRemote, rows, { reference: referenceOf({}) });
      expect(found).to.deep.equal([]);
    }
  });

  it('judges a threshold beyond the sample by an estimate', () => {
    const rows = [...spread(0, 9000), ...spread(9000, 1000, DATA)];
    expect(detected({ rows, policy: { targets: 8000 } })).to.have.length(1);
    expect(detected({ rows, policy: { targets: 10_000 } })).to.have.length(0);
  });

  it('keeps little of who only answered', () => {
    const reference = referenceOf({});
    const state = unpublicizedRemote.create();
    const { plan } = planFilters({}, {}, [unpublicizedRemote]);
    const prepared = preparePolicies(unpublicizedRemote, plan[0], reference);
    const batch = fakeBatch(probes(RESERVED, 3, DATA), reference);
    const conversation = new Conversation(batch, reference);
    const policy = prepared.forCustomer('acme')?.prepared;
    conversation.move(1);
    unpublicizedRemote.add(state, conversation, policy as never);
    expect(JSON.stringify(unpublicizedRemote.save(state))).to.equal(
      '{"facts":{"greatest":null,"entries":[["10.0.0.2",16]]},"probes":null}',
    );
  });

  it('judges each customer by its own policy', () => {
    const rows = ['acme', 'globex', 'initech'].flatMap((customer) =>
      probes(SILENT, 20, { customer }),
    );
    const policies = {
      globex: { 'unpublicized-remote': { targets: 21 } },
      initech: { 'unpublicized-remote': { enabled: false } },
    };
    const found = detectGroups(unpublicizedRemote, rows, {
      reference: referenceOf(KNOWN),
      config: { policies },
    });
    expect(found.map(({ customer }) => customer)).to.deep.equal(['acme']);
  });
});

describe('unpublicized-remote: the default threshold', () => {
  /** P(X >= k), X Poisson with that mean, summed from the first term on. */
  function poissonUpperTail(mean: number, k: number): number {
    let term = Math.exp(-mean);
    for (let i = 1; i <= k; i++) term *= mean / i;
    let sum = 0;
    for (let i = k; i < k + 200; i++) {
      sum += term;
      term *= mean / (i + 1);
    }
    return sum;
  }

  const { targets } = unpublicizedRemote.policy.parse({});

  it('is the least that a NAT address with 5 dead names a day passes less than once in a million days', () => {
    expect(targets).to.equal(20);
    expect(poissonUpperTail(5, targets)).to.be.closeTo(3.452e-7, 1e-10);
    expect(poissonUpperTail(5, targets)).to.be.below(1e-6);
    expect(poissonUpperTail(5, targets - 1)).to.be.above(1e-6);
  });

  it('is passed once in 4,000 days with 8', () => {
    expect(poissonUpperTail(8, targets)).to.be.closeTo(2.529e-4, 1e-7);
  });
});

describe('estimateProbes', () => {
  const counter = (sensor: string, samplingRate: number, outPackets: number): HitCounter => ({
    sensor,
    samplingRate,
    outPackets,
    outBytes: 40 * outPackets,
    inPackets: 0,
    inBytes: 0,
  });
  const cases = [
    ['all packets seen', [counter('a', 1, 120)], [120, 1, 120, 120, 120]],
    ['a rate that is not known', [counter('a', 0, 120)], [120, 0, 120, 120, 120]],
    // scipy: chi2.ppf(0.025, 20) / 2 = 4.7954, chi2.ppf(0.975, 22) / 2 = 18.3904.
    ['sampled', [counter('a', 1000, 10)], [10, 1000, 10_000, 4795, 18_391]],
    // chi2.ppf(0.025, 2) / 2 = 0.025318, chi2.ppf(0.975, 4) / 2 = 5.5716.
    ['one packet', [counter('a', 100, 1)], [1, 100, 100, 2, 558]],
    ['one packet, which was sent', [counter('a', 2, 1)], [1, 2, 2, 1, 12]],
    ['none', [counter('a', 100, 0)], [0, 100, 0, 0, 369]],
    [
      'the sensor that saw most',
      [counter('a', 1, 30), counter('b', 10, 10)],
      [10, 10, 100, 47, 184],
    ],
    [
      'a count rather than a greater estimate that may be luck',
      [counter('a', 1, 90), counter('b', 10, 10)],
      [90, 1, 90, 90, 90],
    ],
    ['of equals the finer', [counter('b', 10, 10), counter('a', 1, 100)], [100, 1, 100, 100, 100]],
    ['never their sum', [counter('a', 1, 100), counter('b', 1, 100)], [100, 1, 100, 100, 100]],
    ['no counts', [], [0, 0, 0, 0, 0]],
  ] as const;
  for (const [name, counters, expected] of cases) {
    it(name, () => {
      const tally = Tally.restore({ ...new Tally().save(), counters });
      const { observed, samplingRate, estimate, low, high } = estimateProbes(tally);
      expect([observed, samplingRate, estimate, low, high]).to.deep.equal(expected);
    });
  }

  it('takes a count that no network sends', () => {
    const tally = Tally.restore({ ...new Tally().save(), counters: [counter('a', 10, 1e15)] });
    const { low, high } = estimateProbes(tally);
    expect([low / 1e16, high / 1e16].map((share) => share.toFixed(6))).to.deep.equal([
      '1.000000',
      '1.000000',
    ]);
    expect(high).to.be.above(low);
  });
});

describe('unpublicized-remote: words', () => {
  const targets = { type: 'targets', examples: [], ports: [22] } as const;
  const estimate = { type: 'estimate', of: 'probes', level: 0.95 } as const;
  const sentences = [
    [
      [
        { ...targets, kind: 'silent', targets: 21 },
        { ...estimate, observed: 21, samplingRate: 1, estimate: 21, low: 21, high: 21 },
      ],
      `${CUSTOMER} probed 21 addresses that nobody has a reason to talk to (21 silent) on port 22 with 21 packets; no answer was seen.`,
    ],
    [
      [
        { ...targets, kind: 'silent', targets: 12, ports: [23, 80, 443] },
        { ...targets, kind: 'unrouted', targets: 13 },
        { ...estimate, observed: 25, samplingRate: 100, estimate: 2500, low: 1617, high: 3691 },
      ],
      `${CUSTOMER} probed 25 addresses that nobody has a reason to talk to (12 silent, 13 unrouted) on ports 22, 23, 80 and more with 1617 to 3691 packets (95 % interval, sampled 1 in 100); no answer was seen.`,
    ],
    [
      [
        { ...targets, kind: 'reserved', targets: 9123, ports: [22, 23] },
        { ...estimate, observed: 9999, samplingRate: 0, estimate: 9999, low: 9999, high: 9999 },
      ],
      `${CUSTOMER} probed about 9123 addresses that nobody has a reason to talk to (9123 reserved) on ports 22, 23 with at least 9999 packets (sampling rate not known); no answer was seen.`,
    ],
  ] as const;
  for (const [evidence, sentence] of sentences) {
    it(sentence.slice(0, 60), () => {
      expect(unpublicizedRemote.summarize(fakeFinding({ evidence }))).to.equal(sentence);
    });
  }

  const policies = [
    [
      {},
      'Probes without answer from one address to 20 or more that are silent (a scan looked at that address and port and knows no service there at all), unrouted (in no announced network), reserved (in special-purpose space); silent needs a coverage feed, unrouted needs a routed feed.',
    ],
    [
      { targets: 5, kinds: ['reserved'] },
      'Probes without answer from one address to 5 or more that are reserved (in special-purpose space).',
    ],
    [{ kinds: [] }, 'Nothing: no kind of unpublicized address is chosen.'],
  ] as const;
  for (const [policy, sentence] of policies) {
    it(`describes ${JSON.stringify(policy)}`, () => {
      expect(unpublicizedRemote.describe(unpublicizedRemote.policy.parse(policy))).to.equal(
        sentence,
      );
    });
  }

  const mistakes = [
    [{ targets: 1 }, 'expected a whole number >= 2'],
    [{ targets: 2.5 }, 'expected a whole number >= 2'],
    [{ targets: 'many' }, 'expected a whole number >= 2'],
    [{ kinds: ['dark'] }, 'expected a list of silent, unrouted, reserved'],
    [{ kinds: 'silent' }, 'expected a list of silent, unrouted, reserved'],
  ] as const;
  for (const [policy, message] of mistakes) {
    it(`refuses ${JSON.stringify(policy)}`, () => {
      const { error } = unpublicizedRemote.policy.safeParse(policy);
      expect(error?.issues.map((issue) => issue.message)).to.deep.equal([message]);
    });
  }
});
