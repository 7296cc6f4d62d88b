import { expect } from 'chai';
import { candidatesOf } from '../../filters/association/earlier-candidates.js';
import { EndpointTexts } from '../../filters/association/endpoint-texts.js';
import { ServiceClients } from '../../filters/association/service-clients.js';
import { c2Candidate } from '../../filters/c2-candidate.js';
import type { GroupDetection, GroupFilter } from '../../filters/group-filter.js';
import type { EarlierCandidate, History } from '../../history/history.js';
import type { AssociationEvidence } from '../../pipeline/finding.js';
import { fakeFinding, fakeReference, type FakeConversation } from './fixtures.js';
import { DAY_START, detectGroups, type GroupRun } from './group-harness.js';

const FILTER = c2Candidate as GroupFilter;
const ID = 'c2-candidate';
const CUTS = [0, 1, 2];

const C2 = '203.0.113.7';
const C2_PREFIX = '203.0.113.128/25';
const SERVER = '192.0.2.66';
const EVERYBODYS = '192.0.2.1';
const C2_6 = '2001:db8:f::7';
const SERVER6 = '2001:db8:e::66';

const TABLES = {
  tags: {
    [C2]: [['c2', C2]],
    '203.0.113.130': [['botnet', C2_PREFIX]],
    '203.0.113.8': [['malware', '203.0.113.8']],
    '203.0.113.9:4444': [['c2', '203.0.113.9:4444']],
    '192.0.2.70': [['attacker', '192.0.2.0/24']],
    '192.0.2.71:8443': [['phishing', '192.0.2.71:8443']],
    '192.0.2.72': [['vendor-x', '192.0.2.72']],
    [C2_6]: [['c2', C2_6]],
  },
  services: {
    '192.0.2.73:8443': ['nice'],
    '192.0.2.74:8443': ['self-signed'],
    '192.0.2.75:8443': [],
  },
} as const;

const reference = fakeReference(TABLES);

/** Client `i`, in one of four networks. */
function client(i: number, customer = 'acme'): FakeConversation {
  return { customer, customerAddress: `198.18.${i % 4}.${i >> 2}` };
}

function client6(i: number): FakeConversation {
  return { customer: 'acme', customerAddress: `2001:db8:${i % 4}::${i.toString(16)}` };
}

interface Network {
  readonly clients?: number;
  /** Clients 0 to this talked to a C2. */
  readonly compromised?: number;
  /** Clients that talk to the server, from 0 on. */
  readonly clientsHere?: number;
  readonly c2?: FakeConversation;
  readonly server?: FakeConversation;
  /** Services that each client has for itself alone. */
  readonly others?: number;
  readonly clientOf?: (i: number) => FakeConversation;
}

/** 200 clients, of which the first 4 talked to a C2, and the first 3 to a server. */
function network({
  clients = 200,
  compromised = 4,
  clientsHere = 3,
  c2 = { remote: C2 },
  server = {},
  others = 0,
  clientOf = client,
}: Network = {}): FakeConversation[] {
  const rows: FakeConversation[] = [];
  for (let i = 0; i < clients; i++) {
    const six = clientOf === client6;
    rows.push({ remote: six ? '2001:db8:e::1' : EVERYBODYS, ...clientOf(i) });
    if (i < compromised) rows.push({ ...clientOf(i), ...c2 });
    if (i < clientsHere) rows.push({ remote: SERVER, remotePort: 8443, ...clientOf(i), ...server });
    for (let s = 0; s < others; s++) {
      rows.push({ ...clientOf(i), remote: `192.0.2.${100 + s}`, remotePort: 1024 + i });
    }
  }
  return rows;
}

/** What it makes of the rows, which is the same however they are cut and merged. */
function detect(
  rows: readonly FakeConversation[],
  run: Partial<GroupRun> = {},
): readonly GroupDetection[] {
  const results = CUTS.map((cut) => detectGroups(FILTER, rows, { reference, ...run, cut }));
  for (const other of results.slice(1)) {
    expect(other.map(plain)).to.deep.equal(results[0].map(plain));
  }
  return results[0];
}

