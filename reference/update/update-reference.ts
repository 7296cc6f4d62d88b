/** Fetches all feeds that are due, and compiles and publishes what they are now. */
import { availableParallelism } from 'node:os';
import { compileSnapshot } from '../compile.js';
import { latestVersion, type Manifest } from '../manifest.js';
import type { ReferenceSpec } from '../spec.js';
import type { GcsClientOptions } from './fetch-gcs.js';
import { type FetchLimits, TIME_OUTS } from './fetching.js';
import { releaseSnapshot, removeOldSnapshots } from './old-snapshots.js';
import { type FeedOutcome, updateFeed } from './update-feed.js';
import { withUpdateLock } from './update-lock.js';

/** Feeds that are fetched at once: most of the time is waiting. */
const AT_ONCE = Math.max(4, availableParallelism());

export interface UpdateOptions {
  readonly nowMs: number;
  /** Names of feeds whose held-back versions are taken. */
  readonly confirm?: ReadonlySet<string>;
  /** Ask all sources, due or not, and for all of their content. */
  readonly force?: boolean;
  readonly timeOuts?: Omit<FetchLimits, 'maxBytes'>;
  readonly gcs?: GcsClientOptions;
  /** Called once all feeds were asked, before anything is compiled. */
  readonly onFeeds?: (outcomes: readonly FeedOutcome[]) => void;
  /** Called before the snapshot is visible; what it throws stops it. */
  readonly beforePublish?: (manifest: Manifest) => void;
}

export interface ReferenceUpdate {
  /** In the order of the configuration. */
  readonly outcomes: readonly FeedOutcome[];
  /** What was published; undefined where a feed has no version at all yet. */
  readonly manifest: Manifest | undefined;
  /** Versions that were removed. */
  readonly removed: readonly string[];
}

/**
 * Updates `directory`. A feed that fails or is held back keeps its version in use. While a feed has
 * none, nothing is published: without the list of shared addresses, say, findings would be wrong.
 * Throws an UpdateRunningError, and a FeedError or RangeError where compiling does.
 */
export async function updateReference(
  spec: ReferenceSpec,
  directory: string,
  options: UpdateOptions,
): Promise<ReferenceUpdate> {
  return await withUpdateLock(directory, async () => {
    const outcomes = await updateFeeds(spec, directory, options);
    options.onFeeds?.(outcomes);
    if (outcomes.some(({ entriesAfter }) => entriesAfter === null)) {
      return { outcomes, manifest: undefined, removed: [] };
    }
    const before = await latestVersion(directory);
    const { beforePublish } = options;
    const manifest = await compileSnapshot(spec, directory, {
      fromCache: true,
      ...(beforePublish === undefined ? {} : { beforePublish }),
    });
    if (before !== undefined && before !== manifest.version) {
      await releaseSnapshot(directory, before, options.nowMs);
    }
    const removed = await removeOldSnapshots(directory, options.nowMs);
    return { outcomes, manifest, removed };
  });
}

async function updateFeeds(
  { feeds, baseDir }: ReferenceSpec,
  directory: string,
  options: UpdateOptions,
): Promise<readonly FeedOutcome[]> {
  const { nowMs, confirm, force = false, timeOuts = TIME_OUTS, gcs } = options;
  const outcomes: FeedOutcome[] = [];
  const waiting = feeds.entries();
  async function work(): Promise<void> {
    for (const [i, feed] of waiting) {
      outcomes[i] = await updateFeed(feed, {
        snapshotDirectory: directory,
        baseDir,
        nowMs,
        confirmed: confirm?.has(feed.name) ?? false,
        force,
        timeOuts,
        ...(gcs === undefined ? {} : { gcs }),
      });
    }
  }
  // All must have ended before the lock is let go, also where one cannot write.
  const ended = await Promise.allSettled(Array.from({ length: AT_ONCE }, work));
  for (const result of ended) if (result.status === 'rejected') throw result.reason;
  return outcomes;
}
