import { expect } from 'chai';
import { earlierSuspicion } from '../../../filters/association/earlier-candidates.js';
import type { EarlierCandidate } from '../../../history/history.js';

const WINDOW_START = Date.UTC(2026, 0, 31);

function candidateOn(day: string, service = '443/tcp'): EarlierCandidate {
  return { day, remote: '203.0.113.7', service, clients: 3 };
}

describe('earlierSuspicion', () => {
  it('has no evidence where the remote never was a candidate', () => {
    expect(earlierSuspicion([], WINDOW_START)).to.deep.equal({ weight: 0, evidence: undefined });
  });

  it('does not take the day itself or later ones', () => {
    const days = ['2026-01-31', '2026-02-03'].map((day) => candidateOn(day));
    expect(earlierSuspicion(days, WINDOW_START).evidence).to.equal(undefined);
  });

  it('names the days on which it was, each once, in any order', () => {
    const days = ['2026-01-29', '2026-01-17', '2026-01-29'].map((day) => candidateOn(day));
    const found = [...days, candidateOn('2026-01-17', '8443/tcp')];
    for (const candidates of [found, [...found].reverse()]) {
      const { weight, evidence } = earlierSuspicion(candidates, WINDOW_START);
      expect(evidence).to.deep.equal({
        type: 'history',
        of: 'candidate',
        days: 2,
        from: '2026-01-17',
        to: '2026-01-29',
      });
      expect(weight).to.be.closeTo(2 ** (-2 / 14) + 0.5, 1e-12);
    }
  });
});
