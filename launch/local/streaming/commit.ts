import { StateError, type Change, type StateStore } from '../state/state-store.js';
import type { SavedExporters } from './watermark.js';
import { parseGroupKey, type GroupStorage } from './window-groups.js';

/** Keys of what is stored besides groups and their values. */
const COUNTERS_KEY = 'meta/counters';
const SHAPE_KEY = 'meta/shape';
const NEXT_GROUP_KEY = 'meta/next-group';
const WATERMARK_PREFIX = 'w/';
const EXPORTERS_PREFIX = 'x/';
const CHECKPOINT_PREFIX = 'c/';

/** What a job finds when it starts again. */
export interface Resumed {
  readonly groups: readonly {
    readonly step: string;
    readonly id: string;
    readonly json: Uint8Array;
  }[];
  readonly counters: ReadonlyMap<string, number>;
  /** By source. */
  readonly watermarks: ReadonlyMap<string, number>;
  readonly exporters: ReadonlyMap<string, SavedExporters>;
  readonly checkpoints: ReadonlyMap<string, ReadonlyMap<string, string>>;
}

/**
 * The changes of one turn on their way to the store: all of them or none are kept. Reads see what is
 * stored and what is about to be.
 */
export class Commit implements GroupStorage {
  readonly #store: StateStore;
  readonly #changes = new Map<string, Uint8Array | null>();
  readonly #counters: Map<string, number>;
  #nextGroup: number;
  #counted = false;

  private constructor(store: StateStore, counters: Map<string, number>, nextGroup: number) {
    this.#store = store;
    this.#counters = counters;
    this.#nextGroup = nextGroup;
  }

  /**
   * Reads what the last commit left. `shape` says what must be the same for the windows that are
   * open to be understood; a StateError says what is not.
   */
  static async resume(
    store: StateStore,
    shape: Readonly<Record<string, unknown>>,
  ): Promise<{ commit: Commit; resumed: Resumed }> {
    const single = new Map<string, Uint8Array>();
    for await (const [key, value] of store.entries('meta/')) single.set(key, value);
    const counters = new Map(
      Object.entries((jsonOf(single.get(COUNTERS_KEY)) ?? {}) as Record<string, number>),
    );
    const groups: { step: string; id: string; json: Uint8Array }[] = [];
    for await (const [key, json] of store.entries('g/')) {
      const parsed = parseGroupKey(key);
      if (parsed !== undefined) groups.push({ ...parsed, json });
    }
    const known = jsonOf(single.get(SHAPE_KEY)) as Record<string, unknown> | undefined;
    // Once no window is open, windows may be cut anew.
    if (known !== undefined && groups.length > 0) checkShape(known, shape);
    const watermarks = new Map<string, number>();
    for await (const [key, value] of store.entries(WATERMARK_PREFIX)) {
      watermarks.set(key.slice(WATERMARK_PREFIX.length), Number(text(value)));
    }
    const exporters = new Map<string, SavedExporters>();
    for await (const [key, value] of store.entries(EXPORTERS_PREFIX)) {
      exporters.set(key.slice(EXPORTERS_PREFIX.length), jsonOf(value) as SavedExporters);
    }
    const checkpoints = new Map<string, Map<string, string>>();
    for await (const [key, value] of store.entries(CHECKPOINT_PREFIX)) {
      const [source, ...rest] = key.slice(CHECKPOINT_PREFIX.length).split('/');
      const own = checkpoints.get(decodeURIComponent(source)) ?? new Map<string, string>();
      checkpoints.set(decodeURIComponent(source), own.set(rest.join('/'), text(value)));
    }
    const nextGroup = (jsonOf(single.get(NEXT_GROUP_KEY)) ?? 0) as number;
    const commit = new Commit(store, counters, nextGroup);
    if (known === undefined || groups.length === 0) {
      commit.put(SHAPE_KEY, Buffer.from(JSON.stringify(shape)));
    }
    return { commit, resumed: { groups, counters, watermarks, exporters, checkpoints } };
  }

  get isEmpty(): boolean {
    return this.#changes.size === 0 && !this.#counted;
  }

  /** Counters since the state began. */
  get counters(): ReadonlyMap<string, number> {
    return this.#counters;
  }

  put(key: string, value: Uint8Array): void {
    this.#changes.set(key, value);
  }

  remove(key: string): void {
    this.#changes.set(key, null);
  }

  async *values(prefix: string): AsyncIterable<Uint8Array> {
    for await (const [key, value] of this.#store.entries(prefix)) {
      if (!this.#changes.has(key)) yield value;
    }
    const own = [...this.#changes].filter(([key]) => key.startsWith(prefix));
    own.sort(([a], [b]) => (a < b ? -1 : 1));
    for (const [, value] of own) if (value !== null) yield value;
  }

  nextGroupId(): string {
    const id = this.#nextGroup++;
    this.put(NEXT_GROUP_KEY, Buffer.from(JSON.stringify(this.#nextGroup)));
    return id.toString(36).padStart(8, '0');
  }

  count(name: string, by: number): void {
    if (by === 0) return;
    this.#counted = true;
    this.#counters.set(name, (this.#counters.get(name) ?? 0) + by);
  }

  watermark(source: string, ms: number, exporters: SavedExporters): void {
    this.put(`${WATERMARK_PREFIX}${source}`, Buffer.from(String(ms)));
    this.put(`${EXPORTERS_PREFIX}${source}`, Buffer.from(JSON.stringify(exporters)));
  }

  checkpoint(source: string, key: string, value: string | null): void {
    const place = `${CHECKPOINT_PREFIX}${encodeURIComponent(source)}/${key}`;
    if (value === null) this.remove(place);
    else this.put(place, Buffer.from(value));
  }

  /** Writes all changes; when it resolves they are on disk. After a failure it may be called again. */
  async write(): Promise<void> {
    if (this.isEmpty) return;
    this.put(COUNTERS_KEY, Buffer.from(JSON.stringify(Object.fromEntries(this.#counters))));
    const changes: Change[] = [...this.#changes].map(([key, value]) => ({ key, value }));
    await this.#store.commit(changes);
    this.#changes.clear();
    this.#counted = false;
  }
}

function text(value: Uint8Array): string {
  return Buffer.from(value).toString();
}

function jsonOf(value: Uint8Array | undefined): unknown {
  return value === undefined ? undefined : JSON.parse(text(value));
}

function checkShape(
  known: Readonly<Record<string, unknown>>,
  shape: Readonly<Record<string, unknown>>,
): void {
  for (const [name, value] of Object.entries(shape)) {
    if (JSON.stringify(known[name]) === JSON.stringify(value)) continue;
    throw new StateError(
      `the state was begun with ${name} ${JSON.stringify(known[name])}, not ${JSON.stringify(value)}: ` +
        `close its windows with --drain under the old setting, or name another state directory`,
    );
  }
}