function plain({ tally, ...rest }: GroupDetection): unknown {
  const { conversations, records, firstMs, lastMs, reason, counters } = tally;
  return { ...rest, tally: { conversations, records, firstMs, lastMs, reason, counters } };
}

function association({ evidence }: GroupDetection): AssociationEvidence {
  const found = evidence.find((entry) => entry.type === 'association');
  if (found === undefined) throw new Error('no association');
  return found;
}

function historyOf(given: Partial<History> = {}): History {
  return {
    days: [],
    seen: () => false,
    prevalence: () => undefined,
    counts: () => undefined,
    candidates: () => [],
    ...given,
  };
}

function daysAgo(days: number): string {
  return new Date(DAY_START - days * 86_400_000).toISOString().slice(0, 10);
}

function earlier(...days: readonly number[]): History {
  return historyOf({
    candidates: (remote) =>
      days.map((ago): EarlierCandidate => ({
        day: daysAgo(ago),
        remote,
        service: '443/tcp',
        clients: 3,
      })),
  });
}

interface Case {
  readonly name: string;
  readonly rows: readonly FakeConversation[];
  readonly policy?: Readonly<Record<string, unknown>>;
  readonly history?: History;
  /** Remote, service and confidence. */
  readonly fires: readonly (readonly [string, string, string])[];
}

const CANDIDATE = [[SERVER, '8443/tcp', 'medium']] as const;
const WEAK = [[SERVER, '8443/tcp', 'low']] as const;

/** The server as another remote. */
const at = (remote: string, given: FakeConversation = {}): FakeConversation[] =>
  network({ server: { remote, ...given } });

