import type { Change, StateStore } from '../../../launch/local/state/state-store.js';

/** A state store without a disk: what a runner keeps, for tests that look at or cut its life. */
export class MemoryStore implements StateStore {
  readonly #entries = new Map<string, Uint8Array>();
  #commits = 0;
  /** Rejects the next commits with this. */
  failure: Error | undefined;

  get commits(): number {
    return this.#commits;
  }

  get keys(): readonly string[] {
    return [...this.#entries.keys()].sort();
  }

  async *entries(prefix: string): AsyncIterable<readonly [string, Uint8Array]> {
    const found = [...this.#entries].filter(([key]) => key.startsWith(prefix));
    for (const entry of found.sort(([a], [b]) => (a < b ? -1 : 1))) {
      await Promise.resolve();
      yield entry;
    }
  }

  async commit(changes: readonly Change[]): Promise<void> {
    await Promise.resolve();
    if (this.failure !== undefined) throw this.failure;
    for (const { key, value } of changes) {
      if (value === null) this.#entries.delete(key);
      else this.#entries.set(key, value);
    }
    this.#commits++;
  }

  size(): Promise<number> {
    return Promise.resolve(
      [...this.#entries.values()].reduce((sum, { length }) => sum + length, 0),
    );
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
