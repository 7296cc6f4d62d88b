import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { parseSuppressions, type Suppression } from '../filters/suppression.js';
import { describeHistory } from '../history/open-history.js';
import { replaceFile } from '../reference/atomic-file.js';
import { openSnapshotAhead, type ManifestRef } from '../reference/snapshot.js';
import { stopSearchBy } from '../transforms/archive/search.js';
import { archivedDays } from '../transforms/archive/archive-listing.js';
import { buildHunt } from '../transforms/hunt.js';
import { makeDirectory } from '../transforms/write/durable-directory.js';
import type { SinkSpec } from '../transforms/write/open-sinks.js';
import type { Config } from './config/config.js';
import { LocalRunner } from './local/local-runner.js';

/** What a hunt needs of a configuration. */
export type HuntConfig = Pick<Config, 'filters' | 'findingWindowMs' | 'suppressions' | 'history'>;

export interface HuntOptions {
  readonly config: HuntConfig;
  /** Directory of the archive; where there is none nothing is found. */
  readonly archive: string;
  /** Starts of windows, in ms since 1970 UTC, the end excluded. */
  readonly sinceMs: number;
  readonly untilMs: number;
  /** What was archived later is left out, ms since 1970 UTC; none = nothing is. */
  readonly archivedBeforeMs?: number;
  /** Findings that this snapshot gives as well are not told; null = all are. */
  readonly before: ManifestRef | null;
  readonly reference: ManifestRef;
  readonly sinks: readonly SinkSpec[];
  /** What the expiry of suppressions is compared with. */
  readonly nowMs: number;
  /** Ends the hunt before it tells anything, or not at all. */
  readonly signal?: AbortSignal;
}

export interface HuntReport {
  /** Event-time windows that the archive has of the span. */
  readonly windows: number;
  readonly batches: number;
  readonly conversations: number;
  /** Files that could not be used, by what is wrong with them. */
  readonly damaged: Readonly<Record<string, number>>;
  /** Files whose time was over while the hunt went on. */
  readonly prunedMeanwhile: number;
  /** By filter, after suppression. */
  readonly findings: Readonly<Record<string, number>>;
  /** Those of them that the first sink had not, or with fewer records. */
  readonly told: number;
  /** Findings that a suppression hid, by suppression. */
  readonly hidden: Readonly<Record<string, number>>;
  readonly seconds: number;
}

/**
 * Judges the conversations of an archive by a snapshot, and tells what is found: `retro: true`, with
 * the ids that a run at the time would have given. May run beside a streaming job: it lets others
 * have their turn after each file.
 *
 * Throws the signal's reason where it was stopped, a SnapshotError or CorruptTableError where a
 * snapshot cannot be opened, a WriteError where a sink takes nothing.
 */
export async function runHunt(options: HuntOptions): Promise<HuntReport> {
  const { config, archive, sinceMs, untilMs, before, reference, sinks, nowMs, signal } = options;
  const { archivedBeforeMs = Number.MAX_SAFE_INTEGER } = options;
  const began = performance.now();
  signal?.throwIfAborted();
  // Opened here, bundles find them open: to read hundreds of megabytes would hold up the process.
  await openSnapshotAhead(reference);
  if (before !== null) await openSnapshotAhead(before);
  const history = config.history === undefined ? null : await describeHistory(config.history);
  const id = randomUUID();
  stopSearchBy(id, signal);
  try {
    const result = await new LocalRunner().run((root) => {
      buildHunt(root, {
        search: { directory: archive, sinceMs, untilMs, archivedBeforeMs, id },
        filters: config.filters,
        findingWindowMs: config.findingWindowMs,
        before,
        reference,
        suppressions: config.suppressions,
        nowMs,
        history,
        sinks,
      });
    });
    const counters = (await result.counters()) as Readonly<Record<string, number>>;
    return reportOf(counters, sinks[0]?.kind ?? '', (performance.now() - began) / 1000);
  } finally {
    stopSearchBy(id, undefined);
  }
}

function reportOf(
  counters: Readonly<Record<string, number>>,
  firstSink: string,
  seconds: number,
): HuntReport {
  const count = (name: string): number => counters[name] ?? 0;
  const under = (prefix: string): Record<string, number> =>
    Object.fromEntries(
      Object.entries(counters)
        .filter(([name, value]) => name.startsWith(prefix) && value > 0)
        .map(([name, value]): [string, number] => [name.slice(prefix.length), value])
        .sort(([a], [b]) => (a < b ? -1 : 1)),
    );
  return {
    windows: count('searched/windows'),
    batches: count('searched/batches'),
    conversations: count('searched/conversations'),
    damaged: under('damaged/'),
    prunedMeanwhile: count('searched/pruned-meanwhile'),
    findings: under('retro/'),
    told: Object.values(under(`revisions/${firstSink}/`)).reduce((sum, n) => sum + n, 0),
    hidden: under('hidden/'),
    seconds,
  };
}

/** What a streaming job looks back with. */
export interface LateIndicatorsOptions {
  readonly config: HuntConfig & Pick<Config, 'suppressionsPath' | 'streaming'>;
  readonly archive: { readonly directory: string };
  readonly sinks: readonly SinkSpec[];
  readonly log: Pick<Logger, 'info' | 'warn' | 'error'>;
  /**
   * From the news of a snapshot to the hunt with it. Until then the job must have taken it up, and
   * have archived what it judged by an earlier one: what it archives later is hunted by neither. As
   * long again it has to tell what it judged by the new one itself.
   * Default: three times `streaming.referenceEvery`.
   */
  readonly settleMs?: number;
  /** For tests. */
  readonly hunt?: (options: HuntOptions) => Promise<HuntReport>;
}

