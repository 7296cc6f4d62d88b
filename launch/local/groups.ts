import { FoldedState, makeFold, timeWindowOf, type Fold } from '../../beam/fold-per-key.js';
import Long from 'long';
import type { WindowedValue } from 'apache-beam';
import { GlobalWindow } from 'apache-beam/values';
import { ONLY_PANE } from '../../beam/only-pane.js';
import type { Grouping } from './plan.js';

interface Group {
  readonly key: string;
  readonly window: WindowedValue<unknown>['windows'][number];
  readonly values: unknown[];
  readonly fold: Fold<unknown> | undefined;
}

/**
 * What a GroupByKey holds: the values of each (window, key), or the state they are folded into.
 * Keys are strings, as everywhere in this graph.
 */
export class Groups {
  readonly #grouping: Grouping;
  readonly #groups = new Map<string, Group>();

  constructor(grouping: Grouping) {
    this.#grouping = grouping;
  }

  get size(): number {
    return this.#groups.size;
  }

  add(windowed: WindowedValue<{ key: string; value: unknown }>): void {
    const { key, value } = windowed.value;
    const span = timeWindowOf(windowed);
    const id = span === undefined ? `/${key}` : `${span.startMs}/${span.endMs}/${key}`;
    let group = this.#groups.get(id);
    if (group === undefined) {
      const { fold } = this.#grouping;
      group = {
        key,
        window: windowed.windows[0],
        values: [],
        fold: fold === undefined ? undefined : makeFold(fold.fold, fold.params, key, span),
      };
      this.#groups.set(id, group);
    }
    if (group.fold === undefined) group.values.push(value);
    else group.fold.add(value);
  }

  /**
   * Hands out the groups in the order of window and key, a bundle at a time, and forgets each
   * bundle: `size` groups, or fewer in the last one.
   */
  *bundles(size: number): Generator<readonly WindowedValue<unknown>[]> {
    const ids = [...this.#groups.keys()].sort(compareText);
    for (let at = 0; at < ids.length; at += size) {
      const bundle: WindowedValue<unknown>[] = [];
      for (const id of ids.slice(at, at + size)) {
        const group = this.#groups.get(id);
        if (group === undefined) continue;
        this.#groups.delete(id);
        const { key, window, values, fold } = group;
        bundle.push({
          value: { key, value: fold === undefined ? values : new FoldedState(fold) },
          windows: [window],
          timestamp: window instanceof GlobalWindow ? MAX_TIMESTAMP : window.maxTimestamp(),
          pane: ONLY_PANE,
        });
      }
      yield bundle;
    }
  }
}

/** End of the global window in ms. */
const MAX_TIMESTAMP = Long.fromString('9223371950454775');

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
