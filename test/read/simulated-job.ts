import type { Delivery, Intake, LiveSource } from '../../beam/source.js';
import type { Chunk } from '../../pipeline/chunk.js';
import type { Reject } from '../../pipeline/reject.js';

/**
 * A job around a source, with the store that the streaming runner has: what is delivered is
 * committed in groups, records and checkpoints together; what is not when it is killed is lost.
 */
export class SimulatedJob implements Intake {
  /** What was committed, over all runs. */
  readonly committed: Chunk[] = [];
  readonly checkpoint = new Map<string, string>();
  readonly counters = new Map<string, number>();
  readonly rejects: Reject[] = [];
  /** Deliveries that wait for the next commit. */
  readonly waiting: Delivery[] = [];
  #lineFeeds = 0;
  /** Deliveries of a commit. */
  readonly group: number;
  /** Called for each delivery; while its promise is pending there is no room. */
  room: () => Promise<void> = () => Promise.resolve();

  constructor(group = 1) {
    this.group = group;
  }

  async deliver(delivery: Delivery): Promise<void> {
    await this.room();
    this.waiting.push(delivery);
    if (this.waiting.length >= this.group) this.commit();
  }

  count(name: string, by = 1): void {
    this.counters.set(name, (this.counters.get(name) ?? 0) + by);
  }

  reject(reject: Reject): void {
    this.rejects.push(reject);
  }

  commit(): void {
    for (const { value, checkpoint = [], committed } of this.waiting.splice(0)) {
      const chunk = value as Chunk;
      this.committed.push(chunk);
      for (let at = -1; (at = chunk.bytes.indexOf(10, at + 1)) >= 0;) this.#lineFeeds++;
      if (chunk.bytes.at(-1) !== 10) this.#lineFeeds++;
      for (const [key, text] of checkpoint) {
        if (text === null) this.checkpoint.delete(key);
        else this.checkpoint.set(key, text);
      }
      committed?.();
    }
  }

  /** The process dies: what is not committed is lost. */
  crash(): void {
    this.waiting.length = 0;
  }

  /** Runs the source until `done` holds, then stops it and waits for its end. */
  async run(source: LiveSource, done: () => boolean | Promise<boolean>): Promise<void> {
    const running = source.run(this, new Map(this.checkpoint));
    const over = { is: false };
    const ended = running.finally(() => {
      over.is = true;
    });
    ended.catch(() => undefined);
    try {
      while (!over.is && !(await done())) await new Promise((wake) => setTimeout(wake, 5));
    } finally {
      await source.stop();
    }
    await ended;
  }

  /** Number of `lines`, quickly. */
  get lineCount(): number {
    return this.#lineFeeds;
  }

  /** All that was committed, as text. */
  get text(): string {
    return Buffer.concat(this.committed.map(({ bytes }) => bytes)).toString('latin1');
  }

  /** Lines that were committed. */
  get lines(): string[] {
    return this.text.split('\n').filter((line) => line !== '');
  }
}
