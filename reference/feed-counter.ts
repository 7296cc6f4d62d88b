/** Counts what a feed's reader finds: the one wrapper of all formats. */
import type { FeedEntry, FeedSink, RejectReason } from './feeds/feed-reader.js';
import type { RejectSample } from './manifest.js';

const MAX_SAMPLES = 100;
const MAX_SAMPLE_BYTES = 200;

/** Why a readable entry is not used. */
export type HeldBackReason = 'special-address' | 'too-wide';
/** Why an entry is none for its kind of feed. */
export type RefusedReason = RejectReason | 'bad-category';

/** Takes an entry into a table, or says why not. */
export type Collect = (entry: FeedEntry) => HeldBackReason | RefusedReason | undefined;

export class FeedCounter implements FeedSink {
  read = 0;
  kept = 0;
  notApplicableCount = 0;
  readonly rejected = new Map<string, number>();
  readonly heldBack = new Map<string, number>();
  readonly notes = new Map<string, number>();
  readonly samples: RejectSample[] = [];
  /** Name of the file at hand. */
  file = '';
  readonly #collect: Collect;
  #line = 0;
  #bytes = new Uint8Array(0);
  #start = 0;
  #end = 0;

  constructor(collect: Collect) {
    this.#collect = collect;
  }

  at(line: number, bytes: Uint8Array, start: number, end: number): void {
    this.read++;
    this.#line = line;
    this.#bytes = bytes as Uint8Array<ArrayBuffer>;
    this.#start = start;
    this.#end = end;
  }

  entry(entry: FeedEntry): void {
    const reason = this.#collect(entry);
    if (reason === undefined) {
      this.kept++;
      if (entry.hostBits) this.note('host-bits');
    } else if (reason === 'special-address' || reason === 'too-wide') {
      increment(this.heldBack, reason);
      this.#sample(reason);
    } else {
      increment(this.rejected, reason);
      this.#sample(reason);
    }
  }

  reject(reason: RejectReason): void {
    increment(this.rejected, reason);
    this.#sample(reason);
  }

  notApplicable(): void {
    this.notApplicableCount++;
  }

  note(name: string): void {
    increment(this.notes, name);
  }

  #sample(reason: string): void {
    if (this.samples.length >= MAX_SAMPLES) return;
    const end = Math.min(this.#end, this.#start + MAX_SAMPLE_BYTES);
    const text = Buffer.from(this.#bytes.subarray(this.#start, end)).toString('latin1');
    this.samples.push({
      file: this.file,
      line: this.#line,
      reason,
      // A terminal or log must not run what a feed wrote.
      sample: text.replace(/[^\x20-\x7e]/g, '?'),
    });
  }
}

function increment(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}

/** Counts as an object in the order of their names. */
export function countsByName(counts: ReadonlyMap<string, number>): Record<string, number> {
  return Object.fromEntries([...counts].sort(([a], [b]) => (a < b ? -1 : 1)));
}
