import { expect } from 'chai';
import fc from 'fast-check';
import { REASON } from '../../pipeline/codes.js';
import type { Finding } from '../../pipeline/finding.js';
import type { Hit } from '../../pipeline/hit.js';
import { FindingPieces, type FindingPiece } from '../../transforms/collapse/finding-piece.js';
import { FindingState, type FindingStateJson } from '../../transforms/collapse/finding-state.js';

const WINDOW_MS = 300_000;
const T0 = Date.UTC(2026, 0, 1);

/** One conversation in the window of that number: its client port and records. */
interface Seen {
  readonly port: number;
  readonly records: number;
}

/** What one pane has of the finding, part by part of its batches. */
type Pane = readonly (readonly Seen[])[];

function hitOf(window: number, { port, records }: Seen, feedVersion = 'v1'): Hit {
  const windowStartMs = T0 + window * WINDOW_MS;
  return {
    filter: 'known-bad-remote',
    severity: 'high',
    confidence: 'medium',
    customer: 'acme',
    subject: '198.51.100.10',
    customerAddress: '198.51.100.10',
    customerPort: port,
    role: 'client',
    remoteAddress: '203.0.113.7',
    remotePort: 443,
    remoteCountry: '',
    protocol: 6,
    service: '443/tcp',
    indicator: '203.0.113.7',
    evidence: [{ type: 'list', feed: 'a', entry: '203.0.113.7', category: 'c2', feedVersion }],
    reason: REASON.handshake,
    referenceVersion: feedVersion,
    windowStartMs,
    windowEndMs: windowStartMs + WINDOW_MS,
    firstMs: windowStartMs + 1,
    lastMs: windowStartMs + 2,
    records,
    counters: [
      { sensor: 's', samplingRate: 1, outPackets: records, outBytes: 1, inPackets: 0, inBytes: 0 },
    ],
  };
}

function stateOf(window: number, seen: readonly Seen[], feedVersion?: string): FindingStateJson {
  const [first, ...rest] = seen.map((each) => hitOf(window, each, feedVersion));
  const state = FindingState.ofHit(first, T0);
  for (const hit of rest) state.add(hit);
  return state.toJson();
}

/** What a pane of the window brings. Where it has nothing of what an earlier one had it says so. */
function piecesOf(window: number, pane: Pane, revision: number, last: boolean): FindingPiece[] {
  const key = `${window}/0/4`;
  const pieces = pane.flatMap((seen, part): FindingPiece[] =>
    seen.length === 0
      ? []
      : [{ origin: { key, revision, part, last }, state: stateOf(window, seen) }],
  );
  if (pieces.length > 0) return pieces;
  const about = { ...stateOf(window, [{ port: 1, records: 1 }]), sightings: [], sketch: null };
  return [{ origin: { key, revision, part: 0, last }, state: about, withdrawn: true }];
}

/** What all panes that are the latest of their windows amount to. */
function expected(latest: Iterable<readonly [window: number, pane: Pane]>): Finding | undefined {
  let state: FindingState | undefined;
  for (const [window, pane] of latest) {
    for (const seen of pane) {
      if (seen.length === 0) continue;
      const json = stateOf(window, seen);
      if (state === undefined) state = FindingState.fromJson(json);
      else state.merge(json);
    }
  }
  return state?.finding();
}

function restored(pieces: FindingPieces): FindingPieces {
  const fresh = new FindingPieces();
  const wired = JSON.parse(JSON.stringify(pieces.compact())) as FindingPiece[];
  for (const piece of wired) fresh.add(piece);
  return fresh;
}

const seen = fc.uniqueArray(
  fc.record({ port: fc.constantFrom(1, 2, 3), records: fc.constantFrom(1, 2, 5) }),
  { maxLength: 3, selector: ({ port }) => port },
);
/** Panes of one window, two batches each at most; the last is told once more as the last. */
const panes = fc.array(fc.array(seen, { minLength: 1, maxLength: 2 }), {
  minLength: 1,
  maxLength: 4,
});
/** Panes of some windows, mixed but each window's in order. */
const histories = fc.record({
  windows: fc.array(panes, { minLength: 1, maxLength: 3 }),
  order: fc.array(fc.nat(2), { maxLength: 14 }),
});

interface Told {
  readonly pieces: readonly FindingPiece[];
  readonly expected: Finding | undefined;
}

