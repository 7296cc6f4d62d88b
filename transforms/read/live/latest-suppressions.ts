/** The analyst's exceptions as a live source: an element whenever their file has another content. */
import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { registerSource, type Intake } from '../../../beam/source.js';
import { parseSuppressions, type Suppression } from '../../../filters/suppression.js';
import { PolledSource } from './polled-source.js';

export interface LatestSuppressionsParams {
  /** File of suppressions; absolute. */
  readonly path: string;
  readonly everyMs: number;
}

export const LATEST_SUPPRESSIONS = 'flowsieve/latest-suppressions';

/** What people write is far shorter; a log that was put in its place is not read. */
const MOST_BYTES = 16 << 20;

registerSource<LatestSuppressionsParams>(LATEST_SUPPRESSIONS, ({ path, everyMs }) => {
  const latest = new LatestSuppressions(path);
  return new PolledSource(everyMs, (intake) => latest.look(intake));
});

/** Counts `suppressions/delivered`, and `suppressions/unusable` once for each bad content. */
class LatestSuppressions {
  readonly #path: string;
  /** Content that was delivered or found bad last. */
  #judged: string | undefined;
  /** Content at the last look. */
  #seen: string | undefined;
  #first = true;

  constructor(path: string) {
    this.#path = path;
  }

  async look(intake: Intake): Promise<void> {
    const text = await this.#read();
    const content = text === undefined ? 'none' : createHash('sha256').update(text).digest('hex');
    // A file that is being written again is empty for a moment, and an empty one hides nothing:
    // what changes must look the same twice.
    const settled = this.#first || content === this.#seen;
    this.#first = false;
    this.#seen = content;
    if (!settled || content === this.#judged) return;
    this.#judged = content;
    const entries = text === undefined ? undefined : soundEntries(text);
    if (entries === undefined) {
      intake.count('suppressions/unusable');
      return;
    }
    intake.count('suppressions/delivered');
    await intake.deliver({ value: entries, timestampMs: Date.now(), bytes: (text ?? '').length });
  }

  /** undefined where it is gone, cannot be read or is too long. */
  async #read(): Promise<string | undefined> {
    try {
      const found = await stat(this.#path);
      return found.size > MOST_BYTES ? undefined : await readFile(this.#path, 'utf8');
    } catch {
      return undefined;
    }
  }
}

function soundEntries(text: string): readonly Suppression[] | undefined {
  const { entries, problems } = parseSuppressions(text);
  return problems.length === 0 ? entries : undefined;
}
