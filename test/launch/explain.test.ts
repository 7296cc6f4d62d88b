import { expect } from 'chai';
import { parse } from 'yaml';
import { parseSuppressions } from '../../filters/suppression.js';
import { explainFinding } from '../../launch/explain/explain-finding.js';
import { REASON_NAMES } from '../../pipeline/codes.js';
import type { Finding } from '../../pipeline/finding.js';
import { sampleFinding } from './sample-finding.js';

/** The explanation with its line breaks undone. */
function explained(change: Partial<Finding> = {}): string {
  return explainFinding({ ...sampleFinding, ...change }).replace(/\s+/g, ' ');
}

/** A finding of c2-candidate, which keeps no counts by sensor. */
const candidate: Partial<Finding> = {
  filter: 'c2-candidate',
  severity: 'high',
  confidence: 'low',
  revision: 48,
  subject: '-',
  customerAddress: null,
  indicator: '203.0.113.7',
  bytesOut: 0,
  bytesIn: 0,
  packetsOut: 0,
  packetsIn: 0,
  samplingRate: null,
  sensors: [],
  orientation: { reason: 'ephemeral-port', confidence: 'medium' },
  evidence: [
    {
      type: 'association',
      clients: [{ address: '192.0.2.10', c2: ['198.51.100.4'] }],
      compromisedHere: 3,
      networks: 3,
      clientsHere: 3,
      compromised: 4,
      allClients: 200,
      lift: 50,
      pValue: 3e-6,
      expectedFalse: 0.01,
    },
  ],
};

