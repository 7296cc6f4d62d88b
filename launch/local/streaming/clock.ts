/** Processing time, which a test stream replaces. */
export interface Clock {
  /** Ms since 1970 UTC. */
  now(): number;
}

export const SYSTEM_CLOCK: Clock = { now: () => Date.now() };

/** A clock that moves only when it is told. */
export class ManualClock implements Clock {
  #ms = 0;

  now(): number {
    return this.#ms;
  }

  set(ms: number): void {
    this.#ms = ms;
  }
}
