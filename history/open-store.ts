import { hasScheme } from '../objects/object-uri.js';
import { parseGcsUri } from './gcs-uri.js';
import { GcsHistoryStore } from './gcs-store.js';
import { LocalHistoryStore } from './local-store.js';
import type { HistoryStore } from './store.js';

/** Of this process, by place: each has a client with connections and a token. */
const stores = new Map<string, HistoryStore>();

/** The store of a directory or of `gs://bucket/prefix`. Throws a RangeError for a place that no store is built for. */
export function historyStore(directory: string): HistoryStore {
  if (!hasScheme(directory)) return new LocalHistoryStore(directory);
  const known = stores.get(directory);
  if (known !== undefined) return known;
  const place = parseGcsUri(directory);
  if (place === undefined) {
    throw new RangeError(
      `history "${directory}": expected a directory of this machine or gs://bucket/prefix`,
    );
  }
  const store = new GcsHistoryStore(place);
  stores.set(directory, store);
  return store;
}