const CASES: readonly Case[] = [
  { name: 'three compromised clients of three', rows: network(), fires: CANDIDATE },
  { name: 'not two', rows: network({ clientsHere: 2 }), fires: [] },
  {
    name: 'not three of which one is not compromised',
    rows: network({ compromised: 2 }),
    fires: [],
  },
  {
    name: 'not as many as the customer says',
    rows: network(),
    policy: { minClients: 4 },
    fires: [],
  },
  {
    name: 'not in one network',
    rows: network({ clientOf: (i) => client(i < 3 ? 4 * i : i + 9) }),
    fires: [],
  },
  {
    name: 'not in one IPv6 network of many subnets',
    rows: network({
      clientOf: (i) => ({ customerAddress: `2001:db8:1:${i.toString(16)}::1`, remote: SERVER6 }),
      c2: { remote: C2_6 },
      server: { remote: SERVER6 },
    }),
    fires: [],
  },
  {
    name: 'in two networks, at low confidence',
    rows: network({ clientOf: (i) => client(i < 2 ? 4 * i : i + 7) }),
    fires: WEAK,
  },
  {
    name: 'not in as many networks as the customer says',
    rows: network(),
    policy: { minNetworks: 4 },
    fires: [],
  },
  { name: 'lift of 50', rows: network(), policy: { minLift: 50 }, fires: CANDIDATE },
  { name: 'not of more', rows: network(), policy: { minLift: 50.1 }, fires: [] },
  {
    name: 'three of nine clients, at low confidence',
    rows: network({ compromised: 3, clientsHere: 9 }),
    fires: WEAK,
  },
  {
    name: 'not where chance brings it too often',
    rows: network({ compromised: 3, clientsHere: 9 }),
    policy: { maxFalse: 0.001 },
    fires: [],
  },
  {
    name: 'not where so many services are looked at that one of them comes that far',
    rows: network({ compromised: 3, clientsHere: 9, others: 20 }),
    fires: [],
  },
  {
    name: 'at a twentieth of all clients',
    rows: network({ compromised: 3, clientsHere: 10 }),
    policy: { maxFalse: 1 },
    fires: WEAK,
  },
  {
    name: 'not above: popular',
    rows: network({ compromised: 3, clientsHere: 11 }),
    policy: { maxFalse: 1 },
    fires: [],
  },
  {
    name: 'but of few clients a twentieth says nothing',
    rows: network({ clients: 99, compromised: 3, clientsHere: 10 }),
    policy: { maxFalse: 1 },
    fires: WEAK,
  },
  {
    name: 'not a remote that three customers talked to before',
    rows: network(),
    history: historyOf({ prevalence: () => ({ customers: 3, clients: 9, days: 1 }) }),
    fires: [],
  },
  {
    name: 'but one that two did',
    rows: network(),
    history: historyOf({
      prevalence: (remote) =>
        remote === SERVER ? { customers: 2, clients: 90, days: 0 } : undefined,
    }),
    fires: CANDIDATE,
  },
  {
    name: 'not where the known C2 is an address that everybody uses, so that its entry is probably wrong',
    rows: network(),
    history: historyOf({
      prevalence: (remote) => (remote === C2 ? { customers: 9, clients: 90, days: 9 } : undefined),
    }),
    fires: [],
  },
  {
    name: 'and one that was a candidate and has spread since',
    rows: network(),
    history: historyOf({
      ...earlier(1),
      prevalence: () => ({ customers: 30, clients: 99, days: 1 }),
    }),
    fires: CANDIDATE,
  },
  {
    name: 'a candidate of 14 days ago makes a weak one surer',
    rows: network({ compromised: 3, clientsHere: 9 }),
    history: earlier(14),
    fires: CANDIDATE,
  },
  {
    name: 'one of 15 days ago does not',
    rows: network({ compromised: 3, clientsHere: 9 }),
    history: earlier(15),
    fires: WEAK,
  },
  {
    name: 'two of 20 days ago do',
    rows: network({ compromised: 3, clientsHere: 9 }),
    history: earlier(20, 21),
    fires: CANDIDATE,
  },
  {
    name: 'the day itself and later ones are not earlier',
    rows: network({ compromised: 3, clientsHere: 9 }),
    history: earlier(0, -1),
    fires: WEAK,
  },
  { name: 'not a shared address', rows: at(SERVER, { shared: true }), fires: [] },
  { name: 'not a private one', rows: at('10.1.2.3'), fires: [] },
  { name: 'not one on a threat list', rows: at('192.0.2.70'), fires: [] },
  { name: 'not an ip:port on a threat list', rows: at('192.0.2.71'), fires: [] },
  {
    name: 'another port of that address',
    rows: at('192.0.2.71', { remotePort: 8444 }),
    fires: [['192.0.2.71', '8444/tcp', 'medium']],
  },
  {
    name: 'one with a policy tag',
    rows: at('192.0.2.72'),
    fires: [['192.0.2.72', '8443/tcp', 'medium']],
  },
  { name: 'not a publicly known service', rows: at('192.0.2.73'), fires: [] },
  { name: 'nor one without tags', rows: at('192.0.2.75'), fires: [] },
  {
    name: 'a known service that is suspicious by a tag',
    rows: at('192.0.2.74'),
    fires: [['192.0.2.74', '8443/tcp', 'medium']],
  },
  {
    name: 'not by a tag that is not chosen',
    rows: at('192.0.2.74'),
    policy: { insecureTags: ['telnet'] },
    fires: [],
  },
  { name: 'not attempts', rows: at(SERVER, { grade: 'attempt' }), fires: [] },
  { name: 'not where the customer is the server', rows: at(SERVER, { role: 'server' }), fires: [] },
  { name: 'not an unknown side', rows: at(SERVER, { role: 'unknown' }), fires: [] },
  {
    name: 'attempts at a C2 compromise nobody',
    rows: network({ c2: { remote: C2, grade: 'answered' } }),
    fires: [],
  },
  {
    name: 'nor does a C2 that connects to the customer',
    rows: network({ c2: { remote: C2, role: 'server' } }),
    fires: [],
  },
  {
    name: 'nor an address that several share',
    rows: network({ c2: { remote: C2, shared: true } }),
    fires: [],
  },
  {
    name: 'but its exact port does',
    rows: network({ c2: { remote: '203.0.113.9', remotePort: 4444, shared: true } }),
    fires: CANDIDATE,
  },
  {
    name: 'a prefix of a botnet does',
    rows: network({ c2: { remote: '203.0.113.130' } }),
    fires: CANDIDATE,
  },
  { name: 'malware does not', rows: network({ c2: { remote: '203.0.113.8' } }), fires: [] },
  {
    name: 'unless it is chosen',
    rows: network({ c2: { remote: '203.0.113.8' } }),
    policy: { categories: ['malware'] },
    fires: CANDIDATE,
  },
  {
    name: 'nothing where no category is chosen',
    rows: network(),
    policy: { categories: [] },
    fires: [],
  },
  { name: 'not where it is switched off', rows: network(), policy: { enabled: false }, fires: [] },
  {
    name: 'IPv6',
    rows: network({ clientOf: client6, c2: { remote: C2_6 }, server: { remote: SERVER6 } }),
    fires: [[SERVER6, '8443/tcp', 'medium']],
  },
];

