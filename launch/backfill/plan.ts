/** What a backfill will do, before it does it. */
import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import { expiredEntries } from '../../filters/suppression.js';
import { listPublications, snapshotAsOf } from '../../reference/publications.js';
import { SnapshotError, type ManifestRef } from '../../reference/manifest.js';
import type { Config } from '../config/config.js';
import { ConfigurationError } from '../config/configuration-error.js';
import { formatDuration } from '../config/duration.js';
import { packageVersion } from '../package-version.js';
import { prepareReference } from '../job-spec.js';
import type { BackfillSpan, Partition } from './partitions.js';
import type { BackfillDirectory, Basis } from './records.js';
import { filesOf, fingerprintOf, listSourceFiles, type PartitionFile } from './source-files.js';

/** By the reference data of the partition's own time, or by those of today. */
export type AsOf = 'event' | 'now';

/** A partition with all that its results depend on. */
export interface PlannedPartition extends Partition {
  readonly files: readonly PartitionFile[];
  readonly reference: ManifestRef;
  /** What the first pass depends on, and the second with more. */
  readonly basis: Basis;
}

/** Reference data of each partition. */
export type References = (partition: Partition) => ManifestRef;

/** The reference data of today, compiled where they are not yet; the same for all partitions. */
export async function referencesOfNow(config: Config): Promise<References> {
  const reference = await prepareReference(config);
  return () => reference;
}

/**
 * For each partition the newest snapshot that was published not after its end. Throws a
 * ConfigurationError where one has none: nothing has run then.
 */
export async function referencesOfEvents(
  config: Config,
  partitions: readonly Partition[],
): Promise<References> {
  const { snapshot } = config.reference;
  const found = new Map<string, ManifestRef>();
  try {
    const publications = await listPublications(snapshot);
    for (const { name, endMs } of partitions) {
      found.set(name, snapshotAsOf(snapshot, publications, endMs));
    }
  } catch (error) {
    if (!(error instanceof SnapshotError)) throw error;
    const message = `${error.message}; to judge by the reference data of today give --as-of now`;
    throw new ConfigurationError([{ place: '--as-of', path: '', message }]);
  }
  return ({ name }) => {
    const reference = found.get(name);
    if (reference === undefined) throw new Error(`there is no partition ${name}`);
    return reference;
  };
}

/**
 * The partitions with their files and reference data. Throws a ConfigurationError where there are no
 * files at all.
 */
export async function planBackfill(
  config: Config,
  backfill: BackfillSpan,
  references: References,
): Promise<readonly PlannedPartition[]> {
  const files = await listSourceFiles(config, backfill);
  if (files.length === 0) {
    const [from, to] = [backfill.span.startMs, backfill.span.endMs].map((ms) =>
      new Date(ms).toISOString(),
    );
    const uris = config.inputs.map(({ uri }) => JSON.stringify(uri)).join(', ');
    const message = `expected files of the time from ${from} to ${to}, none has such a name: ${uris}`;
    throw new ConfigurationError([{ place: config.file, path: 'inputs', message }]);
  }
  return backfill.partitions.map((partition) => {
    const own = filesOf(partition, files, backfill);
    const reference = references(partition);
    const basis: Basis = {
      files: fingerprintOf(own),
      'settings of the inputs': digestOf(
        config.inputs.map(({ uri, format, sensor, samplingRate, unknownFlags }) => {
          return [uri, format, sensor, samplingRate, unknownFlags];
        }),
      ),
      window: formatDuration(config.windowMs),
      'reference data': reference.version,
      flowsieve: packageVersion(),
    };
    return { ...partition, files: own, reference, basis };
  });
}

/** What findings depend on besides the basis of the first pass; `history` is what is read of it. */
export function findingsBasis(
  { basis }: PlannedPartition,
  config: Config,
  history: unknown,
): Basis {
  const expired = new Set(expiredEntries(config.suppressions, config.nowMs));
  return {
    ...basis,
    'finding window': formatDuration(config.findingWindowMs),
    filters: digestOf(config.filters),
    suppressions: digestOf(config.suppressions.filter((entry) => !expired.has(entry))),
    history: digestOf(history),
  };
}

function digestOf(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 16);
}

/**
 * Partitions of earlier backfills of the same output that this one takes the place of, because it
 * cuts their time otherwise. Throws a ConfigurationError where one reaches out of its time: a part of
 * it would be lost.
 */
export async function supersededPartitions(
  directory: BackfillDirectory,
  { span, partitions }: BackfillSpan,
): Promise<readonly string[]> {
  const superseded: string[] = [];
  for (const name of await directory.partitions()) {
    const record =
      (await directory.read(name, 'findings')) ?? (await directory.read(name, 'history'));
    if (record === undefined) continue;
    const { startMs, endMs } = record;
    if (startMs >= span.endMs || endMs <= span.startMs) continue;
    const same = partitions.find((partition) => partition.name === name);
    if (same?.startMs === startMs && same.endMs === endMs) continue;
    if (startMs < span.startMs || endMs > span.endMs) {
      const [from, to] = [startMs, endMs].map((ms) => new Date(ms).toISOString());
      const message = `expected partitions that fit those in ${basename(directory.path)}/, where one is from ${from} to ${to}: give a --from, --to and --every that do, or another --output`;
      throw new ConfigurationError([{ place: '--every', path: '', message }]);
    }
    superseded.push(name);
  }
  return superseded;
}
