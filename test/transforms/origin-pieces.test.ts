import { expect } from 'chai';
import { shardOf, type GroupPiece } from '../../transforms/group/group-piece.js';
import { OriginPieces } from '../../transforms/panes/origin-pieces.js';

/** A pane's piece that brings one group, named for what is in it. */
function piece(group: string, key: string, revision: number, part = 0, last = false): GroupPiece {
  return { origin: { key, revision, part, last }, groups: [[group, null]], totals: [] };
}

const empty = (key: string, revision: number): GroupPiece => ({
  origin: { key, revision, part: 0, last: false },
  groups: [],
  totals: [],
});

/** What counts in the end: settled and open groups. */
function counted(pieces: readonly GroupPiece[]): string[] {
  const settled: GroupPiece[] = [];
  const table = new OriginPieces<GroupPiece>((each) => settled.push(each));
  for (const each of pieces) table.add(each);
  return [...settled, ...table.open()].flatMap(({ groups }) => groups.map(([key]) => key)).sort();
}

const CASES: readonly (readonly [string, readonly GroupPiece[], readonly string[]])[] = [
  ['a single pane counts', [{ groups: [['a', null]], totals: [] }], ['a']],
  ['a later pane replaces an earlier one', [piece('a', 'w', 1), piece('a2', 'w', 2)], ['a2']],
  [
    'an earlier pane that comes late does nothing',
    [piece('a2', 'w', 2), piece('a', 'w', 1)],
    ['a2'],
  ],
  ['a pane that comes again counts once', [piece('a', 'w', 1), piece('a', 'w', 1)], ['a']],
  ['parts of one pane add up', [piece('a', 'w', 1), piece('b', 'w', 1, 1)], ['a', 'b']],
  [
    'a later pane replaces all parts',
    [piece('a', 'w', 1), piece('b', 'w', 1, 1), piece('c', 'w', 2)],
    ['c'],
  ],
  ['what a later pane no longer holds is gone', [piece('a', 'w', 1), empty('w', 2)], []],
  ['windows stay apart', [piece('a', 'w', 1), piece('b', 'v', 1)], ['a', 'b']],
  [
    'the last pane replaces what was open, and comes once',
    [piece('a', 'w', 1), piece('z', 'w', 2, 0, true), piece('z', 'w', 2, 0, true)],
    ['z'],
  ],
  [
    'nothing that comes after the last pane counts',
    [piece('z', 'w', 2, 0, true), piece('a', 'w', 1)],
    ['z'],
  ],
  [
    'the last pane has parts too',
    [piece('z', 'w', 2, 0, true), piece('y', 'w', 2, 1, true)],
    ['y', 'z'],
  ],
];

describe('OriginPieces', () => {
  for (const [name, pieces, expected] of CASES) {
    it(name, () => {
      expect(counted(pieces)).to.deep.equal(expected);
    });
  }
});

describe('shardOf', () => {
  it('spreads hashes from 0 to 1 over all shards', () => {
    expect([0, 0.24, 0.25, 0.99, 1].map((hash) => shardOf(hash, 4))).to.deep.equal([0, 0, 1, 3, 3]);
  });
});
