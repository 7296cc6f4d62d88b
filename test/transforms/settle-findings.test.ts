import { expect } from 'chai';
import fc from 'fast-check';
import type { FnContext } from '../../beam/fn.js';
import { makeFold, type Fold } from '../../beam/fold-per-key.js';
import { ONLY_PANE } from '../../beam/only-pane.js';
import type { Finding } from '../../pipeline/finding.js';
import { withdrawn, type FindingSet } from '../../transforms/settle-findings.js';
import { fakeFinding } from '../filters/fixtures.js';

function fold(): Fold<unknown> {
  return makeFold('flowsieve/settle-findings', null, 'k', undefined);
}

function told(state: Fold<unknown>): Map<string, Finding> {
  const findings = new Map<string, Finding>();
  const emit = (_tag: string, finding: unknown): void => {
    findings.set((finding as Finding).id, finding as Finding);
  };
  void state.finish({ emit } as unknown as FnContext, ONLY_PANE);
  return findings;
}

function restored(state: Fold<unknown>): Fold<unknown> {
  const fresh = fold();
  const values = JSON.parse(JSON.stringify(state.compact?.())) as unknown[];
  for (const value of values) fresh.add(value);
  return fresh;
}

/** Of one pane: by finding its revision (records) and something else that may change. */
const pane = fc.dictionary(
  fc.constantFrom('a', 'b', 'c'),
  fc.record({ revision: fc.integer({ min: 1, max: 4 }), packetsOut: fc.nat(2) }),
);
const histories = fc.array(fc.record({ pane, steps: fc.constantFrom(0, 1, 3) }), {
  minLength: 1,
  maxLength: 8,
});

/** Panes as sets: two parts where there are two findings; one of the same revision says the same. */
function* sets(
  history: readonly { readonly pane: Record<string, Partial<Finding>>; readonly steps: number }[],
): Generator<readonly FindingSet[]> {
  let revision = 1;
  let current: Finding[] = [];
  for (const [i, { pane: next, steps }] of history.entries()) {
    if (i === 0 || steps > 0) {
      revision += steps;
      current = Object.entries(next).map(([id, given]) => fakeFinding({ id, ...given }));
    }
    const parts = current.length > 1 ? [current.slice(0, 1), current.slice(1)] : [current];
    yield parts.map((findings, part) => ({ revision, part, findings }));
  }
}

describe('findings of groups, settled', () => {
  it('are what the latest pane has; all others are withdrawn', () => {
    fc.assert(
      fc.property(histories, (history) => {
        const state = fold();
        for (const parts of sets(history)) {
          for (const set of parts) state.add(set);
          const expected = parts.flatMap(({ findings }) => findings);
          const open = [...told(state).values()].filter(({ status }) => status === 'open');
          const plain = (all: readonly Finding[]): unknown[] =>
            all.map((each) => ({ ...each, revision: 0 })).sort((a, b) => (a.id < b.id ? -1 : 1));
          expect(plain(open)).to.deep.equal(plain(expected));
        }
      }),
      { numRuns: 300 },
    );
  });

  it('have revisions that only grow, and that grow with every change', () => {
    fc.assert(
      fc.property(histories, (history) => {
        const state = fold();
        const before = new Map<string, Finding>();
        for (const parts of sets(history)) {
          for (const set of parts) state.add(set);
          for (const [id, finding] of told(state)) {
            const known = before.get(id);
            expect(finding.revision).to.be.at.least(known?.revision ?? 0);
            if (known?.revision === finding.revision) expect(finding).to.deep.equal(known);
            before.set(id, finding);
          }
        }
      }),
      { numRuns: 300 },
    );
  });

  it('are the same when they are compacted and restored at any time', () => {
    fc.assert(
      fc.property(histories, fc.nat(3), (history, every) => {
        const whole = fold();
        let cut = fold();
        for (const [i, parts] of [...sets(history)].entries()) {
          for (const set of parts) {
            whole.add(set);
            cut.add(set);
          }
          if (i % (every + 1) === 0) cut = restored(cut);
          expect(told(cut)).to.deep.equal(told(whole));
        }
      }),
      { numRuns: 300 },
    );
  });

  it('keep the revision of records where there is but one pane', () => {
    const state = fold();
    state.add({ revision: 7, part: 0, findings: [fakeFinding({ id: 'a', revision: 4 })] });
    expect(told(state).get('a')).to.include({ revision: 4, status: 'open' });
  });

  it('take the revision after their own when they are withdrawn, and then the next', () => {
    const state = fold();
    const finding = fakeFinding({ id: 'a', revision: 4 });
    state.add({ revision: 1, part: 0, findings: [finding] });
    state.add({ revision: 2, part: 0, findings: [] });
    expect(told(state).get('a')).to.deep.equal(withdrawn(finding));
    expect(told(state).get('a')).to.include({ revision: 5, status: 'withdrawn' });
    state.add({ revision: 3, part: 0, findings: [finding] });
    expect(told(state).get('a')).to.include({ revision: 6, status: 'open' });
  });

  it('are not changed by an older pane that comes late', () => {
    const state = fold();
    state.add({ revision: 3, part: 0, findings: [fakeFinding({ id: 'a', revision: 9 })] });
    state.add({ revision: 2, part: 0, findings: [fakeFinding({ id: 'a', revision: 5 })] });
    expect(told(state).get('a')).to.include({ revision: 9, status: 'open' });
    expect(told(restored(state)).get('a')).to.include({ revision: 9, status: 'open' });
  });
});
