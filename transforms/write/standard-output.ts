import type { Writable } from 'node:stream';
import type { Finding } from '../../pipeline/finding.js';
import { findingKey } from './finding-key.js';
import type { FindingSink, Taken } from './finding-sink.js';
import { OneAtATime } from './one-at-a-time.js';
import { WriteError } from './write-error.js';

export interface StandardOutputOptions {
  /** Where lines go; default process.stdout. */
  readonly stream?: Writable;
  /**
   * Whether an earlier process of the same job may have told findings. A withdrawal of a finding
   * that this process does not know may then concern one of those, and is told.
   */
  readonly resumed?: boolean;
  /** Findings whose revision is remembered; some 100 bytes each. */
  readonly findings?: number;
}

const FINDINGS = 100_000;

/** Characters that are handed to the stream at once. */
const PIECE = 65_536;

/**
 * A streaming job's findings as lines of JSON on standard output, one a revision. What was told is
 * known only within the process, and only of the findings told last; whoever reads keeps of each id
 * the highest revision. A put resolves when the stream has taken all of it: a slow reader slows the
 * job. After an error, as of a reader that has gone, every put rejects.
 */
export class StandardOutputSink implements FindingSink {
  readonly #stream: Writable;
  readonly #findings: number;
  /** By key, the one told last at the end. */
  readonly #revisions = new Map<string, number>();
  readonly #turns = new OneAtATime();
  /** Whether there are findings that were told and are not known. */
  #forgetful: boolean;
  #failure: Error | undefined;
  #closed = false;

  constructor({ stream = process.stdout, resumed, findings }: StandardOutputOptions = {}) {
    this.#stream = stream;
    this.#forgetful = resumed ?? false;
    this.#findings = findings ?? FINDINGS;
    // A broken pipe is also an event, which without a listener would end the process. It outlives
    // the sink: the event may come after the last write.
    stream.on('error', (error: Error) => {
      this.#failure ??= error;
    });
  }

  /** Throws a WriteError where the stream fails. */
  put(findings: readonly Finding[]): Promise<readonly Taken[]> {
    return this.#turns.run(() => this.#put(findings));
  }

  /** Standard output is not ours to end. */
  close(): Promise<void> {
    return this.#turns.run(() => {
      this.#closed = true;
      this.#revisions.clear();
      return Promise.resolve();
    });
  }

  async #put(findings: readonly Finding[]): Promise<readonly Taken[]> {
    if (this.#closed) throw new Error('findings are put into a sink that is closed');
    const newer = new Map<string, number>();
    const taken = findings.filter(({ id, revision, status }) => {
      const key = findingKey(id);
      const last = newer.get(key) ?? this.#revisions.get(key);
      const old =
        last === undefined ? status === 'withdrawn' && !this.#forgetful : revision <= last;
      if (!old) newer.set(key, revision);
      return !old;
    });
    let piece = '';
    for (const finding of taken) {
      piece += `${JSON.stringify(finding)}\n`;
      if (piece.length < PIECE) continue;
      await this.#write(piece);
      piece = '';
    }
    if (piece !== '') await this.#write(piece);
    const result = taken.map((finding) => ({
      finding,
      isNew: !this.#revisions.has(findingKey(finding.id)),
    }));
    this.#remember(newer);
    return result;
  }

  async #write(piece: string): Promise<void> {
    try {
      if (this.#failure !== undefined) throw this.#failure;
      await new Promise<void>((resolve, reject) => {
        // A stream that is destroyed without an error calls nobody back.
        const gone = (): void => reject(this.#failure ?? new Error('it was closed'));
        this.#stream.once('close', gone);
        this.#stream.write(piece, (error) => {
          this.#stream.removeListener('close', gone);
          if (error) reject(error);
          else resolve();
        });
      });
    } catch (error) {
      this.#failure ??= error as Error;
      throw new WriteError('findings to standard output', this.#failure);
    }
  }

  #remember(newer: ReadonlyMap<string, number>): void {
    for (const [key, revision] of newer) {
      this.#revisions.delete(key);
      this.#revisions.set(key, revision);
    }
    for (const key of this.#revisions.keys()) {
      if (this.#revisions.size <= this.#findings) break;
      this.#revisions.delete(key);
      this.#forgetful = true;
    }
  }
}
