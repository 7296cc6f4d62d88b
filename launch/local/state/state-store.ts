/**
 * What the streaming runner keeps on disk: ordered keys with values, changed by atomic commits.
 * Implemented by level-store.ts.
 */
export interface StateStore {
  /** Entries whose key begins with `prefix`, in the order of keys. Throws a StateError for damage. */
  entries(prefix: string): AsyncIterable<readonly [key: string, value: Uint8Array]>;
  /** Applies all of `changes` or none; when it resolves they are on disk (synced). */
  commit(changes: readonly Change[]): Promise<void>;
  /** Number of the last commit; 0 = none yet. Grows by one. */
  readonly commits: number;
  /** Bytes on disk, about. */
  size(): Promise<number>;
  close(): Promise<void>;
}

/** `value` null deletes the key. */
export interface Change {
  readonly key: string;
  readonly value: Uint8Array | null;
}

/** The state directory cannot be used, or what is in it is not what was written. */
export class StateError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'StateError';
  }
}
