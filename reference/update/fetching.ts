/** What all ways to fetch a feed have in common. */
import type { Validators } from './feed-state.js';

/** Bounds of one fetch. */
export interface FetchLimits {
  /** On the wire, and again unpacked. */
  readonly maxBytes: number;
  /** Until the connection stands. */
  readonly connectMs: number;
  /** Between two signs of life. */
  readonly idleMs: number;
  /** All of it: a source that drips never idles. */
  readonly totalMs: number;
}

export const TIME_OUTS = { connectMs: 10_000, idleMs: 30_000, totalMs: 600_000 } as const;

/** The source says that it has what `validators` name, or it handed over other content. */
export type Fetched<Taken> =
  | { readonly changed: false }
  | { readonly changed: true; readonly taken: Taken; readonly validators: Validators };

/** Reads content to its end; it throws where the transfer breaks or exceeds its limits. */
export type Take<Taken> = (content: AsyncIterable<Uint8Array>) => Promise<Taken>;

/** A source that does not give what was asked for; the message has no credentials in it. */
export class FetchError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'FetchError';
  }
}

/** Stops a fetch that takes too long; `signal.reason` is the FetchError. */
export class Deadline {
  readonly #controller = new AbortController();
  readonly #total: NodeJS.Timeout;
  #step: NodeJS.Timeout | undefined;

  constructor(totalMs: number) {
    this.#total = this.#after(totalMs, `took longer than ${totalMs} ms`);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** What comes next must come within `ms`. */
  expect(what: string, ms: number): void {
    clearTimeout(this.#step);
    this.#step = this.#after(ms, `no ${what} within ${ms} ms`);
  }

  clear(): void {
    clearTimeout(this.#step);
    clearTimeout(this.#total);
  }

  #after(ms: number, message: string): NodeJS.Timeout {
    return setTimeout(() => this.#controller.abort(new FetchError(message)), ms);
  }
}

/** Passes on at most `maxBytes`. Throws a FetchError at more. */
export async function* limited(
  content: AsyncIterable<Uint8Array>,
  maxBytes: number,
  what: string,
): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  for await (const chunk of content) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw new FetchError(`${what} than ${maxBytes} bytes`);
    yield chunk;
  }
}
