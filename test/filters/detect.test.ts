import { expect } from 'chai';
import { categoryFamily } from '../../reference/categories.js';
import { detectHits } from '../../filters/detect.js';
import { filterOfShape } from '../../filters/filters.js';
import { nearestName } from '../../filters/nearest-name.js';
import { planFilters, preparePolicies } from '../../filters/policies.js';
import type { Evidence, Finding } from '../../pipeline/finding.js';
import { allHits, CUSTOMER, fakeBatch, fakeFinding, fakeReference, REMOTE } from './fixtures.js';

const reference = fakeReference({
  tags: { [REMOTE]: [['c2', REMOTE]] },
  countries: { [REMOTE]: 'SE' },
});

describe('detectHits', () => {
  it('says what collapse needs', () => {
    const [hit] = allHits(fakeBatch([{ remote: '192.0.2.1' }, {}], reference), reference);
    expect(hit).to.deep.equal({
      filter: 'known-bad-remote',
      severity: 'critical',
      confidence: 'high',
      customer: 'acme',
      subject: CUSTOMER,
      customerAddress: CUSTOMER,
      customerPort: 50_000,
      role: 'client',
      remoteAddress: REMOTE,
      remotePort: 443,
      remoteCountry: 'SE',
      protocol: 6,
      service: '443/tcp',
      indicator: REMOTE,
      evidence: [
        { type: 'list', feed: 'feed-c2', entry: REMOTE, category: 'c2', feedVersion: 'v1' },
      ],
      reason: 6,
      referenceVersion: 'snapshot-1',
      windowStartMs: 0,
      windowEndMs: 300_000,
      firstMs: 1_000,
      lastMs: 2_000,
      records: 3,
      counters: [
        {
          sensor: 'edge-1',
          samplingRate: 100,
          outPackets: 10,
          outBytes: 1_000,
          inPackets: 20,
          inBytes: 9_000,
        },
      ],
    });
    expect(JSON.parse(JSON.stringify(hit))).to.deep.equal(hit);
  });

  it('never names an ephemeral port as the service', () => {
    const [hit] = allHits(fakeBatch([{ role: 'unknown' }], reference), reference);
    expect(hit.service).to.equal('-');
  });

  it('judges each row by the policy of its customer', () => {
    const rows = ['acme', 'globex', 'initech'].map((customer) => ({ customer }));
    const hits = allHits(fakeBatch(rows, reference), reference, {
      policies: {
        globex: { 'known-bad-remote': { enabled: false } },
        initech: { 'known-bad-remote': { categories: ['phishing'] } },
      },
    });
    expect(hits.map(({ customer }) => customer)).to.deep.equal(['acme']);
  });

  it('lets attempts through to a filter that asks for them, and to no other', () => {
    const eager = { ...filterOfShape('known-bad-remote', 'conversation'), attempts: true };
    const rows = (['unknown', 'attempt', 'answered', 'medium', 'strong'] as const).map((grade) => ({
      grade,
    }));
    const batch = fakeBatch(rows, reference);
    expect(allHits(batch, reference, {}, [eager])).to.have.length(5);
    expect(allHits(batch, reference)).to.have.length(2);
  });

  it('does nothing with an empty batch', () => {
    expect(allHits(fakeBatch([], reference), reference)).to.deep.equal([]);
  });

  it('refuses a batch that was joined with another snapshot', () => {
    const filter = filterOfShape('known-bad-remote', 'conversation');
    const [plan] = planFilters({}, {}, [filter]).plan;
    const batch = { ...fakeBatch([{}], reference), referenceVersion: 'snapshot-0' };
    const policies = preparePolicies(filter, plan, reference);
    expect(() => {
      detectHits(batch, reference, filter, policies, () => undefined);
    }).to.throw('batch was joined with snapshot snapshot-0, the filter has snapshot-1');
  });
});

const list = (feed: string, category: string): Evidence => ({
  type: 'list',
  feed,
  entry: REMOTE,
  category,
  feedVersion: 'v1',
});

const SENTENCES: readonly (readonly [string, Partial<Finding>, string])[] = [
  [
    'known-bad-remote',
    { evidence: ['e', 'a', 'd', 'b', 'c'].map((feed) => list(feed, 'c2')) },
    `${CUSTOMER} connected to ${REMOTE} (443/tcp); the remote is listed as c2 by a, b, c and 2 more.`,
  ],
  [
    'known-bad-remote',
    { customerRole: 'unknown', service: '-', evidence: [list('a', 'malware'), list('b', 'c2')] },
    `${CUSTOMER} and ${REMOTE} talked (which one is the server is not known); the remote is listed as c2, malware by a, b.`,
  ],
  [
    'anonymizer',
    { customerRole: 'server', service: '22/tcp', evidence: [list('exits', 'tor')] },
    `${REMOTE} connected to ${CUSTOMER} (22/tcp); the remote is listed as tor by exits.`,
  ],
  [
    'honeypot-contact',
    { evidence: [list('traps', 'honeypot')] },
    `${CUSTOMER} connected to ${REMOTE} (443/tcp); the remote is a honeypot by traps: nobody has a reason to talk to it.`,
  ],
  [
    'sanctioned-country',
    {
      evidence: [
        { type: 'country', country: 'IR', feed: 'geo', feedVersion: 'v1', sharedAddress: false },
      ],
    },
    `${CUSTOMER} connected to ${REMOTE} (443/tcp); the remote is in IR, which is on your list of countries.`,
  ],
  [
    'insecure-remote-service',
    {
      evidence: [
        {
          type: 'inventory',
          feed: 'scan',
          feedVersion: 'v1',
          entry: `${REMOTE}:443/tcp`,
          service: 'https',
          tags: ['end-of-life', 'self-signed'],
        },
      ],
    },
    `${CUSTOMER} connected to ${REMOTE} (443/tcp); a scan found that service insecure: end-of-life, self-signed.`,
  ],
  [
    'policy-violation',
    { evidence: [{ type: 'policy', rule: 'tcp/443' }] },
    `${CUSTOMER} connected to ${REMOTE} (443/tcp), which your policy bans: tcp/443.`,
  ],
];

describe('summarize', () => {
  for (const [id, given, sentence] of SENTENCES) {
    it(`${id}: ${sentence.slice(0, 50)}...`, () => {
      expect(
        filterOfShape(id, 'conversation').summarize(fakeFinding({ filter: id, ...given })),
      ).to.equal(sentence);
    });
  }
});

describe('categoryFamily', () => {
  for (const [category, family] of [
    ['c2', 'threat'],
    ['tor', 'anonymizer'],
    ['honeypot', 'honeypot'],
    ['shared', 'shared'],
    ['vendor-x', 'policy'],
    ['constructor', 'policy'],
  ] as const) {
    it(`${category} -> ${family}`, () => {
      expect(categoryFamily(category)).to.equal(family);
    });
  }
});

describe('nearestName', () => {
  for (const [word, expected] of [
    ['anonymiser', 'anonymizer'],
    ['Anonymizer', 'anonymizer'],
    ['honeypot-contacts', 'honeypot-contact'],
    ['vpn', undefined],
    ['', undefined],
  ] as const) {
    it(`${word} -> ${String(expected)}`, () => {
      expect(nearestName(word, ['anonymizer', 'honeypot-contact'])).to.equal(expected);
    });
  }
});
