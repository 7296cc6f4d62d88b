import type { Finding } from '../../pipeline/finding.js';
import { textHash } from '../../pipeline/text-hash.js';
import { OriginPieces, type PieceOrigin, type SettledOrigins } from '../panes/origin-pieces.js';
import { FindingState, type FindingStateJson } from './finding-state.js';

/** What one pane of one (window, shard) brings to a finding, or all there is where it fires once. */
export interface FindingPiece {
  /** undefined = there is one pane only. */
  readonly origin?: PieceOrigin;
  readonly state: FindingStateJson;
  /** A later pane has nothing of this finding any more; the state says what it was about. */
  readonly withdrawn?: true;
  /** Of a piece that stands for many: whose last panes are in it, and what each origin weighs. */
  readonly settled?: SettledOrigins;
  readonly shares?: readonly ShareJson[];
  readonly single?: number;
}

/** What one pane brought, part by part. */
interface Content {
  /** Hash of the state by part; 0 = withdrawn. */
  readonly parts: Map<number, number>;
  records: number;
}

/** What one origin adds to the finding's revision: never falls, and grows with every change. */
interface Share {
  /** Of the pane that was heard of last. */
  revision: number;
  /** What the panes before it came to. */
  weight: number;
  before: ReadonlyMap<number, number>;
  content: Content;
}

type ShareJson = readonly [
  key: string,
  revision: number,
  weight: number,
  before: readonly (readonly [part: number, hash: number])[],
  parts: readonly (readonly [part: number, hash: number])[],
  records: number,
];

/**
 * A finding as panes bring, replace and withdraw what is known of it.
 *
 * Its revision is the number of records behind it, which a withdrawal would lower; so each origin's
 * share grows by one at least with every pane that says something else, and a sink that keeps the
 * highest has the latest.
 */
export class FindingPieces {
  #settled: FindingState | undefined;
  /** What it is about, where nothing is left that counts. */
  #about: FindingStateJson | undefined;
  readonly #shares = new Map<string, Share>();
  /** Records of what came in the only pane of its window. */
  #single = 0;
  readonly #pieces = new OriginPieces<FindingPiece>((piece) => {
    this.#settle(piece);
  });

  add(piece: FindingPiece): void {
    const { origin, state, settled, shares } = piece;
    this.#about ??= { ...state, sightings: [], sketch: null };
    if (settled !== undefined) this.#pieces.restoreSettled(settled);
    for (const [key, revision, weight, before, parts, records] of shares ?? []) {
      const content = { parts: new Map(parts), records };
      this.#shares.set(key, { revision, weight, before: new Map(before), content });
    }
    this.#single += piece.single ?? 0;
    if (origin !== undefined) this.#weigh(origin, piece);
    else if (settled === undefined) this.#single += recordsOf(state);
    this.#pieces.add(piece);
  }

  /** The finding now, its summary still empty; undefined before the first piece. */
  finding(): Finding | undefined {
    const state = this.#merged();
    if (state === undefined) {
      if (this.#about === undefined) return undefined;
      const gone = FindingState.fromJson(this.#about).finding();
      return { ...gone, revision: this.#revision(), status: 'withdrawn' };
    }
    const finding = state.finding();
    if (this.#shares.size === 0) return finding;
    return { ...finding, revision: this.#revision() };
  }

  /** Fewer pieces that amount to the same. */
  compact(): FindingPiece[] {
    if (this.#about === undefined) return [];
    const state = this.#settled?.toJson();
    const whole: FindingPiece = {
      ...(state === undefined ? { state: this.#about, withdrawn: true } : { state }),
      settled: this.#pieces.settledOrigins(),
      single: this.#single,
      shares: [...this.#shares].map(([key, { revision, weight, before, content }]) => [
        key,
        revision,
        weight,
        [...before],
        [...content.parts],
        content.records,
      ]),
    };
    return [whole, ...this.#pieces.open()];
  }

  #weigh({ key, revision, part }: PieceOrigin, { state, withdrawn }: FindingPiece): void {
    let share = this.#shares.get(key);
    if (share === undefined) {
      const content = { parts: new Map<number, number>(), records: 0 };
      this.#shares.set(key, (share = { revision, weight: 0, before: new Map(), content }));
    }
    if (revision < share.revision) return;
    if (revision > share.revision) {
      share.weight = weightOf(share);
      share.before = share.content.parts;
      share.content = { parts: new Map(), records: 0 };
      share.revision = revision;
    }
    const { content } = share;
    if (content.parts.has(part)) return;
    content.parts.set(part, withdrawn === true ? 0 : textHash(JSON.stringify(state)));
    if (withdrawn !== true) content.records += recordsOf(state);
  }

  #revision(): number {
    let sum = this.#single;
    for (const share of this.#shares.values()) sum += weightOf(share);
    return sum;
  }

  #settle({ state, withdrawn }: FindingPiece): void {
    if (withdrawn === true) return;
    if (this.#settled === undefined) this.#settled = FindingState.fromJson(state);
    else this.#settled.merge(state);
  }

  #merged(): FindingState | undefined {
    let merged: FindingState | undefined;
    for (const { state, withdrawn } of this.#pieces.open()) {
      if (withdrawn === true) continue;
      merged ??=
        this.#settled === undefined ? undefined : FindingState.fromJson(this.#settled.toJson());
      if (merged === undefined) merged = FindingState.fromJson(state);
      else merged.merge(state);
    }
    return merged ?? this.#settled;
  }
}

/** A pane that says what the one before said weighs the same. */
function weightOf({ weight, before, content: { parts, records } }: Share): number {
  const same =
    parts.size === before.size && [...parts].every(([part, hash]) => before.get(part) === hash);
  return same ? weight : Math.max(records, weight + 1);
}

/** Flow records behind a state. */
function recordsOf({ sightings, sketch }: FindingStateJson): number {
  let records = sketch?.records ?? 0;
  for (const [, windows] of sightings) for (const sighting of windows) records += sighting.records;
  return records;
}
