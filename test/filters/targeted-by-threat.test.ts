import { expect } from 'chai';
import type { GroupDetection, GroupFilter } from '../../filters/group-filter.js';
import { Reach } from '../../filters/targeting/reach.js';
import { ServiceReaches } from '../../filters/targeting/service-reaches.js';
import { targetedByThreat } from '../../filters/targeted-by-threat.js';
import type { Evidence, TargetsEvidence } from '../../pipeline/finding.js';
import { CUSTOMER, fakeFinding, fakeReference, type FakeConversation, REMOTE } from './fixtures.js';
import { detectGroups, type GroupRun } from './group-harness.js';

const FILTER = targetedByThreat as GroupFilter;
const ID = 'targeted-by-threat';
const NETWORK = '203.0.113.0/24';
const C2 = '203.0.113.9';
const SWEPT = '203.0.113.200';
const REMOTE6 = '2001:db8:f::7';
const CUTS = [0, 1, 2, 3, 4, 5];

const TELNET = '198.51.100.23:23';

const TABLES = {
  tags: {
    [REMOTE]: [
      ['attacker', REMOTE],
      ['threat', NETWORK],
    ],
    [C2]: [['c2', C2]],
    '203.0.113.11': [['ransomware', '203.0.113.11']],
    '203.0.113.12': [['botnet', '203.0.113.12']],
    '203.0.113.13': [['vendor-x', NETWORK]],
    '203.0.113.14': [['tor', '203.0.113.14']],
    '203.0.113.15:50000': [['c2', '203.0.113.15:50000']],
    '203.0.113.16': [['attacker', '203.0.113.16']],
    '203.0.113.16:50000': [['c2', '203.0.113.16:50000']],
    [SWEPT]: [['attacker', NETWORK]],
    '203.0.113.201': [['attacker', NETWORK]],
    '10.1.2.3': [['attacker', '10.1.2.3']],
    [REMOTE6]: [['attacker', REMOTE6]],
    '2001:db8:f::8': [['attacker', '2001:db8:f::/64']],
  },
  services: {
    [TELNET]: ['telnet'],
    '198.51.100.24:23': ['telnet'],
    '198.51.100.25:8080': ['nice'],
    '[2001:db8:1::23]:23': ['telnet', 'end-of-life'],
  },
  customers: ['acme'],
} as const;

const reference = fakeReference(TABLES);

/** Attempts of the remote at `count` addresses of the customer. */
function attempts(count: number, given: FakeConversation = {}): FakeConversation[] {
  return Array.from({ length: count }, (_, i) => ({
    role: 'server',
    grade: 'attempt',
    customerPort: 22,
    customerAddress: `198.51.100.${100 + i}`,
    ...given,
  }));
}

