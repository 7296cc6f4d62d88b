import type { Finding } from '../../pipeline/finding.js';
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
  readonly weights?: readonly (readonly [key: string, weight: number, records: number])[];
  readonly single?: number;
}

interface Weight {
  /** What it adds to the finding's revision: never falls. */
  weight: number;
  records: number;
}

/**
 * A finding as panes bring, replace and withdraw what is known of it.
 *
 * Its revision is the number of records behind it, which a withdrawal would lower; so each origin's
 * share grows by one where it falls or turns, and a sink that keeps the highest has the latest.
 */
export class FindingPieces {
  #settled: FindingState | undefined;
  /** What it is about, where nothing is left that counts. */
  #about: FindingStateJson | undefined;
  readonly #weights = new Map<string, Weight>();
  /** Records of what came in the only pane of its window. */
  #single = 0;
  readonly #pieces = new OriginPieces<FindingPiece>((piece) => {
    this.#settle(piece);
  });

  add(piece: FindingPiece): void {
    const { origin, state, settled, weights } = piece;
    this.#about ??= { ...state, sightings: [], sketch: null };
    if (settled !== undefined) this.#pieces.restoreSettled(settled);
    for (const [key, weight, records] of weights ?? []) {
      this.#weights.set(key, { weight, records });
    }
    this.#single += piece.single ?? 0;
    if (origin !== undefined) this.#weigh(`${origin.key} ${origin.part}`, piece);
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
    if (this.#weights.size === 0) return finding;
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
      weights: [...this.#weights].map(([key, { weight, records }]) => [key, weight, records]),
    };
    return [whole, ...this.#pieces.open()];
  }

  #weigh(key: string, { state, withdrawn }: FindingPiece): void {
    const records = withdrawn === true ? 0 : recordsOf(state);
    const known = this.#weights.get(key);
    if (known === undefined) this.#weights.set(key, { weight: Math.max(records, 1), records });
    else if (records !== known.records) {
      known.weight = Math.max(records, known.weight + 1);
      known.records = records;
    }
  }

  #revision(): number {
    let sum = this.#single;
    for (const { weight } of this.#weights.values()) sum += weight;
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

/** Flow records behind a state. */
function recordsOf({ sightings, sketch }: FindingStateJson): number {
  let records = sketch?.records ?? 0;
  for (const [, windows] of sightings) for (const sighting of windows) records += sighting.records;
  return records;
}
