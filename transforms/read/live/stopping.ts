/** Whether a source was told to stop, and a way to wait for something no longer than that. */
export class Stopping {
  #stopped = false;
  readonly #waiters = new Set<() => void>();

  get stopped(): boolean {
    return this.#stopped;
  }

  stop(): void {
    this.#stopped = true;
    for (const wake of this.#waiters) wake();
  }

  /** Waits for `work`; false, at once, where the source is stopped meanwhile. */
  async before(work: Promise<unknown>): Promise<boolean> {
    // Who is stopped no longer looks at it: then its failure must not end the process.
    work.catch(() => undefined);
    if (this.#stopped) return false;
    let wake: () => void = () => undefined;
    // One promise a call: a race against one that lives long would keep a reaction for each call.
    const told = new Promise<void>((resolve) => {
      wake = resolve;
    });
    this.#waiters.add(wake);
    try {
      await Promise.race([work, told]);
    } finally {
      this.#waiters.delete(wake);
    }
    return !this.stopped;
  }
}