function established(given: FakeConversation = {}): FakeConversation {
  return { role: 'server', customerPort: 22, ...given };
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

function brief(found: readonly GroupDetection[]): unknown {
  return found.map(({ service, indicator, severity, confidence }) => [
    service,
    indicator,
    severity,
    confidence,
  ]);
}

function targets(evidence: readonly Evidence[]): readonly TargetsEvidence[] {
  return evidence.filter((entry) => entry.type === 'targets');
}

interface Case {
  readonly name: string;
  readonly rows: readonly FakeConversation[];
  readonly config?: GroupRun['config'];
  readonly fires: readonly (readonly [string, string, string, string])[];
}

const MEDIUM = [['22/tcp', REMOTE, 'medium', 'high']] as const;
const LOW = [['22/tcp', REMOTE, 'low', 'high']] as const;

const CASES: readonly Case[] = [
  { name: 'an established conversation', rows: [established()], fires: MEDIUM },
  { name: 'of medium grade', rows: [established({ grade: 'medium' })], fires: MEDIUM },
  { name: 'not an answer alone', rows: [established({ grade: 'answered' })], fires: [] },
  { name: 'not an attempt alone', rows: [established({ grade: 'attempt' })], fires: [] },
  { name: 'not an unknown grade alone', rows: [established({ grade: 'unknown' })], fires: [] },
  { name: 'attempts at five addresses', rows: attempts(5), fires: LOW },
  { name: 'not at four', rows: attempts(4), fires: [] },
  {
    name: 'not at one address again and again',
    rows: attempts(9, { customerAddress: CUSTOMER }),
    fires: [],
  },
  {
    name: 'answers at five addresses are no more than attempts',
    rows: attempts(5, { grade: 'answered' }),
    fires: LOW,
  },
  {
    name: 'attempts at as many addresses as the customer says',
    rows: attempts(2),
    config: { policies: { acme: { [ID]: { minAddresses: 2 } } } },
    fires: LOW,
  },
  {
    name: 'an insecure service that answered',
    rows: [established({ customerAddress: '198.51.100.23', customerPort: 23, grade: 'answered' })],
    fires: [['23/tcp', REMOTE, 'medium', 'high']],
  },
  {
    name: 'not an insecure service that did not',
    rows: [established({ customerAddress: '198.51.100.23', customerPort: 23, grade: 'attempt' })],
    fires: [],
  },
  {
    name: 'an insecure service with an established conversation',
    rows: [established({ customerAddress: '198.51.100.23', customerPort: 23 })],
    fires: [['23/tcp', REMOTE, 'high', 'high']],
  },
  {
    name: 'an insecure service that answered, and another address with a conversation, are not both in one',
    rows: [
      established({ customerAddress: '198.51.100.23', customerPort: 23, grade: 'answered' }),
      established({ customerAddress: '198.51.100.99', customerPort: 23 }),
    ],
    fires: [['23/tcp', REMOTE, 'medium', 'high']],
  },
  {
    name: 'a service whose tags are not chosen is as any other',
    rows: [established({ customerAddress: '198.51.100.23', customerPort: 23 })],
    config: { filters: { [ID]: { insecureTags: ['end-of-life'] } } },
    fires: [['23/tcp', REMOTE, 'medium', 'high']],
  },
  {
    name: 'a service that a scan knows and finds nothing wrong with',
    rows: [
      established({ customerAddress: '198.51.100.25', customerPort: 8080, grade: 'answered' }),
    ],
    fires: [],
  },
  {
    name: 'c2 one step up',
    rows: [established({ remote: C2 })],
    fires: [['22/tcp', C2, 'high', 'high']],
  },
  {
    name: 'ransomware too, attempts as well',
    rows: attempts(5, { remote: '203.0.113.11' }),
    fires: [['22/tcp', '203.0.113.11', 'medium', 'high']],
  },
  {
    name: 'never above high',
    rows: [established({ remote: C2, customerAddress: '198.51.100.23', customerPort: 23 })],
    fires: [['23/tcp', C2, 'high', 'high']],
  },
  {
    name: 'botnet not a step up',
    rows: [established({ remote: '203.0.113.12' })],
    fires: [['22/tcp', '203.0.113.12', 'medium', 'high']],
  },
  {
    name: 'one finding a service up to three that were only tried',
    rows: [22, 23, 25].flatMap((customerPort) => attempts(5, { customerPort })),
    fires: [
      ['22/tcp', REMOTE, 'low', 'high'],
      ['23/tcp', REMOTE, 'low', 'high'],
      ['25/tcp', REMOTE, 'low', 'high'],
    ],
  },
  {
    name: 'one for all of four',
    rows: [22, 23, 25, 80]
      .flatMap((customerPort) => attempts(2, { customerPort }))
      .concat(attempts(5)),
    fires: [['-', REMOTE, 'low', 'high']],
  },
  {
    name: 'none where the sweep meets too few addresses',
    rows: [22, 23, 25, 80, 443, 8080].flatMap((customerPort) => attempts(4, { customerPort })),
    fires: [],
  },
  {
    name: 'what was established stays apart from the sweep',
    rows: [
      ...[23, 25, 80, 443].flatMap((customerPort) => attempts(5, { customerPort })),
      established(),
    ],
    fires: [
      ['-', REMOTE, 'low', 'high'],
      ['22/tcp', REMOTE, 'medium', 'high'],
    ],
  },
  {
    name: 'an established service is none of the three',
    rows: [...[23, 25, 80].flatMap((customerPort) => attempts(5, { customerPort })), established()],
    fires: [
      ['22/tcp', REMOTE, 'medium', 'high'],
      ['23/tcp', REMOTE, 'low', 'high'],
      ['25/tcp', REMOTE, 'low', 'high'],
      ['80/tcp', REMOTE, 'low', 'high'],
    ],
  },
  {
    name: 'one for all where more than sixteen services were established, sweep and all',
    rows: [
      ...Array.from({ length: 17 }, (_, i) => established({ customerPort: 1000 + i })),
      ...[23, 25, 80, 443].flatMap((customerPort) => attempts(5, { customerPort })),
    ],
    fires: [['-', REMOTE, 'medium', 'high']],
  },
  {
    name: 'remotes of a prefix are one, a step less sure',
    rows: [...attempts(3, { remote: SWEPT }), ...attempts(5, { remote: '203.0.113.201' })],
    fires: [['22/tcp', NETWORK, 'low', 'medium']],
  },
  {
    name: 'a side known by the lower port alone is a step less sure',
    rows: [established({ reason: 'lowerPort' })],
    fires: [['22/tcp', REMOTE, 'medium', 'medium']],
  },
  {
    name: 'the best reason of the group counts',
    rows: [established({ reason: 'lowerPort' }), established({ remotePort: 50_001 })],
    fires: MEDIUM,
  },
  {
    name: 'a prefix and the lower port',
    rows: [established({ remote: SWEPT, reason: 'lowerPort' })],
    fires: [['22/tcp', NETWORK, 'medium', 'low']],
  },
  {
    name: 'an exact ip:port, of a remote that comes from it',
    rows: [established({ remote: '203.0.113.15' })],
    fires: [['22/tcp', '203.0.113.15:50000', 'high', 'high']],
  },
  {
    name: 'not from another port',
    rows: [established({ remote: '203.0.113.15', remotePort: 50_001 })],
    fires: [],
  },
  {
    name: 'not where the customer is the client',
    rows: [established({ role: 'client' })],
    fires: [],
  },
  { name: 'not where the side is unknown', rows: [established({ role: 'unknown' })], fires: [] },
  {
    name: 'an address, and an exact ip:port of it',
    rows: [
      established({ remote: '203.0.113.16', remotePort: 50_001 }),
      established({ remote: '203.0.113.16' }),
    ],
    fires: [
      ['22/tcp', '203.0.113.16', 'medium', 'high'],
      ['22/tcp', '203.0.113.16:50000', 'high', 'high'],
    ],
  },
  { name: 'not on a shared address', rows: [established({ shared: true })], fires: [] },
  { name: 'not an unlisted remote', rows: [established({ remote: '192.0.2.1' })], fires: [] },
  { name: 'not a policy tag', rows: [established({ remote: '203.0.113.13' })], fires: [] },
  { name: 'not an anonymizer', rows: [established({ remote: '203.0.113.14' })], fires: [] },
  { name: 'not a private remote', rows: [established({ remote: '10.1.2.3' })], fires: [] },
  {
    name: 'not a category that is not chosen',
    rows: [established({ remote: C2 })],
    config: { filters: { [ID]: { categories: ['attacker'] } } },
    fires: [],
  },
  {
    name: 'nothing where none is chosen',
    rows: [established()],
    config: { filters: { [ID]: { categories: [] } } },
    fires: [],
  },
  {
    name: 'not where it is switched off',
    rows: [established()],
    config: { filters: { [ID]: { enabled: false } } },
    fires: [],
  },
  {
    name: 'not for a customer that switched it off',
    rows: [established()],
    config: { policies: { acme: { [ID]: { enabled: false } } } },
    fires: [],
  },
  {
    name: 'IPv6',
    rows: [
      established({
        remote: REMOTE6,
        customerAddress: '2001:db8:1::23',
        customerPort: 23,
        grade: 'answered',
      }),
    ],
    fires: [['23/tcp', REMOTE6, 'medium', 'high']],
  },
  {
    name: 'an IPv6 prefix',
    rows: [established({ remote: '2001:db8:f::8', customerAddress: '2001:db8:1::9' })],
    fires: [['22/tcp', '2001:db8:f::/64', 'medium', 'medium']],
  },
];

describe('ServiceReaches', () => {
  const LIMIT = 3;
  const some = (...services: readonly string[]): ServiceReaches => {
    const reaches = new ServiceReaches(LIMIT);
    for (const service of services) reaches.add(service, new Reach());
    return reaches;
  };
  const wire = (reaches: ServiceReaches): ServiceReaches =>
    ServiceReaches.restore(LIMIT, JSON.parse(JSON.stringify(reaches.save())));
  const names = (reaches: ServiceReaches): readonly string[] =>
    reaches.entries().map(([service]) => service);

  it('keeps up to the limit apart, and puts more together for good', () => {
    expect(names(some('1/tcp', '2/tcp', '3/tcp'))).to.have.length(3);
    const many = some('1/tcp', '2/tcp', '3/tcp', '4/tcp');
    expect(names(many)).to.deep.equal(['-']);
    const few = some('1/tcp');
    few.merge(wire(many));
    expect(names(few)).to.deep.equal(['-']);
    const again = wire(many);
    again.merge(some('1/tcp'));
    expect(names(again)).to.deep.equal(['-']);
  });
});

describe(ID, () => {
  for (const { name, rows, config = {}, fires } of CASES) {
    it(name, () => {
      expect(brief(detect(rows, { config }))).to.deep.equal(fires);
    });
  }

  it('says who reached for what, how far it came, and what the inventory knows', () => {
    const [found, ...others] = detect([
      ...attempts(3, { customerPort: 23 }),
      established({ customerAddress: '198.51.100.23', customerPort: 23 }),
      established({ customerAddress: '198.51.100.24', customerPort: 23, grade: 'answered' }),
    ]);
    expect(others).to.have.length(0);
    const { evidence, tally, ...rest } = found;
    expect(rest).to.deep.equal({
      severity: 'high',
      confidence: 'high',
      customer: 'acme',
      subject: '-',
      customerAddress: null,
      customerPort: 23,
      role: 'server',
      remoteAddress: REMOTE,
      remotePort: null,
      service: '23/tcp',
      indicator: REMOTE,
    });
    const insecure = ['198.51.100.23', '198.51.100.24'];
    const tried = ['198.51.100.100', '198.51.100.101', '198.51.100.102', ...insecure];
    const target = (kind: string, examples: readonly string[]): Evidence => ({
      type: 'targets',
      kind,
      targets: examples.length,
      examples,
      ports: [23],
    });
    expect(evidence).to.deep.equal([
      {
        type: 'list',
        feed: 'feed-attacker',
        entry: REMOTE,
        category: 'attacker',
        feedVersion: 'v1',
      },
      { type: 'list', feed: 'feed-threat', entry: NETWORK, category: 'threat', feedVersion: 'v1' },
      target('attempted', tried),
      target('answered', insecure),
      target('established', ['198.51.100.23']),
      target('insecure-answered', insecure),
      target('insecure-established', ['198.51.100.23']),
      ...insecure.map((address) => ({
        type: 'inventory',
        feed: 'scan',
        feedVersion: 'v1',
        entry: `${address}:23/tcp`,
        service: 'svc',
        tags: ['telnet'],
      })),
      { type: 'spread', customers: 1, ofCustomers: 1 },
    ]);
    expect(tally.conversations).to.equal(5);
    expect(tally.traffic.bytesIn).to.equal(45_000);
  });

  it('lists the ports of a sweep, at most 32, and names no port of the customer', () => {
    const ports = Array.from({ length: 40 }, (_, i) => 1000 + i);
    const [found] = detect(ports.flatMap((customerPort) => attempts(5, { customerPort })));
    expect(found.service).to.equal('-');
    expect(found.customerPort).to.equal(null);
    expect(targets(found.evidence)[0].ports).to.deep.equal(ports.slice(0, 32));
    expect(found.tally.conversations).to.equal(200);
  });

  it('names the remotes of a prefix, and none as the remote', () => {
    const rows = [...attempts(5, { remote: SWEPT }), established({ remote: '203.0.113.201' })];
    const [found] = detect(rows);
    expect(found.remoteAddress).to.equal(null);
    const from = targets(found.evidence).find(({ kind }) => kind === 'from');
    expect(from?.examples).to.deep.equal([SWEPT, '203.0.113.201']);
  });

  it('keeps its id where more addresses and remotes are seen', () => {
    const idOf = ([found]: readonly GroupDetection[]): unknown => [
      found.customer,
      found.subject,
      found.remoteAddress,
      found.service,
      found.indicator,
    ];
    for (const remote of [REMOTE, SWEPT]) {
      const few = detect([established({ remote })]);
      const many = detect([established({ remote }), ...attempts(20, { remote })]);
      expect(idOf(many)).to.deep.equal(idOf(few));
    }
  });

  it('bounds examples, services and addresses, and still counts', () => {
    const rows = Array.from({ length: 9000 }, (_, i) =>
      established({ customerAddress: `198.18.${i >> 8}.${i & 255}`, customerPort: 23 }),
    );
    const [found] = detectGroups(FILTER, rows, { reference });
    const [attempted] = targets(found.evidence);
    expect(attempted.targets).to.be.within(8500, 9500);
    expect(attempted.examples).to.have.length(10);
    expect(JSON.stringify(found.evidence).length).to.be.below(4000);
    const again = detectGroups(FILTER, rows, { reference, cut: 3 });
    expect(again.map(plain)).to.deep.equal([plain(found)]);
  });

  it('names at most five insecure services', () => {
    const hosts = Array.from({ length: 12 }, (_, i) => `198.51.100.${50 + i}`);
    const many = fakeReference({
      ...TABLES,
      services: Object.fromEntries(hosts.map((host) => [`${host}:23`, ['telnet']])),
    });
    const rows = hosts.map((customerAddress) => established({ customerAddress, customerPort: 23 }));
    const [found] = detect(rows, { reference: many });
    expect(found.evidence.filter(({ type }) => type === 'inventory')).to.have.length(5);
    expect(targets(found.evidence).at(-1)?.targets).to.equal(12);
  });

  describe('mass scanners', () => {
    const customers = ['a', 'b', 'c', 'd', 'e'];
    const wide = fakeReference({ ...TABLES, customers });
    const everywhere = (count: number, rows: readonly FakeConversation[]): FakeConversation[] =>
      customers.slice(0, count).flatMap((customer) => rows.map((row) => ({ ...row, customer })));
    const severities = (rows: readonly FakeConversation[], run: Partial<GroupRun> = {}): unknown =>
      detect(rows, { reference: wide, ...run }).map(({ customer, severity }) => [
        customer,
        severity,
      ]);

    it('fires for attempts at two of five customers', () => {
      expect(severities(everywhere(2, attempts(5)))).to.deep.equal([
        ['a', 'low'],
        ['b', 'low'],
      ]);
    });

    it('does not for attempts at three of five', () => {
      expect(severities(everywhere(3, attempts(5)))).to.deep.equal([]);
    });

    it('does for three of six, which is no majority', () => {
      const six = fakeReference({ ...TABLES, customers: [...customers, 'f'] });
      expect(severities(everywhere(3, attempts(5)), { reference: six })).to.have.length(3);
    });

    it('does for two of two: one or two customers are no crowd', () => {
      const two = fakeReference({ ...TABLES, customers: ['a', 'b'] });
      expect(severities(everywhere(2, attempts(5)), { reference: two })).to.have.length(2);
    });

    it('does not for an answer of an insecure service', () => {
      const answer = established({
        customerAddress: '198.51.100.23',
        customerPort: 23,
        grade: 'answered',
      });
      expect(
        severities([...everywhere(3, attempts(1)), { ...answer, customer: 'a' }]),
      ).to.deep.equal([]);
    });

    it('fires one step lower where something was established', () => {
      const rows = [
        ...everywhere(3, attempts(5)),
        established({ customer: 'a' }),
        established({ customer: 'b', customerAddress: '198.51.100.23', customerPort: 23 }),
        established({ customer: 'c', remote: C2 }),
      ];
      expect(severities(rows)).to.deep.equal([
        ['a', 'low'],
        ['b', 'medium'],
        ['c', 'high'],
      ]);
    });

    it('counts a customer once, whatever services it has', () => {
      const rows = [22, 23, 25].flatMap((customerPort) =>
        everywhere(1, attempts(5, { customerPort })),
      );
      const found = detect([...rows, ...everywhere(2, attempts(1))], { reference: wide });
      for (const { evidence } of found) {
        expect(evidence.at(-1)).to.deep.equal({ type: 'spread', customers: 2, ofCustomers: 5 });
      }
      expect(found).to.have.length(3);
    });

    it('counts customers for which it does not run: who scans everybody does so whoever asks', () => {
      const config = { policies: { c: { [ID]: { enabled: false } } } };
      expect(severities(everywhere(3, attempts(5)), { config })).to.deep.equal([]);
      expect(severities(everywhere(2, attempts(5)), { config })).to.have.length(2);
    });

    it('says nothing of other customers but their number', () => {
      const rows = everywhere(3, [established()]).map((row, i) => ({
        ...row,
        customerAddress: `198.51.100.${201 + i}`,
      }));
      const found = detect(rows, { reference: wide });
      expect(found).to.have.length(3);
      found.forEach((detection, i) => {
        const text = JSON.stringify(plain(detection));
        expect(text).to.include(`198.51.100.${201 + i}`);
        for (const other of [0, 1, 2].filter((at) => at !== i)) {
          expect(text).to.not.include(`198.51.100.${201 + other}`);
        }
      });
    });
  });

  it('keeps customers apart whose names are hostile', () => {
    const names = ['__proto__', 'constructor', '["a"]', 'a b', 'a', '', '"', 'ü\u0000'];
    const rows = names.map((customer) => established({ customer }));
    const found = detect(rows, { reference: fakeReference({ ...TABLES, customers: names }) });
    expect(found.map(({ customer }) => customer).sort()).to.deep.equal([...names].sort());
  });

  it('gives the severity again from evidence that is left', () => {
    const [{ evidence }] = detect([established({ remote: C2 })]);
    expect(targetedByThreat.severityOf?.(evidence)).to.equal('high');
    const without = evidence.filter(({ type }) => type !== 'list');
    expect(targetedByThreat.severityOf?.(without)).to.equal('medium');
  });

  it('renders a sentence', () => {
    const cases = [
      [
        [established({ customerAddress: '198.51.100.23', customerPort: 23 })],
        `${REMOTE} reached for 1 address on 23/tcp (1 answered, 1 with connections established, ` +
          '1 insecure by a scan: telnet); the remote is listed as attacker, threat by ' +
          'feed-attacker, feed-threat.',
      ],
      [
        [22, 23, 25, 80].flatMap((customerPort) => attempts(5, { customerPort, remote: SWEPT })),
        `Addresses of ${NETWORK} reached for 5 addresses on ports 22, 23, 25 and more (0 answered, ` +
          '0 with connections established); the remote is listed as attacker by feed-attacker.',
      ],
    ] as const;
    for (const [rows, sentence] of cases) {
      const [{ tally, role, ...found }] = detect(rows);
      const finding = fakeFinding({
        ...found,
        customerRole: role,
        conversations: tally.conversations,
      });
      expect(targetedByThreat.summarize(finding)).to.equal(sentence);
    }
  });

  it('describes its policy and checks it', () => {
    const defaults = targetedByThreat.policy.parse({});
    expect(targetedByThreat.describe(defaults)).to.include('at least 5 of its addresses');
    expect(targetedByThreat.describe({ ...defaults, categories: [] })).to.include('Nothing');
    for (const minAddresses of [0, 1.5, 4097, '5']) {
      expect(targetedByThreat.policy.safeParse({ minAddresses }).success).to.equal(false);
    }
    expect(targetedByThreat.policy.safeParse({ categories: ['shared'] }).success).to.equal(false);
  });
});