describe(ID, () => {
  for (const { name, rows, policy = {}, history, fires } of CASES) {
    it(name, () => {
      const found = detect(rows, {
        config: { filters: { [ID]: policy } },
        ...(history === undefined ? {} : { history }),
      });
      const brief = found.map(({ remoteAddress, service, confidence }) => [
        remoteAddress,
        service,
        confidence,
      ]);
      expect(brief).to.deep.equal(fires);
      for (const { severity } of found) expect(severity).to.equal('high');
    });
  }

  it('says which clients and which C2s led to it, and of what conversations it speaks', () => {
    const rows = [
      ...network(),
      { ...client(0), remote: '203.0.113.130', firstMs: 1 },
      { ...client(1), remote: SERVER, remotePort: 8443, firstMs: 500, lastMs: 9_000, records: 7 },
      { ...client(9), remote: EVERYBODYS, firstMs: 1, lastMs: 99_000 },
    ];
    const [found, ...others] = detect(rows, { history: earlier(3, 9) });
    expect(others).to.have.length(0);
    const { evidence, tally, ...rest } = found;
    expect(rest).to.deep.equal({
      severity: 'high',
      confidence: 'medium',
      customer: 'acme',
      subject: '-',
      customerAddress: null,
      customerPort: null,
      role: 'client',
      remoteAddress: SERVER,
      remotePort: 8443,
      service: '8443/tcp',
      indicator: SERVER,
    });
    const { pValue, lift, expectedFalse, ...counts } = association(found);
    expect(expectedFalse).to.be.within(pValue, 0.05);
    expect(counts).to.deep.equal({
      type: 'association',
      clients: [
        { address: '198.18.0.0', c2: [C2_PREFIX, C2] },
        { address: '198.18.1.0', c2: [C2] },
        { address: '198.18.2.0', c2: [C2] },
      ],
      compromisedHere: 3,
      networks: 3,
      clientsHere: 3,
      compromised: 4,
      allClients: 200,
    });
    expect(lift).to.be.closeTo(50, 1e-9);
    // 4 over 3, of 200 over 3.
    expect(pValue).to.be.closeTo(4 / 1_313_400, 1e-15);
    expect(evidence.slice(1)).to.deep.equal([
      { type: 'history', of: 'candidate', days: 2, from: daysAgo(9), to: daysAgo(3) },
    ]);
    expect(tally.conversations).to.equal(4);
    expect(tally.records).to.equal(16);
    expect(tally.firstMs).to.equal(500);
    expect(tally.lastMs).to.equal(9_000);
  });

  it('names ten clients at most and eight C2s, and counts all', () => {
    const c2s = Array.from({ length: 12 }, (_, i) => `203.0.113.${10 + i}`);
    const many = fakeReference({
      tags: Object.fromEntries(c2s.map((address) => [address, [['c2', address]] as const])),
    });
    const rows = [
      ...network({ clients: 1000, clientsHere: 30, compromised: 0 }),
      ...c2s.flatMap((remote) => Array.from({ length: 30 }, (_, i) => ({ ...client(i), remote }))),
    ];
    const [found] = detectGroups(FILTER, rows, { reference: many });
    const { clients, compromisedHere } = association(found);
    expect(compromisedHere).to.equal(30);
    expect(clients).to.have.length(10);
    for (const { c2 } of clients) expect(c2).to.have.length(8);
    expect(found.tally.conversations).to.equal(30);
    expect(detectGroups(FILTER, rows, { reference: many, cut: 5 }).map(plain)).to.deep.equal([
      plain(found),
    ]);
  });

  describe('with several customers', () => {
    const names = ['a', 'b', 'c', 'd'];
    const rows = network({ clientOf: (i) => client(i, names[i % 4]), clientsHere: 4 });

    it('makes one finding for each with its own clients, and of the others only counts', () => {
      const found = detect(rows);
      expect(found.map(({ customer }) => customer)).to.deep.equal(names);
      found.forEach((detection, i) => {
        const { clients, compromisedHere } = association(detection);
        expect(clients).to.deep.equal([{ address: `198.18.${i}.0`, c2: [C2] }]);
        expect(compromisedHere).to.equal(4);
        expect(detection.tally.conversations).to.equal(1);
        const text = JSON.stringify(plain(detection));
        expect(text.match(/198\.18\.\d+\.\d+/g)).to.deep.equal([`198.18.${i}.0`]);
        for (const name of names.filter((other) => other !== detection.customer)) {
          expect(text).to.not.include(`"${name}"`);
        }
      });
    });

    it('counts the clients of a customer for which it does not run, and tells it nothing', () => {
      const off = (...customers: readonly string[]): NonNullable<GroupRun['config']> => ({
        policies: Object.fromEntries(customers.map((name) => [name, { [ID]: { enabled: false } }])),
      });
      const found = detect(rows, { config: off('d') });
      expect(found.map(({ customer }) => customer)).to.deep.equal(['a', 'b', 'c']);
      const { compromisedHere, compromised, allClients } = association(found[0]);
      expect([compromisedHere, compromised, allClients]).to.deep.equal([4, 4, 200]);
      expect(detect(rows, { config: off('c', 'd') }).map(plain)).to.deep.equal(
        found.slice(0, 2).map(plain),
      );
    });

    it('judges each by its own policy', () => {
      const config = { policies: { b: { [ID]: { minClients: 5 } } } };
      expect(detect(rows, { config }).map(({ customer }) => customer)).to.deep.equal([
        'a',
        'c',
        'd',
      ]);
    });

    it('takes one address of two customers for two clients', () => {
      const same = [
        ...network({ clients: 300 }),
        ...network({ clients: 3, clientOf: (i) => client(i, 'b') }),
      ];
      const { compromisedHere, clientsHere, networks, allClients } = association(detect(same)[0]);
      expect([compromisedHere, clientsHere, networks, allClients]).to.deep.equal([6, 6, 3, 303]);
    });

    it('keeps customers apart whose names are hostile', () => {
      const hostile = ['__proto__', 'a b', 'b', ' ', '', '["a"]', '\u0000', 'constructor'];
      const clientOf = (i: number): FakeConversation => client(i, hostile[i % hostile.length]);
      const found = detect(network({ clientOf, compromised: 8, clientsHere: 8 }));
      expect(found.map(({ customer }) => customer).sort()).to.deep.equal([...hostile].sort());
    });
  });

  it('raises false candidates at no more than the stated rate', () => {
    // Clients of equal habits, whoever is compromised; services from everybody's to hardly anybody's.
    const clients = 300;
    const windows = 200;
    const random = randomOf(7);
    let found = 0;
    let servicesOfThree = 0;
    for (let window = 0; window < windows; window++) {
      const compromised = 4 + (window % 30);
      const members = new Map<number, ServiceClients>();
      let pairs = 0;
      for (let i = 0; i < clients; i++) {
        const services = new Set<number>();
        while (services.size < 20) services.add(Math.floor(2000 * random() ** 3));
        for (const service of services) {
          pairs++;
          const one =
            i < compromised
              ? ServiceClients.ofCompromised('acme', `198.18.${i}.1`, [C2], [1, 1, 0, 0, 7])
              : ServiceClients.ofClient();
          const known = members.get(service);
          if (known === undefined) members.set(service, one);
          else known.merge(one);
        }
      }
      const prepared = c2Candidate.prepare(c2Candidate.policy.parse({}), reference);
      for (const member of members.values()) {
        if (member.clients >= 3) servicesOfThree++;
        if (!c2Candidate.over?.worthwhile(member)) continue;
        found += [
          ...c2Candidate.detect(`${SERVER} 443/tcp`, member, {
            policyOf: () => prepared,
            reference,
            history: undefined,
            windowStartMs: DAY_START,
            windowEndMs: DAY_START + 86_400_000,
            totals: new Map([
              ['clients', clients],
              ['clients of acme', clients],
              ['compromised of acme', compromised],
              ['pairs', pairs],
            ]),
          }),
        ].length;
      }
    }
    expect(servicesOfThree / windows).to.be.greaterThan(500);
    // Poisson with 0.05 a window: 99 % of the time at most this.
    expect(found).to.be.at.most(0.05 * windows + 2.33 * Math.sqrt(0.05 * windows) + 1);
  });

  it('renders a sentence', () => {
    const [{ tally, role, ...found }] = detect(network());
    const finding = fakeFinding({
      ...found,
      customerRole: role,
      conversations: tally.conversations,
    });
    expect(c2Candidate.summarize(finding)).to.equal(
      `198.18.0.0, 198.18.1.0, 198.18.2.0 connected to ${SERVER} (8443/tcp) and to known C2s ` +
        `(${C2}); 3 of the 3 clients of that server are compromised, of all 200 clients 4: ` +
        'perhaps a C2 that no list knows.',
    );
  });

  it('describes its policy and checks it', () => {
    const defaults = c2Candidate.policy.parse({});
    expect(c2Candidate.describe(defaults)).to.include('at least 3 clients in 2 networks');
    expect(c2Candidate.describe({ ...defaults, categories: [] })).to.include('Nothing');
    const wrong = [
      { maxFalse: 0 },
      { maxFalse: 1.1 },
      { minLift: 0.9 },
      { minClients: 2 },
      { minClients: 3.5 },
      { minNetworks: 1 },
      { categories: ['tor'] },
    ];
    for (const policy of wrong)
      expect(c2Candidate.policy.safeParse(policy).success).to.equal(false);
  });
});

