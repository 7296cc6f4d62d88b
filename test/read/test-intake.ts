import type { Delivery, Intake } from '../../beam/source.js';

/** Keeps what a source delivers; `hold` lets `deliver` wait until `release`. */
export class TestIntake implements Intake {
  readonly deliveries: Delivery[] = [];
  readonly counters = new Map<string, number>();
  #held: Promise<void> | undefined;
  #release: () => void = () => undefined;

  hold(): void {
    this.#held = new Promise((resolve) => {
      this.#release = resolve;
    });
  }

  release(): void {
    this.#held = undefined;
    this.#release();
  }

  async deliver(delivery: Delivery): Promise<void> {
    this.deliveries.push(delivery);
    await this.#held;
  }

  count(name: string, by = 1): void {
    this.counters.set(name, this.counted(name) + by);
  }

  counted(name: string): number {
    return this.counters.get(name) ?? 0;
  }

  commit(deliveries: readonly Delivery[] = this.deliveries): void {
    for (const { committed } of deliveries) committed?.();
  }
}

/** Resolves when `condition` holds; the test's time-out is the limit. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 10));
}