describe('explainFinding', () => {
  it('says what, who, when, by whom it was seen and what the counts mean', () => {
    const text = explained();
    for (const part of [
      sampleFinding.summary,
      `finding ${sampleFinding.id} (open, revision 7)`,
      'severity critical, confidence high',
      'customer acme, 192.0.2.10 (several ports)',
      'remote 203.0.113.7:443, country ZZ',
      'when 2026-01-31T10:00:00.000Z to 2026-01-31T11:30:00.000Z',
      'out 12 packets, 3,456 bytes',
      'in 1 packet, 60 bytes',
      'sensors edge-1, edge-2, sampling 1 packet in 1,000',
      '7 distinct flow records from 2 sensors stand behind it',
      'at 1 in 1,000 (the coarsest behind them) a packet counted stands for about 1,000',
      'the records show that a TCP connection was established',
      'reference snapshot 0123456789abcdef',
    ]) {
      expect(text).to.include(part);
    }
  });

  it('says which feed, entry, version and since when', () => {
    expect(explained()).to.include(
      'List: feed my-c2 (version aaaaaaaaaaaa, file emotet.txt) names 203.0.113.7 as c2, since 2025-12-01.',
    );
  });

  for (const reason of REASON_NAMES) {
    it(`has a sentence for the orientation reason ${reason}`, () => {
      const text = explained({ orientation: { reason, confidence: 'low' } });
      expect(text).to.include(`(reason ${reason}, confidence low): `);
      expect(text).not.to.include('does not know that reason');
    });
  }

  it('does not break on a reason of a later version', () => {
    const text = explained({ orientation: { reason: 'constructor', confidence: 'low' } });
    expect(text).to.include('this version does not know that reason');
  });

  const shared = [
    ['an exact ip:port', '203.0.113.7:4443', 'holds even where several organisations share'],
    ['an exact IPv6 ip:port', '[2001:db8::1]:4443', 'holds even where several organisations share'],
    ['the port of a front end', '203.0.113.7:443', 'on which shared addresses serve everybody'],
    ['a bare address', '203.0.113.7', 'so it was on none'],
    ['a bare IPv6 address', '2001:db8::1', 'so it was on none'],
  ] as const;
  for (const [name, entry, expected] of shared) {
    it(`explains the shared-address decision of ${name}`, () => {
      const evidence = [{ ...sampleFinding.evidence[0], entry }] as Finding['evidence'];
      expect(explained({ evidence })).to.include(expected);
    });
  }

  it('explains a country on a shared address', () => {
    const text = explained({
      filter: 'sanctioned-country',
      confidence: 'low',
      evidence: [
        { type: 'country', country: 'ZZ', feed: 'geo', feedVersion: 'b', sharedAddress: true },
      ],
    });
    expect(text).to.include('The remote lies in a range that several organisations share'.slice(4));
    expect(text).to.include('never more than medium');
  });

  it('explains inventory and policy evidence', () => {
    const text = explained({
      evidence: [
        {
          type: 'inventory',
          feed: 'scan',
          feedVersion: 'c',
          entry: '203.0.113.7:23/tcp',
          service: 'telnet',
          tags: ['telnet'],
          lastSeen: '2026-01-01',
        },
        { type: 'policy', rule: 'tcp/23' },
      ],
    });
    expect(text).to.include(
      'found telnet at 203.0.113.7:23/tcp, tagged telnet, last seen 2026-01-01.',
    );
    expect(text).to.include("the customer's rule tcp/23.");
  });

  it('tells of c2-candidate what is kept, and nothing of what is not', () => {
    const text = explained(candidate);
    for (const part of [
      'out not kept in not kept sensors not kept',
      '48 distinct flow records stand behind it. A flow that was seen did happen. Counts by sensor are not kept by this filter',
      'Deduplicate: what several sensors saw of one conversation, in either direction, counts once. 6.',
      'this filter leaves out remotes on ranges that several organisations share',
      "Confidence low: the filter's own, from the evidence above.",
    ]) {
      expect(text).to.include(part);
    }
    for (const untrue of [
      /\b0 (sensors|packets|bytes)/,
      /No sensor says/,
      /shared or not/,
      /History:/,
      /who is the client is known/,
      /less sure/,
    ]) {
      expect(text).not.to.match(untrue);
    }
  });

  const days = [
    [1, '1 earlier day'],
    [3, '3 earlier days'],
  ] as const;
  for (const [count, told] of days) {
    it(`says that a remote was a candidate on ${told}`, () => {
      const history = { from: '2026-01-20', to: '2026-01-29' };
      const text = explained({
        ...candidate,
        evidence: [
          ...(candidate.evidence ?? []),
          { type: 'history', of: 'candidate', days: count, ...history },
        ],
      });
      expect(text).to.include(
        `History: it was a candidate on ${told}, from 2026-01-20 to 2026-01-29.`,
      );
    });
  }

  const histories = [
    [{ days: 0 }, 'History: none was there, so nothing is known of what is usual.'],
    [
      { days: 4, from: '2026-01-03', to: '2026-01-24' },
      'History: 4 days from 2026-01-03 to 2026-01-24.',
    ],
  ] as const;
  for (const [history, told] of histories) {
    it(`says of ${history.days} days of history what they are`, () => {
      const filter = 'insecure-service-outbound';
      const text = explained({ filter, evidence: [{ type: 'history', ...history }] });
      expect(text).to.include(told);
    });
  }

  it('tells of volume-change no records, traffic or sides, which the history does not keep', () => {
    const text = explained({
      filter: 'volume-change',
      customerAddress: null,
      customerRole: 'unknown',
      remoteAddress: null,
      remotePort: null,
      remoteCountry: null,
      service: '-',
      subject: 'country:BR',
      indicator: 'rise',
      bytesOut: 0,
      bytesIn: 0,
      packetsOut: 0,
      packetsIn: 0,
      sensors: ['edge-1'],
      orientation: { reason: 'unknown', confidence: 'low' },
      evidence: [{ type: 'history', days: 4, from: '2026-01-03', to: '2026-01-24' }],
    });
    for (const part of [
      'out not kept in not kept sensors edge-1, sampling 1 packet in 1,000',
      'Read: the history counts conversations by UTC day and sensor, and keeps neither records nor packets and bytes. Judged is what edge-1 saw, at 1 packet in 1,000;',
      'conversations of either direction count; which side was the client is not kept.',
      'and the remotes do not (or are another customer',
      'counts all conversations, those with remotes that several organisations share too',
    ]) {
      expect(text).to.include(part);
    }
    expect(text).not.to.match(/flow record|0 packets|no remote does|less sure|shared or not/);
  });

  const groups = [
    ['targeted-by-threat', 'this filter leaves out remotes on ranges that several organisations'],
    [
      'insecure-service-outbound',
      'this filter does not count conversations with remotes on ranges',
    ],
    ['unpublicized-remote', 'it is about space that nobody is known to use'],
  ] as const;
  for (const [filter, expected] of groups) {
    it(`says what ${filter} makes of shared addresses, and whose its confidence is`, () => {
      const text = explained({ filter });
      expect(text).to.include(expected);
      expect(text).to.include("Confidence high: the filter's own, from the evidence above.");
      expect(text).to.include('7 distinct flow records from 2 sensors stand behind it');
      expect(text).not.to.include('shared or not');
    });
  }

  it('prints evidence of a type that it does not know as it is', () => {
    const evidence = [{ type: 'count', distinct: 9 }] as unknown as Finding['evidence'];
    expect(explained({ evidence })).to.include('{"type":"count","distinct":9}');
  });

  it('ends with a suppression that is valid once its blanks are filled in', () => {
    const text = explainFinding(sampleFinding);
    const snippet = text.slice(text.indexOf('  - customer'));
    const [entry] = parse(snippet) as Record<string, unknown>[];
    expect(entry).to.include({ customer: 'acme', remote: '203.0.113.7', indicator: '203.0.113.7' });
    expect(parseSuppressions(snippet).problems.map(({ path }) => path)).to.deep.equal([
      '[0].expires',
    ]);
    const { entries, problems } = parseSuppressions(snippet.replace('YYYY-MM-DD', '2030-01-31'));
    expect(problems).to.deep.equal([]);
    expect(entries).to.have.length(1);
  });

  it('lets no control character of the data through', () => {
    const evil = '\u001b[2J\u0007\u009b31m\u202e\r\n';
    const text = explainFinding({
      ...sampleFinding,
      summary: evil,
      customer: evil,
      sensors: [evil],
      indicator: evil,
      evidence: [{ type: 'policy', rule: evil }],
    });
    expect(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/.test(text)).to.equal(false);
  });

  it('keeps lines within 100 characters where words allow it', () => {
    const long = explainFinding(sampleFinding)
      .split('\n')
      .slice(1)
      .filter((line) => line.length > 100);
    expect(long).to.deep.equal([]);
  });
});
