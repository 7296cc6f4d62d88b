import type { Change, StateStore } from '../../../launch/local/state/state-store.js';

/** How a life of the job ends. */
export type Cut =
  /** The commit is not there, and never ends: the process was killed before it. */
  | 'before'
  /** The commit is there, and nobody hears of it: the process was killed after it. */
  | 'after'
  /** The commit fails. */
  | 'fails';

/** Rejects as if the process had ended. */
export class CutOff extends Error {}

/**
 * A store whose `at`-th commit ends the life of whoever uses it. It keeps an eye on ids: a group's
 * number must never be another group's.
 */
export class CutStore implements StateStore {
  /** Rejects with a CutOff when the process is to be taken for dead. */
  readonly died: Promise<never>;
  readonly #inner: StateStore;
  readonly #owners: Map<string, string>;
  readonly #cut: Cut | undefined;
  #left: number;
  #die: (error: CutOff) => void = () => undefined;

  /** `owners`: of each group's id, kept through all lives. */
  constructor(inner: StateStore, owners: Map<string, string>, cut?: Cut, at = Infinity) {
    this.#inner = inner;
    this.#owners = owners;
    this.#cut = cut;
    this.#left = at;
    this.died = new Promise((_resolve, reject) => (this.#die = reject));
    this.died.catch(() => undefined);
  }

  get commits(): number {
    return this.#inner.commits;
  }

  entries(prefix: string): AsyncIterable<readonly [string, Uint8Array]> {
    return this.#inner.entries(prefix);
  }

  async commit(changes: readonly Change[]): Promise<void> {
    this.#left--;
    if (this.#left > 0 || this.#cut === undefined) {
      await this.#apply(changes);
      return;
    }
    if (this.#cut === 'fails') throw new Error('cut: the disk failed');
    if (this.#cut === 'after') await this.#apply(changes);
    this.#die(new CutOff());
    await new Promise(() => undefined);
  }

  async #apply(changes: readonly Change[]): Promise<void> {
    await this.#inner.commit(changes);
    for (const { key, value } of changes) {
      if (!key.startsWith('g/')) continue;
      const id = key.slice(key.lastIndexOf('/') + 1);
      const owner = this.#owners.get(id);
      if (value === null) {
        this.#owners.set(id, 'nobody, it is gone');
        continue;
      }
      const record = JSON.parse(Buffer.from(value).toString()) as Record<string, unknown>;
      const group = JSON.stringify([key, record['key'], record['startMs']]);
      if (owner !== undefined && owner !== group) {
        throw new Error(`group id ${id} was that of ${owner}, now of ${group}`);
      }
      this.#owners.set(id, group);
    }
  }

  size(): Promise<number> {
    return this.#inner.size();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
