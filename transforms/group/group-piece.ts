import type { SavedGroups } from '../../filters/group-table.js';
import type { PieceOrigin, SettledOrigins } from '../panes/origin-pieces.js';

/** Groups of one finding window and shard, on their way to be merged. */
export interface GroupPiece {
  /** undefined = there is one pane only. */
  readonly origin?: PieceOrigin;
  /** Of a piece that stands for many: whose last panes are in it. */
  readonly settled?: SettledOrigins;
  readonly groups: SavedGroups;
  /** Numbers that are added up by name over the window. */
  readonly totals: readonly (readonly [name: string, value: number])[];
}

/** Shard of a key: a fixed function, the same on every worker. */
export function shardOf(hash: number, shards: number): number {
  return Math.min(shards - 1, Math.floor(hash * shards));
}
