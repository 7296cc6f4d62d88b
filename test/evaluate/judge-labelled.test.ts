import { expect } from 'chai';
import type { CustomerTable } from '../../reference/reference.js';
import { judgeLabelled } from '../../launch/evaluate/judge-labelled.js';
import { pairKey, type MaliciousPair } from '../../launch/evaluate/labelled-zeek.js';
import { judgedFinding } from './judged-finding.js';

const DAY = 86_400_000;
/** 2025-03-03. */
const WINDOW = Date.UTC(2025, 2, 3) / DAY;

/** 192.0.2.0/24 is the only customer's. */
const CUSTOMERS: CustomerTable = {
  customers: ['acme'],
  claimants: () => [0],
  exclusive: () => false,
  find4: (word) => Number(word >>> 8 === 0xc00002),
  find6: () => 0,
};

type Labelled = readonly [a: string, b: string, detail: string, window?: number];

function logOf(labels: readonly Labelled[]) {
  const pairs = new Map<string, MaliciousPair & { details: Map<string, Set<number>> }>();
  const addresses = new Map<string, Set<number>>();
  for (const [a, b, detail, window = WINDOW] of labels) {
    const key = pairKey(a, b);
    const pair = pairs.get(key) ?? { ends: a < b ? [a, b] : [b, a], details: new Map() };
    pairs.set(key, pair);
    pair.details.set(detail, new Set<number>([...(pair.details.get(detail) ?? []), window]));
    for (const end of [a, b])
      addresses.set(end, new Set<number>([...(addresses.get(end) ?? []), window]));
  }
  return { pairs, addresses };
}

const C2: Labelled = ['203.0.113.7', '192.0.2.1', 'C&C'];
const SCAN: readonly Labelled[] = ['203.0.113.8', '203.0.113.9', '203.0.113.10'].map(
  (remote) => ['192.0.2.2', remote, 'Scan'] as const,
);

describe('judgeLabelled', () => {
  const judge = (
    labels: readonly Labelled[],
    findings: readonly ReturnType<typeof judgedFinding>[],
  ) => judgeLabelled(logOf(labels), findings, CUSTOMERS, DAY);

  const verdicts = [
    { what: 'the labelled pair', change: {}, expected: 'true' },
    { what: 'another remote', change: { remoteAddress: '203.0.113.99' }, expected: 'false' },
    { what: 'another address', change: { customerAddress: '192.0.2.9' }, expected: 'false' },
    { what: 'another day', change: { windowStart: '2025-03-04T00:00:00.000Z' }, expected: 'false' },
    { what: 'the address alone', change: { remoteAddress: null }, expected: 'true' },
    {
      what: 'a clean address alone',
      change: { customerAddress: '192.0.2.9', remoteAddress: null },
      expected: 'false',
    },
    { what: 'the remote alone', change: { customerAddress: null }, expected: 'true' },
    {
      what: 'the customer as a whole',
      change: { customerAddress: null, remoteAddress: null },
      expected: 'unjudged',
    },
  ] as const;
  for (const { what, change, expected } of verdicts) {
    it(`a finding about ${what} is ${expected}`, () => {
      const { filters, false: wrong } = judge([C2], [judgedFinding(change)]);
      const [row] = filters;
      expect(row.findings).to.equal(1);
      expect([row.true, row.false, row.unjudged]).to.deep.equal(
        ['true', 'false', 'unjudged'].map((verdict) => Number(verdict === expected)),
      );
      expect(wrong.length).to.equal(Number(expected === 'false'));
      if (expected === 'unjudged') expect(row.precision).to.equal(undefined);
    });
  }

  it('recall counts remotes of each kind, and the addresses that were told of', () => {
    const scanner = judgedFinding({
      filter: 'unpublicized-remote',
      customerAddress: '192.0.2.2',
      remoteAddress: null,
    });
    const { details } = judge([C2, ...SCAN], [judgedFinding(), scanner]);
    const [c2, scan] = details;
    expect(c2).to.deep.include({ detail: 'C&C', labelled: 1, found: 1, hosts: 1, hostsFound: 1 });
    expect(c2.byFilter).to.deep.equal([{ filter: 'known-bad-remote', found: 1 }]);
    expect(scan).to.deep.include({
      detail: 'Scan',
      labelled: 3,
      found: 0,
      hosts: 1,
      hostsFound: 1,
    });
    expect(scan.recall).to.include({ successes: 0, trials: 3, low: 0 });
  });

  it('a remote of several kinds counts for each, in its windows only', () => {
    const later: Labelled = ['203.0.113.7', '192.0.2.1', 'FileDownload', WINDOW + 1];
    const { details } = judge([C2, later], [judgedFinding()]);
    expect(details.map(({ detail, found }) => [detail, found])).to.deep.equal([
      ['C&C', 1],
      ['FileDownload', 0],
    ]);
  });

  it('leaves out what no finding can name, and says how much', () => {
    const inside: Labelled = ['192.0.2.1', '192.0.2.2', 'C&C'];
    const elsewhere: Labelled = ['203.0.113.1', '2001:db8::1', 'C&C'];
    const { details, outside } = judge([inside, elsewhere], []);
    expect(outside).to.equal(2);
    expect(details).to.deep.equal([]);
  });
});
