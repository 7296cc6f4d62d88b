import { join } from 'node:path';
import type { Finding } from '../../pipeline/finding.js';
import { makeDirectory } from './durable-directory.js';
import type { FindingSink, Taken } from './finding-sink.js';
import { OneAtATime } from './one-at-a-time.js';
import { WindowFile, type Novelty } from './window-file.js';
import { WriteError } from './write-error.js';

/** Folder of an output directory that has the files of a streaming job's findings. */
export const WINDOW_FILES_FOLDER = 'findings';

const WINDOW_FILE = /^\d{4}-\d{2}-\d{2}T\d{2}-\d{2}-\d{2}(?:\.\d{3})?Z\.ndjson$/;

/** Whether a file of that folder is one of a finding window. */
export function isWindowFileName(name: string): boolean {
  return WINDOW_FILE.test(name);
}

/**
 * Name of the file of the window that starts then (ISO 8601), `2026-11-22T00-00-00Z.ndjson`: without
 * colons, which not every file system takes. Throws a RangeError for what is no date.
 */
export function windowFileName(windowStart: string): string {
  const startMs = Date.parse(windowStart);
  const name = Number.isNaN(startMs)
    ? ''
    : `${new Date(startMs).toISOString().replace('.000', '').replaceAll(':', '-')}.ndjson`;
  // Dates beyond the year 9999 are written otherwise.
  if (isWindowFileName(name)) return name;
  throw new RangeError(
    `windowStart: expected an ISO 8601 date, got ${JSON.stringify(windowStart)}`,
  );
}

export interface WindowFilesOptions {
  /** What was found wrong with a file, and done about it. */
  readonly onMessage?: (message: string) => void;
  /** Windows whose revisions are remembered; of others the file is read again. */
  readonly windows?: number;
  /** Findings that are remembered, over all windows but the last; some 100 bytes each. */
  readonly findings?: number;
}

const WINDOWS = 64;
const FINDINGS = 1_000_000;

/**
 * A streaming job's findings as files of JSON lines, one a finding window, a line for every revision
 * that was told: `OUTPUT/findings/2026-11-22T00-00-00Z.ndjson`. Lines are only ever appended.
 *
 * A put is on disk when it resolves, each file that it touched synced once. One that rejects is
 * taken back: repeated it gives no line twice, and neither does one that a crash cut short. What a
 * file has is read back when its window is first touched, what a crash left at its end is cut off.
 * No file stays open between puts. One process at a time.
 */
export class WindowFilesSink implements FindingSink {
  readonly #directory: string;
  readonly #options: Required<WindowFilesOptions>;
  /** By file name, the one touched last at the end. */
  readonly #windows = new Map<string, WindowFile>();
  readonly #turns = new OneAtATime();
  #closed = false;

  private constructor(directory: string, options: Required<WindowFilesOptions>) {
    this.#directory = directory;
    this.#options = options;
  }

  /** Writes to the output directory `output`, which is made where it is missing. Throws a WriteError. */
  static async open(output: string, options: WindowFilesOptions = {}): Promise<WindowFilesSink> {
    const { onMessage = () => undefined, windows = WINDOWS, findings = FINDINGS } = options;
    const directory = join(output, WINDOW_FILES_FOLDER);
    try {
      await makeDirectory(directory);
    } catch (error) {
      throw new WriteError(directory, error);
    }
    return new WindowFilesSink(directory, { onMessage, windows, findings });
  }

  /** Throws a WriteError where they cannot be written, a RangeError where `windowStart` is no date. */
  put(findings: readonly Finding[]): Promise<readonly Taken[]> {
    return this.#turns.run(() => this.#put(findings));
  }

  close(): Promise<void> {
    return this.#turns.run(() => {
      this.#closed = true;
      this.#windows.clear();
      return Promise.resolve();
    });
  }

  async #put(findings: readonly Finding[]): Promise<readonly Taken[]> {
    if (this.#closed) throw new Error('findings are put into a sink that is closed');
    const touched: WindowFile[] = [];
    const novelties = new Map<number, Novelty>();
    for (const [name, rows] of byFile(findings)) {
      const window = this.#window(name);
      touched.push(window);
      try {
        const found = await window.append(rows.map((row) => findings[row]));
        for (const [i, row] of rows.entries()) novelties.set(row, found[i]);
      } catch (error) {
        for (const other of touched) await other.undo();
        this.#forget();
        // What is wrong with the findings themselves is not to be tried again.
        if (error instanceof RangeError) throw error;
        throw new WriteError(join(this.#directory, name), error);
      }
    }
    for (const window of touched) window.keep();
    this.#forget();
    return findings.flatMap((finding, row) => {
      const novelty = novelties.get(row);
      return novelty === 'old' ? [] : [{ finding, isNew: novelty === 'first' }];
    });
  }

  #window(name: string): WindowFile {
    const window =
      this.#windows.get(name) ??
      new WindowFile(join(this.#directory, name), this.#options.onMessage);
    this.#windows.delete(name);
    this.#windows.set(name, window);
    return window;
  }

  /** Forgets the windows that were not touched for longest. */
  #forget(): void {
    let findings = 0;
    for (const window of this.#windows.values()) findings += window.findings;
    for (const [name, window] of this.#windows) {
      const { size } = this.#windows;
      if (size <= 1) return;
      if (size <= this.#options.windows && findings <= this.#options.findings) return;
      findings -= window.findings;
      this.#windows.delete(name);
    }
  }
}

/** Row numbers of `findings` by the name of their file. */
function byFile(findings: readonly Finding[]): ReadonlyMap<string, readonly number[]> {
  const files = new Map<string, number[]>();
  for (const [row, { windowStart }] of findings.entries()) {
    const name = windowFileName(windowStart);
    const rows = files.get(name);
    if (rows === undefined) files.set(name, [row]);
    else rows.push(row);
  }
  return files;
}
