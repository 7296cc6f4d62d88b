/**
 * The reference snapshot that `latest` names, as a live source: an element whenever it is another.
 *
 * A version is opened and verified before it is delivered, so that none that is damaged or half
 * written ever takes the place of a good one, and the first bundle that uses it does not wait for it.
 */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { registerSource, type Intake } from '../../../beam/source.js';
import { LATEST_FILE, latestVersion, MANIFEST_FILE } from '../../../reference/manifest.js';
import { openSnapshotAhead, type ManifestRef } from '../../../reference/snapshot.js';
import { PolledSource } from './polled-source.js';

export interface LatestReferenceParams {
  /** Snapshot directory; absolute. */
  readonly directory: string;
  readonly everyMs: number;
}

export const LATEST_REFERENCE = 'flowsieve/latest-reference';

registerSource<LatestReferenceParams>(LATEST_REFERENCE, ({ directory, everyMs }) => {
  const latest = new LatestReference(directory);
  return new PolledSource(everyMs, (intake) => latest.look(intake));
});

/** Elements are a few words each. */
const ELEMENT_BYTES = 256;

/** Counts `reference/delivered`, and `reference/unusable` once for each state of a bad version. */
class LatestReference {
  readonly #directory: string;
  #delivered: string | undefined;
  /** What could not be used, with its times: tried again when it is otherwise. */
  #unusable: string | undefined;

  constructor(directory: string) {
    this.#directory = directory;
  }

  async look(intake: Intake): Promise<void> {
    let version: string | undefined;
    let seen = '';
    try {
      version = await latestVersion(this.#directory);
      if (version !== undefined && version === this.#delivered) return;
      seen = await this.#appearance(version);
      if (seen === this.#unusable) return;
      if (version === undefined) throw new Error(`${this.#directory} names no version`);
      await openSnapshotAhead({ directory: this.#directory, version });
    } catch {
      // Logging is the caller's: he sees the counter, and opening the version says what is wrong.
      this.#unusable = seen;
      intake.count('reference/unusable');
      return;
    }
    this.#delivered = version;
    this.#unusable = undefined;
    intake.count('reference/delivered');
    const value: ManifestRef = { version, directory: this.#directory };
    await intake.deliver({ value, timestampMs: Date.now(), bytes: ELEMENT_BYTES });
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