/** Name of the file in an archive that says which snapshot hunts last used. */
const HUNTED_FILE = 'hunted';

const VERSION = /^[0-9a-f]{16}\n$/;

/**
 * Has a streaming job look back when a new snapshot is published: one hunt at a time over the whole
 * archive, for what the snapshot hunted with before did not give. Which one that was is on disk, so
 * that a restart hunts for what it missed. A hunt that fails is made up for by the next one.
 */
export class LateIndicators {
  readonly #options: LateIndicatorsOptions;
  readonly #stop = new AbortController();
  /** The newest snapshot that is still to be hunted with. */
  #next: ManifestRef | undefined;
  #working: Promise<void> | undefined;
  #suppressions: readonly Suppression[];

  constructor(options: LateIndicatorsOptions) {
    this.#options = options;
    this.#suppressions = options.config.suppressions;
  }

  /** Tells of the snapshot in use: at the start, and whenever it is another. */
  onReference(reference: ManifestRef): void {
    if (this.#isStopped()) return;
    // Those that come while a hunt is under way are hunted for together.
    this.#next = reference;
    this.#working ??= this.#work();
  }

  /** Resolves when no hunt is under way or due. */
  async idle(): Promise<void> {
    while (this.#working !== undefined) await this.#working;
  }

  /** Stops a hunt that is under way; the next start makes up for it. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.idle();
  }

  async #work(): Promise<void> {
    const { log } = this.#options;
    // So that `#working` is set before this ends.
    await Promise.resolve();
    while (this.#next !== undefined && !this.#isStopped()) {
      try {
        await this.#huntNext();
      } catch (error) {
        if (!this.#isStopped()) log.error({ err: error }, 'the hunt for late indicators failed');
      }
    }
    this.#working = undefined;
  }

  async #huntNext(): Promise<void> {
    const { archive, config, sinks, log, settleMs, hunt = runHunt } = this.#options;
    const { signal } = this.#stop;
    let reference = this.#take();
    const hunted = await this.#hunted();
    if (hunted === undefined && (await archivedDays(archive.directory)).length === 0) {
      await this.#remember(reference);
      return;
    }
    const waitMs = settleMs ?? 3 * config.streaming.referenceEveryMs;
    await sleep(waitMs, undefined, { signal });
    // A newer one needs its own time: meanwhile the job archives what it judged without it.
    while (this.#next !== undefined) {
      reference = this.#take();
      await sleep(waitMs, undefined, { signal });
    }
    const archivedBeforeMs = Date.now();
    // What the job archived last it judged by the new snapshot itself: it is to tell that first, as
    // what it is, and not as found by looking back.
    await sleep(waitMs, undefined, { signal });
    if (reference.version === hunted) return;
    const before = await this.#usable(hunted, reference);
    const report = await hunt({
      config: { ...config, suppressions: await this.#latestSuppressions() },
      archive: archive.directory,
      sinceMs: 0,
      untilMs: Number.MAX_SAFE_INTEGER,
      archivedBeforeMs,
      before,
      reference,
      sinks,
      nowMs: Date.now(),
      signal,
    });
    await this.#remember(reference);
    const versions = { before: before?.version ?? null, reference: reference.version };
    const damaged = Object.keys(report.damaged).length > 0;
    log[damaged ? 'warn' : 'info']({ ...versions, ...report }, 'looked back for late indicators');
  }

  #isStopped(): boolean {
    return this.#stop.signal.aborted;
  }

  #take(): ManifestRef {
    const reference = this.#next;
    if (reference === undefined) throw new Error('there is no snapshot to hunt with');
    this.#next = undefined;
    return reference;
  }

  /** The snapshot of the last hunt, opened; null where it is not there any more: all is told again. */
  async #usable(version: string | undefined, latest: ManifestRef): Promise<ManifestRef | null> {
    if (version === undefined) return null;
    const before = { version, directory: latest.directory };
    try {
      await openSnapshotAhead(before);
      return before;
    } catch (error) {
      const message = 'the snapshot of the last hunt is gone: what it found is told again';
      this.#options.log.warn({ err: error }, message);
      return null;
    }
  }

  /** As the file says now; as it did when it was sound, where it is not. */
  async #latestSuppressions(): Promise<readonly Suppression[]> {
    const path = this.#options.config.suppressionsPath;
    if (path === undefined) return this.#suppressions;
    const text = await readFile(path, 'utf8').catch(() => undefined);
    if (text === undefined) return this.#suppressions;
    const { entries, problems } = parseSuppressions(text);
    if (problems.length === 0) this.#suppressions = entries;
    return this.#suppressions;
  }

  async #hunted(): Promise<string | undefined> {
    const path = join(this.#options.archive.directory, HUNTED_FILE);
    const text = await readFile(path, 'utf8').catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
      throw error;
    });
    return VERSION.test(text) ? text.trim() : undefined;
  }

  async #remember({ version }: ManifestRef): Promise<void> {
    const { directory } = this.#options.archive;
    await makeDirectory(directory);
    await replaceFile(join(directory, HUNTED_FILE), `${version}\n`);
  }
}
