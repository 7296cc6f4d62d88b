import { expect } from 'chai';
import { reshuffle } from '../../beam/reshuffle.js';
import { constant } from '../../beam/constant.js';
import { parseSuppressions } from '../../filters/suppression.js';
import type { Finding, ListEvidence } from '../../pipeline/finding.js';
import { suppress } from '../../transforms/suppress.js';
import { create, gather, runGraph, RUNNERS } from '../beam/run-graph.js';
import { sampleFinding } from '../launch/sample-finding.js';

const NOW_MS = Date.UTC(2026, 1, 1);
const [C2] = sampleFinding.evidence as readonly ListEvidence[];
const BOTH: Finding = {
  ...sampleFinding,
  evidence: [C2, { ...C2, feed: 'other', category: 'malware', entry: '203.0.113.0/24' }],
};

for (const [name, runner] of Object.entries(RUNNERS)) {
  describe(`suppress on the ${name} runner`, () => {
    async function suppressed(
      findings: readonly Finding[],
      yaml: string,
    ): Promise<{ left: Finding[]; counters: Record<string, number> }> {
      const { entries, problems } = parseSuppressions(yaml);
      expect(problems).to.deep.equal([]);
      const { gathered, counters } = await runGraph(runner(), (start) => {
        const given = reshuffle(create(start, 'findings', findings), 'spread');
        gather(suppress(given, constant(start, 'entries', entries), NOW_MS));
      });
      return { left: gathered.map(({ value }) => value as Finding), counters };
    }

    it('counts what each entry hid', async () => {
      const yaml = '- { id: x, remote: 203.0.113.0/24, reason: ours, owner: soc }';
      const { left, counters } = await suppressed([BOTH, sampleFinding], yaml);
      expect(left).to.deep.equal([]);
      expect(counters['hidden/x']).to.equal(2);
      expect(counters['dropped/suppress/hidden']).to.equal(2);
    });

    it('leaves a finding as grave as the rest of its evidence makes it, and counts that', async () => {
      const yaml = `- { id: x, feed: ${C2.feed}, reason: bad list, owner: soc }`;
      const { left, counters } = await suppressed([BOTH, sampleFinding], yaml);
      expect(left.map(({ id, severity }) => [id, severity])).to.deep.equal([[BOTH.id, 'high']]);
      expect(left[0].summary).to.include('malware by other').and.not.to.include('c2');
      expect([counters['reduced/x'], counters['hidden/x']]).to.deep.equal([1, 1]);
      expect(counters['findings/known-bad-remote']).to.equal(1);
    });

    it('does nothing by an entry that has expired', async () => {
      const yaml = '- { id: x, customer: acme, reason: y, owner: soc, expires: 2026-01-31 }';
      const { left } = await suppressed([BOTH], yaml);
      expect(left).to.deep.equal([BOTH]);
    });
  });
}
