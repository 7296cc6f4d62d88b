/**
 * The reference snapshot that `latest` names, as a live source: an element whenever it is another.
 *
 * A version is opened and verified before it is delivered, so that none that is damaged or half
 * written ever takes the place of a good one, and the first bundle that uses it does not wait for it.
 */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { registerSource, type Intake } from '../../../beam/source.js';
import {
  LATEST_FILE,
  latestVersion,
  MANIFEST_FILE,
  SnapshotError,
} from '../../../reference/manifest.js';
import { openSnapshotAhead, type ManifestRef } from '../../../reference/snapshot.js';
import { PolledSource } from './polled-source.js';

export interface LatestReferenceParams {
  /** Snapshot directory; absolute. */
  readonly directory: string;
  readonly everyMs: number;
}

export const LATEST_REFERENCE = 'flowsieve/latest-reference';

registerSource<LatestReferenceParams>(LATEST_REFERENCE, ({ directory, everyMs }) => {
  const newest = new NewestSnapshot(directory);
  return new PolledSource(everyMs, (intake) => deliverNewest(newest, intake));
});

/** Elements are a few words each. */
const ELEMENT_BYTES = 256;

/** Counts `reference/delivered`, and `reference/unusable` once for each state of a bad version. */
async function deliverNewest(newest: NewestSnapshot, intake: Intake): Promise<void> {
  let value: ManifestRef | undefined;
  try {
    value = await newest.look();
  } catch {
    // Who watches the job looks for himself, and says why.
    intake.count('reference/unusable');
    return;
  }
  if (value === undefined) return;
  intake.count('reference/delivered');
  await intake.deliver({ value, timestampMs: Date.now(), bytes: ELEMENT_BYTES });
}

/** Versions that are being opened, by path. */
const opening = new Map<string, Promise<unknown>>();

/** A job and who watches it look at the same time: hundreds of megabytes are read once. */
async function openOnce(ref: ManifestRef): Promise<void> {
  const path = join(ref.directory, ref.version);
  let opened = opening.get(path);
  if (opened === undefined) {
    opened = openSnapshotAhead(ref).finally(() => opening.delete(path));
    opening.set(path, opened);
  }
  await opened;
}

/** The newest sound snapshot of a directory, asked for again and again. */
export class NewestSnapshot {
  readonly #directory: string;
  #version: string | undefined;
  /** What could not be used, with its times: tried again when it is otherwise. */
  #unusable: string | undefined;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /**
   * The snapshot that `latest` names, opened and verified, where it is another than last time. Throws
   * a SnapshotError or CorruptTableError where it cannot be used, once for each of its states.
   */
  async look(): Promise<ManifestRef | undefined> {
    const directory = this.#directory;
    let seen = '';
    try {
      const version = await latestVersion(directory);
      if (version !== undefined && version === this.#version) return undefined;
      seen = await this.#appearance(version);
      if (seen === this.#unusable) return undefined;
      if (version === undefined) throw new SnapshotError(`${directory} names no version`);
      await openOnce({ directory, version });
      this.#version = version;
      this.#unusable = undefined;
      return { version, directory };
    } catch (error) {
      this.#unusable = seen;
      throw error;
    }
  }

  /** Times of the pointer, the version and its manifest: another build or a repair changes one. */
  async #appearance(version: string | undefined): Promise<string> {
    const names = version === undefined ? [] : [version, join(version, MANIFEST_FILE)];
    const times = [LATEST_FILE, ...names].map((name) =>
      stat(join(this.#directory, name)).then(
        ({ mtimeMs, ino }) => `${mtimeMs}/${ino}`,
        () => 'none',
      ),
    );
    return [version, ...(await Promise.all(times))].join(' ');
  }
}
