import type { Intake, LiveSource } from '../../../beam/source.js';

/** Looks once; delivers what is new. */
type Look = (intake: Intake) => Promise<void>;

/** A live source without an end that looks every so often whether there is something new. */
export class PolledSource implements LiveSource {
  readonly #everyMs: number;
  readonly #look: Look;
  #stopped = false;
  #wake: () => void = () => undefined;

  constructor(everyMs: number, look: Look) {
    this.#everyMs = everyMs;
    this.#look = look;
  }

  /** What it delivers last is delivered again after a restart: nothing is kept. */
  async run(intake: Intake): Promise<void> {
    while (!this.#stopped) {
      await this.#look(intake);
      await this.#pause();
    }
  }

  stop(): void {
    this.#stopped = true;
    this.#wake();
  }

  async #pause(): Promise<void> {
    if (this.#stopped) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, this.#everyMs);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
