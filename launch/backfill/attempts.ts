/** Work that is tried again, and work that is done at once. */
import { setTimeout as sleep } from 'node:timers/promises';

export interface Retrying {
  /** Waits before the second try, the third, ...: there is one try more than waits. */
  readonly delaysMs: readonly number[];
  readonly signal: AbortSignal;
  readonly onRetry: (error: unknown, waitMs: number) => void;
}

/** The result of `work`, which is tried again where it fails. Throws its last error, or the signal's reason. */
export async function withRetries<T>(
  work: () => Promise<T>,
  { delaysMs, signal, onRetry }: Retrying,
): Promise<T> {
  for (const waitMs of delaysMs) {
    try {
      return await work();
    } catch (error) {
      signal.throwIfAborted();
      onRetry(error, waitMs);
      await sleep(waitMs, undefined, { signal });
    }
  }
  return await work();
}

/** Works on the items in their order, at most `parallel` at once. Throws the first error, once all that run are over. */
export async function inParallel<T>(
  items: readonly T[],
  parallel: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const left = items.values();
  const errors: unknown[] = [];
  const lane = async (): Promise<void> => {
    for (const item of left) {
      if (errors.length > 0) return;
      await work(item).catch((error: unknown) => errors.push(error));
    }
  };
  await Promise.all(Array.from({ length: parallel }, lane));
  if (errors.length > 0) throw errors[0];
}
