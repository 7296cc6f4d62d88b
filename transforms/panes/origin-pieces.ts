/**
 * Where a piece comes from, for what gathers pieces over more than one pane: a later pane of an
 * origin replaces what an earlier one brought, whole.
 */
export interface PieceOrigin {
  readonly key: string;
  /** Number of the pane: what says more of the same records is another pane. */
  readonly revision: number;
  readonly part: number;
  /** No pane comes after this one. */
  readonly last: boolean;
}

/** Origins whose last pane was merged, with its parts. */
export type SettledOrigins = readonly (readonly [key: string, parts: readonly number[]])[];

interface Cell<Piece> {
  readonly revision: number;
  readonly parts: Map<number, Piece>;
}

/**
 * Pieces of one key and window, on their way to be merged.
 *
 * What a final pane brings is settled at once and forgotten. What a pane brings that another may
 * replace stays apart under its origin: the next one replaces it whole, so nothing counts twice,
 * and what is no longer there is gone.
 */
export class OriginPieces<Piece extends { readonly origin?: PieceOrigin }> {
  readonly #settle: (piece: Piece) => void;
  readonly #cells = new Map<string, Cell<Piece>>();
  readonly #settled = new Map<string, Set<number>>();

  /** `settle` takes what nothing will replace. */
  constructor(settle: (piece: Piece) => void) {
    this.#settle = settle;
  }

  add(piece: Piece): void {
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
      if (settled === undefined) this.#settled.set(key, new Set([part]));
      else settled.add(part);
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
  *open(): Generator<Piece> {
    for (const { parts } of this.#cells.values()) yield* parts.values();
  }

  /** What was settled, so that it is known again where only the open pieces are kept. */
  settledOrigins(): SettledOrigins {
    return [...this.#settled].map(([key, parts]) => [key, [...parts]]);
  }

  /** Takes up origins that were settled before. */
  restoreSettled(origins: SettledOrigins): void {
    for (const [key, parts] of origins) {
      this.#cells.delete(key);
      this.#settled.set(key, new Set(parts));
    }
  }
}
