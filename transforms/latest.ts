import { jsonCoder } from '../beam/coders.js';
import { constant } from '../beam/constant.js';
import { fixed } from '../beam/fixed.js';
import { applySource } from '../beam/source.js';
import type { PCollection, Root } from 'apache-beam';
import type { Suppression } from '../filters/suppression.js';
import type { HistoryRef } from '../history/store.js';
import type { ManifestRef } from '../reference/snapshot.js';
import type { EngineSpec } from './engine-spec.js';
import { LATEST_HISTORY } from './read/live/latest-history.js';
import { LATEST_REFERENCE } from './read/live/latest-reference.js';
import { LATEST_SUPPRESSIONS } from './read/live/latest-suppressions.js';

/** How an unbounded job follows what it looks things up in; null = it keeps what it began with. */
export interface Following {
  /** How often each is looked at. */
  readonly everyMs: number;
  /** File of suppressions; null = there is none. */
  readonly suppressionsPath: string | null;
  /** Another engine cannot follow: it runs the job with what it was deployed with. */
  readonly engine: EngineSpec | null;
}

/** History changes once a day, and to look at it may cost a request. */
const HISTORY_EVERY_MS = 60_000;

/** The reference snapshot: `pinned`, or the newest of its directory at any time. */
export function latestReference(
  root: Root,
  start: PCollection<unknown>,
  pinned: ManifestRef,
  following: Following | null,
): PCollection<ManifestRef> {
  if (following === null) return constant(start, 'reference', pinned);
  if (following.engine !== null) return fixed(start, 'reference', pinned);
  const params = { directory: pinned.directory, everyMs: following.everyMs };
  return applySource(root, 'reference', { source: LATEST_REFERENCE, params }, jsonCoder);
}

/** The analyst's exceptions, likewise. */
export function latestSuppressions(
  root: Root,
  start: PCollection<unknown>,
  pinned: readonly Suppression[],
  following: Following | null,
): PCollection<readonly Suppression[]> {
  if (following === null) return constant(start, 'suppressions', pinned);
  const { everyMs, suppressionsPath: path, engine } = following;
  if (engine !== null) return fixed(start, 'suppressions', pinned);
  if (path === null) return constant(start, 'suppressions', pinned);
  const params = { path, everyMs };
  return applySource(root, 'suppressions', { source: LATEST_SUPPRESSIONS, params }, jsonCoder);
}

/** The history's files as an unbounded job finds them at any time; on other engines as they were. */
export function latestHistory(
  root: Root,
  start: PCollection<unknown>,
  directory: string,
  engine: EngineSpec | null,
): PCollection<HistoryRef | null> {
  if (engine !== null) return fixed(start, 'history', engine.history);
  const params = { directory, everyMs: HISTORY_EVERY_MS };
  return applySource(root, 'history', { source: LATEST_HISTORY, params }, jsonCoder);
}
