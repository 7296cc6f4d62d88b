import type { Delivery, Intake, LiveSource } from '../../../beam/source.js';
import { SourceWatermark, type SavedExporters, type WatermarkOptions } from './watermark.js';
import type { Clock } from './clock.js';

/** What waits to be taken up, at most; more waits in the source. */
const MAX_WAITING_BYTES = 16 << 20;
const MAX_WAITING = 10_000;

export interface SourceContext {
  readonly clock: Clock;
  readonly watermark: WatermarkOptions;
  /** Its deliveries have event times; else they are observed in the records. */
  readonly timesKnown: boolean;
  readonly count: (name: string, by: number) => void;
  readonly onReject: (reject: unknown) => void;
  /** Called when there is something to take up, or the source ended. */
  readonly onChange: () => void;
}

/** A delivery, and when it came. */
export interface Delivered extends Delivery {
  readonly arrivedMs: number;
}

/** A live source with what it has delivered and was not taken up yet. */
export class SourceIntake implements Intake {
  /** Name of the step. */
  readonly name: string;
  readonly #source: LiveSource;
  readonly #context: SourceContext;
  readonly #watermark: SourceWatermark;
  readonly #waiting: Delivered[] = [];
  readonly #blocked: (() => void)[] = [];
  #waitingBytes = 0;
  #run: Promise<void> | undefined;
  #ended = false;
  #stopped = false;
  #failure: Error | undefined;

  constructor(
    name: string,
    source: LiveSource,
    context: SourceContext,
    watermarkMs: number,
    exporters: SavedExporters = [],
  ) {
    this.name = name;
    this.#source = source;
    this.#context = context;
    const nowMs = context.clock.now();
    this.#watermark = new SourceWatermark(context.watermark, nowMs, watermarkMs, exporters);
  }

  get waiting(): { readonly elements: number; readonly bytes: number } {
    return { elements: this.#waiting.length, bytes: this.#waitingBytes };
  }

  savedExporters(): SavedExporters {
    return this.#watermark.saved();
  }

  get exporters(): number {
    return this.#watermark.exporters;
  }

  /** It came to its end by itself, and all that it delivered was taken up. */
  get exhausted(): boolean {
    return this.#ended && !this.#stopped && this.#waiting.length === 0;
  }

  start(checkpoint: ReadonlyMap<string, string>): void {
    this.#run = this.#source
      .run(this, checkpoint)
      .catch((error: unknown) => {
        this.#failure = error instanceof Error ? error : new Error(String(error));
      })
      .finally(() => {
        this.#ended = true;
        this.#context.onChange();
      });
  }

  /** Takes no more; resolves when the source is done. */
  async stop(): Promise<void> {
    this.#stopped ||= !this.#ended;
    // Who waits for room must not wait for ever.
    this.#release();
    await this.#source.stop();
    await this.#run;
  }

  /** After the last commit. */
  async close(): Promise<void> {
    await this.#source.close?.();
  }

  deliver(delivery: Delivery): Promise<void> {
    this.#waiting.push({ ...delivery, arrivedMs: this.#context.clock.now() });
    this.#waitingBytes += delivery.bytes;
    this.#context.onChange();
    // Once it is stopped there is nobody to wait for.
    if (!this.#isFull() || this.#stopped) return Promise.resolve();
    return new Promise((resolve) => this.#blocked.push(resolve));
  }

  count(name: string, by = 1): void {
    this.#context.count(name, by);
  }

  reject(reject: unknown): void {
    this.#context.onReject(reject);
  }

  advanceWatermark(timestampMs: number): void {
    this.#watermark.advance(timestampMs);
    this.#context.onChange();
  }

  /** Takes up what waits, at most so much (one element at least). Throws what the source failed with. */
  take(maxElements: number, maxBytes: number): Delivered[] {
    if (this.#failure !== undefined) throw this.#failure;
    let bytes = 0;
    let elements = 0;
    while (elements < this.#waiting.length && elements < maxElements) {
      const next = this.#waiting[elements].bytes;
      if (elements > 0 && bytes + next > maxBytes) break;
      bytes += next;
      elements++;
    }
    const taken = this.#waiting.splice(0, elements);
    this.#waitingBytes -= bytes;
    if (this.#context.timesKnown) {
      for (const { exporter = '', timestampMs } of taken) this.observe(exporter, timestampMs);
    }
    if (!this.#isFull()) this.#release();
    return taken;
  }

  observe(exporter: string, latestMs: number): void {
    this.#watermark.observe(exporter, latestMs, this.#context.clock.now());
  }

  /** For so long nothing was taken up. */
  excuse(ms: number): void {
    this.#watermark.excuse(ms);
  }

  /** Event time before which nothing more is expected; Infinity once it is exhausted. */
  watermarkMs(): number {
    if (this.exhausted) return Infinity;
    let heldMs = Infinity;
    if (this.#context.timesKnown) {
      for (const { timestampMs } of this.#waiting) heldMs = Math.min(heldMs, timestampMs);
    }
    return this.#watermark.at(this.#context.clock.now(), heldMs);
  }

  /** When silence alone may move the watermark. */
  idleAtMs(): number {
    return this.exhausted ? Infinity : this.#watermark.idleAtMs();
  }

  #isFull(): boolean {
    return this.#waiting.length >= MAX_WAITING || this.#waitingBytes >= MAX_WAITING_BYTES;
  }

  #release(): void {
    for (const resolve of this.#blocked.splice(0)) resolve();
  }
}
