import { expect } from 'chai';
import { diffFindings } from '../../launch/evaluate/diff.js';
import type { JudgedFinding } from '../../launch/evaluate/read-findings.js';
import { judgedFinding } from './judged-finding.js';

function byId(findings: readonly JudgedFinding[]): ReadonlyMap<string, JudgedFinding> {
  return new Map(findings.map((finding) => [finding.id, finding]));
}

const KEPT = judgedFinding({ id: 'a' });
const GONE = judgedFinding({ id: 'b', filter: 'anonymizer' });
const GRADED = judgedFinding({ id: 'c' });
const NEW = judgedFinding({ id: 'd', filter: 'volume-change' });

describe('diffFindings', () => {
  it('tells what fired, fell silent, changed and stayed, a filter at a time', () => {
    const graded = { ...GRADED, confidence: 'low' } as const;
    const diff = diffFindings(byId([KEPT, GONE, GRADED]), byId([NEW, graded, KEPT]));
    expect(diff).to.deep.equal({
      filters: [
        { filter: 'anonymizer', fired: 0, silenced: 1, changed: 0, same: 0 },
        { filter: 'known-bad-remote', fired: 0, silenced: 0, changed: 1, same: 1 },
        { filter: 'volume-change', fired: 1, silenced: 0, changed: 0, same: 0 },
      ],
      fired: [NEW],
      silenced: [GONE],
      changed: [{ before: GRADED, after: graded }],
    });
  });

  it('tells severity too, but not how much more traffic there was', () => {
    const severe = { ...KEPT, severity: 'critical' } as const;
    expect(diffFindings(byId([KEPT]), byId([severe])).changed.length).to.equal(1);
    const more = { ...KEPT, revision: 9 };
    expect(diffFindings(byId([KEPT]), byId([more])).filters[0].same).to.equal(1);
  });

  it('of the same findings is empty', () => {
    const findings = byId([KEPT, GONE]);
    const { fired, silenced, changed } = diffFindings(findings, findings);
    expect([fired, silenced, changed]).to.deep.equal([[], [], []]);
    expect(diffFindings(new Map(), new Map()).filters).to.deep.equal([]);
  });

  it('the other way round is the opposite, in any order', () => {
    const forth = diffFindings(byId([KEPT, GONE]), byId([NEW, KEPT]));
    const back = diffFindings(byId([KEPT, NEW]), byId([GONE, KEPT]));
    expect([back.fired, back.silenced]).to.deep.equal([forth.silenced, forth.fired]);
  });
});
