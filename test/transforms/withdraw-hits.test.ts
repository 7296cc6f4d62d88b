import { expect } from 'chai';
import fc from 'fast-check';
import type { FnContext } from '../../beam/fn.js';
import { makeFold, type Fold } from '../../beam/fold-per-key.js';
import { ONLY_PANE } from '../../beam/only-pane.js';
import type { FindingPiece } from '../../transforms/collapse/finding-piece.js';
import '../../transforms/withdraw-hits.js';

const KEY = '0/0/4';

function fold(): Fold<unknown> {
  return makeFold('flowsieve/withdrawn-hits', null, `known-bad-remote ${KEY}`, undefined);
}

function paneOf(findings: readonly string[], revision: number, last = false): unknown {
  // What a finding is about is not looked at here, but for its window.
  const about = (id: string): unknown => ({ hit: { indicator: id }, windowStartMs: 1000 });
  return {
    filter: 'known-bad-remote',
    key: KEY,
    revision,
    last,
    findings: findings.map((id) => [id, about(id)]),
  };
}

interface Gone {
  readonly key: string;
  readonly value: FindingPiece;
}

function gone(state: Fold<unknown>): Gone[] {
  const pieces: Gone[] = [];
  const emit = (_tag: string, piece: unknown): void => void pieces.push(piece as Gone);
  void state.finish({ emit } as unknown as FnContext, ONLY_PANE);
  return pieces.sort((a, b) => (a.key < b.key ? -1 : 1));
}

function restored(state: Fold<unknown>): Fold<unknown> {
  const fresh = fold();
  const values = JSON.parse(JSON.stringify(state.compact?.())) as unknown[];
  for (const value of values) fresh.add(value);
  return fresh;
}

const panes = fc.array(
  fc.record({
    findings: fc.subarray(['a', 'b', 'c']),
    /** Whether it comes as two parts of one pane. */
    split: fc.boolean(),
  }),
  { minLength: 1, maxLength: 6 },
);

describe('withdrawn hits', () => {
  it('are those of earlier panes that the latest has not, restored or not', () => {
    fc.assert(
      fc.property(panes, fc.nat(3), (all, every) => {
        const whole = fold();
        let cut = fold();
        const ever = new Set<string>();
        for (const [i, { findings, split }] of all.entries()) {
          const parts = split ? [findings.slice(0, 1), findings.slice(1)] : [findings];
          for (const part of parts) {
            whole.add(paneOf(part, i + 1));
            cut.add(paneOf(part, i + 1));
          }
          if (i % (every + 1) === 0) cut = restored(cut);
          for (const id of findings) ever.add(id);
          const expected = [...ever].filter((id) => !findings.includes(id)).sort();
          const pieces = gone(whole);
          expect(pieces.map(({ key }) => key)).to.deep.equal(expected);
          for (const { value } of pieces) {
            expect(value.withdrawn).to.equal(true);
            expect(value.origin).to.deep.equal({
              key: KEY,
              revision: i + 1,
              part: 0,
              last: false,
            });
          }
          expect(gone(cut)).to.deep.equal(pieces);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('say that no pane comes any more where the last was seen', () => {
    const state = fold();
    state.add(paneOf(['a'], 1));
    state.add(paneOf([], 2));
    expect(gone(state).map(({ value }) => value.origin?.last)).to.deep.equal([false]);
    state.add(paneOf([], 2, true));
    expect(gone(state).map(({ value }) => value.origin?.last)).to.deep.equal([true]);
    expect(gone(restored(state))).to.deep.equal(gone(state));
  });

  it('count an older pane that comes late among those that had them', () => {
    const state = fold();
    state.add(paneOf(['b'], 2));
    state.add(paneOf(['a', 'b'], 1));
    expect(gone(state).map(({ key }) => key)).to.deep.equal(['a']);
  });

  it('are none before the first pane', () => {
    expect(gone(fold())).to.deep.equal([]);
    expect(fold().compact?.()).to.deep.equal([]);
  });
});
