/** How a source's watermark follows its exporters. */
export interface WatermarkOptions {
  /** How far out of order the records of one exporter come. */
  readonly disorderMs: number;
  /** An exporter that is silent for so long holds nothing back any more. */
  readonly idleMs: number;
  /**
   * What is so far behind the watermark comes too late for any window: an exporter whose records are
   * holds nothing back. Absent = nothing is too late.
   */
  readonly behindMs?: number;
}

/** Exporters that are followed one by one; a source that names more is followed by those that it has. */
const MAX_EXPORTERS = 10_000;

/** Exporters that a restart knows again: the slowest, which hold the watermark. */
const SAVED_EXPORTERS = 256;

/** Exporters with the event time of their latest record. */
export type SavedExporters = readonly (readonly [name: string, latestMs: number])[];

interface Exporter {
  latestMs: number;
  seenMs: number;
}

/**
 * The watermark of one source: event time before which nothing more is expected.
 *
 * It follows the slowest exporter that is not idle, less the allowed disorder, and where all are
 * idle the clock. No record moves it past the clock, so what is dated ahead of its arrival delays
 * nobody and closes nothing. It never goes back.
 */
export class SourceWatermark {
  readonly #options: WatermarkOptions;
  readonly #exporters = new Map<string, Exporter>();
  #watermarkMs: number;
  #quietSinceMs: number;

  /** `watermarkMs` is where it was committed last; -Infinity at the first start. */
  constructor(
    options: WatermarkOptions,
    nowMs: number,
    watermarkMs = -Infinity,
    exporters: SavedExporters = [],
  ) {
    this.#options = options;
    this.#watermarkMs = watermarkMs;
    this.#quietSinceMs = nowMs;
    // Whoever was there before is waited for, or the first to come again would leave it behind.
    for (const [name, latestMs] of exporters) this.observe(name, latestMs, nowMs);
  }

  /** What a restart wants to know of the exporters. */
  saved(): SavedExporters {
    const all = [...this.#exporters].map(([name, { latestMs }]) => [name, latestMs] as const);
    if (all.length <= SAVED_EXPORTERS) return all;
    return all.sort(([, a], [, b]) => a - b).slice(0, SAVED_EXPORTERS);
  }

  /** Exporters that hold the watermark. */
  get exporters(): number {
    return this.#exporters.size;
  }

  /** Event time of the latest record that an exporter has sent. */
  observe(exporter: string, latestMs: number, nowMs: number): void {
    // Of an exporter that a batch only names no record came: it is neither alive nor slow.
    if (!Number.isFinite(latestMs)) return;
    this.#quietSinceMs = nowMs;
    const ms = Math.min(latestMs, nowMs);
    const known = this.#exporters.get(exporter);
    if (known !== undefined) {
      known.latestMs = Math.max(known.latestMs, ms);
      known.seenMs = nowMs;
    } else if (this.#exporters.size < MAX_EXPORTERS) {
      this.#exporters.set(exporter, { latestMs: ms, seenMs: nowMs });
    }
  }

  /** A word of the source itself: nothing earlier is to come. */
  advance(timestampMs: number): void {
    this.#watermarkMs = Math.max(this.#watermarkMs, timestampMs);
  }

  /** The watermark now; `heldMs` is the earliest time that waits to be taken up. */
  at(nowMs: number, heldMs = Infinity): number {
    const { disorderMs, idleMs, behindMs = Infinity } = this.#options;
    let slowest = Infinity;
    for (const [name, { latestMs, seenMs }] of this.#exporters) {
      if (nowMs - seenMs > idleMs) this.#exporters.delete(name);
      else if (latestMs + behindMs >= this.#watermarkMs) slowest = Math.min(slowest, latestMs);
    }
    if (slowest === Infinity && nowMs - this.#quietSinceMs > idleMs) slowest = nowMs;
    if (slowest !== Infinity) this.advance(Math.min(slowest - disorderMs, heldMs));
    return this.#watermarkMs;
  }

  /** For so long nobody was listened to: it is nobody's silence. */
  excuse(ms: number): void {
    this.#quietSinceMs += ms;
    for (const exporter of this.#exporters.values()) exporter.seenMs += ms;
  }

  /** Milliseconds until silence alone may move it; Infinity = it waits for records. */
  idleAtMs(): number {
    let first = Infinity;
    for (const { seenMs } of this.#exporters.values()) first = Math.min(first, seenMs);
    return (first === Infinity ? this.#quietSinceMs : first) + this.#options.idleMs + 1;
  }
}
