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
    ['an exact ip:port', '203.0.113.7:443', 'holds even where several organisations share'],
    ['an exact IPv6 ip:port', '[2001:db8::1]:443', 'holds even where several organisations share'],
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
