/** A day of history that cannot be used. Its message says which file, which day, what is wrong and what to do. */
export class HistoryError extends Error {
  constructor(file: string, day: string, problem: string, options?: ErrorOptions) {
    super(`history ${file} (day ${day}): ${problem}; remove it or run that day again`, options);
    this.name = 'HistoryError';
  }
}