/** Pane by pane what comes, and what is then to be found. */
function* told(windows: readonly (readonly Pane[])[], order: readonly number[]): Generator<Told> {
  const next = windows.map(() => 0);
  const latest = new Map<number, Pane>();
  const turns = [...order, ...windows.flatMap((all, i) => [...all, all].map(() => i))];
  for (const turn of turns) {
    const window = turn % windows.length;
    const all = windows[window];
    const n = next[window]++;
    if (n > all.length) continue;
    // The last pane has nothing new.
    const last = n === all.length;
    const pane = all[last ? n - 1 : n];
    const had = latest.get(window);
    const anything = (each: Pane): boolean => each.some(({ length }) => length > 0);
    if (had === undefined && !anything(pane)) continue;
    latest.set(window, pane);
    const revision = 10 * (last ? n : n + 1);
    yield { pieces: piecesOf(window, pane, revision, last), expected: expected(latest) };
  }
}

function open(finding: Finding | undefined): unknown {
  return finding === undefined || finding.status === 'withdrawn'
    ? undefined
    : { ...finding, revision: 0 };
}

describe('FindingPieces', () => {
  it('has what the latest pane of each window has, and nothing else', () => {
    fc.assert(
      fc.property(histories, ({ windows, order }) => {
        const pieces = new FindingPieces();
        for (const turn of told(windows, order)) {
          for (const piece of turn.pieces) pieces.add(piece);
          expect(open(pieces.finding())).to.deep.equal(open(turn.expected));
        }
      }),
      { numRuns: 300 },
    );
  });

  it('amounts to the same, revision and all, when it is compacted and restored at any time', () => {
    fc.assert(
      fc.property(histories, fc.nat(4), ({ windows, order }, every) => {
        const whole = new FindingPieces();
        let cut = new FindingPieces();
        let turns = 0;
        for (const turn of told(windows, order)) {
          for (const piece of turn.pieces) {
            whole.add(piece);
            cut.add(JSON.parse(JSON.stringify(piece)) as FindingPiece);
          }
          if (turns++ % (every + 1) === 0) cut = restored(cut);
          expect(cut.finding()).to.deep.equal(whole.finding());
        }
        expect(restored(cut).finding()).to.deep.equal(whole.finding());
      }),
      { numRuns: 300 },
    );
  });

  it('has a revision that only grows, and that grows with every change', () => {
    fc.assert(
      fc.property(histories, ({ windows, order }) => {
        const pieces = new FindingPieces();
        let before: Finding | undefined;
        for (const turn of told(windows, order)) {
          for (const piece of turn.pieces) pieces.add(piece);
          const now = pieces.finding();
          if (before !== undefined && now !== undefined) {
            expect(now.revision).to.be.at.least(before.revision);
            if (now.revision === before.revision) expect(now).to.deep.equal(before);
          }
          before = now;
        }
      }),
      { numRuns: 500 },
    );
  });

  it('has a greater revision where another snapshot says more of the same records', () => {
    const pieces = new FindingPieces();
    const origin = { key: '0/0/4', part: 0 };
    const records = [{ port: 1, records: 3 }];
    pieces.add({
      origin: { ...origin, revision: 1, last: false },
      state: stateOf(0, records, 'v1'),
    });
    const first = pieces.finding();
    pieces.add({
      origin: { ...origin, revision: 2, last: true },
      state: stateOf(0, records, 'v2'),
    });
    const second = pieces.finding();
    expect([first?.referenceVersion, second?.referenceVersion]).to.deep.equal(['v1', 'v2']);
    expect(second?.revision).to.be.above(first?.revision ?? Infinity);
  });

  it('counts records once where a window is told once', () => {
    const pieces = new FindingPieces();
    pieces.add({ state: stateOf(0, [{ port: 1, records: 2 }]) });
    pieces.add({ state: stateOf(1, [{ port: 1, records: 3 }]) });
    expect(pieces.finding()).to.include({ revision: 5, status: 'open', packetsOut: 5 });
    expect(restored(pieces).finding()).to.deep.equal(pieces.finding());
  });

  it('is nothing before the first piece, and compacts to nothing', () => {
    const pieces = new FindingPieces();
    expect(pieces.finding()).to.equal(undefined);
    expect(pieces.compact()).to.deep.equal([]);
  });

  it('names what was withdrawn, with a revision above what was told', () => {
    const pieces = new FindingPieces();
    for (const piece of piecesOf(0, [[{ port: 1, records: 4 }]], 4, false)) pieces.add(piece);
    const before = pieces.finding();
    for (const piece of piecesOf(0, [], 5, false)) pieces.add(piece);
    const gone = pieces.finding();
    expect(gone).to.include({ status: 'withdrawn', id: before?.id, revision: 5 });
    for (const piece of piecesOf(0, [[{ port: 1, records: 4 }]], 6, true)) pieces.add(piece);
    expect(pieces.finding()).to.include({ status: 'open', revision: 6 });
  });
});
