import type { SavedGroups } from '../../filters/group-table.js';

/**
 * Groups of one finding window and shard, on their way to be merged.
 *
 * What a final pane brings is merged at once and forgotten. What a pane brings that another may
 * replace stays apart under its origin: the next one replaces it whole, so nothing counts twice,
 * and what is no longer there is gone.
 */
export interface GroupPiece {
  /** undefined = there is one pane only. */
  readonly origin?: PieceOrigin;
  readonly groups: SavedGroups;
  /** Numbers that are added up by name over the window. */
  readonly totals: readonly (readonly [name: string, value: number])[];
}

export interface PieceOrigin {
  readonly key: string;
  /** Grows from pane to pane. */
  readonly revision: number;
  readonly part: number;
  /** No pane comes after this one. */
  readonly last: boolean;
}

interface Cell {
  readonly revision: number;
  readonly parts: Map<number, GroupPiece>;
}

/** Pieces of one window and shard, the latest of each origin. */
export class GroupPieces {
  readonly #settle: (piece: GroupPiece) => void;
  readonly #cells = new Map<string, Cell>();
  /** Parts that were merged, by origin. */
  readonly #settled = new Map<string, Set<number>>();
  #settledRevisions = 0;

  /** `settle` takes what nothing will replace. */
  constructor(settle: (piece: GroupPiece) => void) {
    this.#settle = settle;
  }

  add(piece: GroupPiece): void {
    const { origin } = piece;
    if (origin === undefined) {
      this.#settle(piece);
      return;
    }
    const { key, revision, part, last } = origin;
    const settled = this.#settled.get(key);
    if (last) {
      this.#cells.delete(key);
      if (settled?.has(part) === true) return;
      if (settled === undefined) this.#settledRevisions += revision;
      this.#settled.set(key, (settled ?? new Set()).add(part));
      this.#settle(piece);
      return;
    }
    // An earlier pane that comes after the last one.
    if (settled !== undefined) return;
    const known = this.#cells.get(key);
    if (known === undefined || revision > known.revision) {
      this.#cells.set(key, { revision, parts: new Map([[part, piece]]) });
    } else if (revision === known.revision && !known.parts.has(part)) {
      known.parts.set(part, piece);
    }
  }

  /** What is open, as of now. */
  *open(): Generator<GroupPiece> {
    for (const { parts } of this.#cells.values()) yield* parts.values();
  }

  /** Grows with the state: of two states of one key the later one replaces the earlier. */
  get revision(): number {
    let sum = this.#settledRevisions;
    for (const { revision } of this.#cells.values()) sum += revision;
    return sum;
  }
}

/** Shard of a key: a fixed function, the same on every worker. */
export function shardOf(hash: number, shards: number): number {
  return Math.min(shards - 1, Math.floor(hash * shards));
}
