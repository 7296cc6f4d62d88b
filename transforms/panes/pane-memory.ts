/** Origins that are remembered: those of windows that are open, of all steps. */
const MAX_REMEMBERED = 100_000;

interface Remembered<T> {
  readonly index: number;
  readonly held: ReadonlySet<T>;
}

/**
 * What earlier panes of an origin held, so that a later one need not say of everything that it is
 * not there. It knows only what passed through this process: whoever asks must be ready to hear that
 * it does not know. Early panes are not counted.
 */
export class PaneMemory<T> {
  readonly #origins = new Map<string, Remembered<T>>();

  /** What the panes before this one held; undefined where not all of them are known. */
  earlier(origin: string, index: number): ReadonlySet<T> | undefined {
    if (index === 0) return new Set();
    const known = this.#origins.get(origin);
    return known?.index === index - 1 ? known.held : undefined;
  }

  /** Remembers what this pane and those before it held; after the last pane nothing. */
  remember(origin: string, index: number, isLast: boolean, held: ReadonlySet<T>): void {
    this.#origins.delete(origin);
    if (isLast) return;
    this.#origins.set(origin, { index, held });
    if (this.#origins.size <= MAX_REMEMBERED) return;
    for (const oldest of this.#origins.keys()) {
      this.#origins.delete(oldest);
      return;
    }
  }
}
