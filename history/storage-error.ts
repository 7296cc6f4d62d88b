import { problemOf, WRITER } from '../objects/errors.js';

/**
 * The place of the history cannot be used: no credentials, no bucket, no right, no network. Unlike a
 * HistoryError it says nothing about a day, so no run goes on without history because of it.
 */
export class HistoryStorageError extends Error {
  /** The message without the word that it is about history. */
  readonly problem: string;

  constructor(place: string, problem: string, options?: ErrorOptions) {
    super(`history ${place}: ${problem}`, options);
    this.name = 'HistoryStorageError';
    this.problem = `${place}: ${problem}`;
  }
}

/** What a failed request to `bucket` means, and what to do. `doing` is such as "listing its days". */
export function storageError(
  place: string,
  bucket: string,
  doing: string,
  error: unknown,
): HistoryStorageError {
  const asked = { bucket, doing, role: WRITER, setting: 'setting history' };
  return new HistoryStorageError(place, problemOf(asked, error), { cause: error });
}