describe('EndpointTexts', () => {
  it('makes the text that belongs to an address, number and name, whichever it had before', () => {
    const texts = new EndpointTexts((address, number, name) => `${address} ${number} ${name}`);
    const four = Uint32Array.of(0xc0000201, 0, 0xffffffff);
    const six = Uint32Array.of(0x20010db8, 0, 0, 1, 0, 0, 0xffff, 0xc0000201);
    const cases = [
      [4, four, 0, '192.0.2.1'],
      [4, four, 1, '0.0.0.0'],
      [4, four, 2, '255.255.255.255'],
      [6, six, 0, '2001:db8::1'],
    ] as const;
    let wrong = 0;
    // More than there are places for, so that they push each other out.
    for (let round = 0; round < 2; round++) {
      for (let number = 0; number < 20_000; number++) {
        for (const [family, column, row, address] of cases) {
          const name = number % 2 === 0 ? 'a' : '';
          const text = texts.of(family, column, row, number, name);
          if (text !== `${address} ${number} ${name}`) wrong++;
        }
      }
    }
    expect(wrong).to.equal(0);
    const [[family, column, row]] = cases;
    expect(texts.of(family, column, row, 1, 'a')).to.equal('192.0.2.1 1 a');
    expect(texts.of(family, column, row, 1, 'b')).to.equal('192.0.2.1 1 b');
  });
});

describe('candidatesOf', () => {
  it('makes one candidate a remote and service of all customers', () => {
    const names = ['a', 'b'];
    const rows = network({ clientOf: (i) => client(i, names[i % 2]), clientsHere: 4 });
    const other = rows
      .filter(({ remote }) => remote === SERVER)
      .map((row) => ({ ...row, remotePort: 80 }));
    const found = detect([...rows, ...other]);
    expect(found).to.have.length(4);
    expect(candidatesOf('2026-01-05', found)).to.deep.equal([
      { day: '2026-01-05', remote: SERVER, service: '80/tcp', clients: 4 },
      { day: '2026-01-05', remote: SERVER, service: '8443/tcp', clients: 4 },
    ]);
    expect(candidatesOf('2026-01-05', found.toReversed())).to.deep.equal(
      candidatesOf('2026-01-05', found),
    );
  });

  it('takes nothing else for one', () => {
    expect(candidatesOf('2026-01-05', [fakeFinding()])).to.deep.equal([]);
  });
});

/** A small generator of numbers in [0, 1) by seed. */
function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
