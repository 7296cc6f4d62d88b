/** Counters of a job by name: `records/csv`, `rejects/csv/bad-time`, `findings/ID`, ... */
export type JobCounters = ReadonlyMap<string, number>;

/** Counters whose name begins with `prefix`, by the rest of their name, in its order; none that is 0. */
export function countersUnder(counters: JobCounters, prefix: string): [rest: string, n: number][] {
  const found: [string, number][] = [];
  for (const [name, n] of counters) {
    if (name.startsWith(prefix) && n > 0) found.push([name.slice(prefix.length), n]);
  }
  return found.sort(([a], [b]) => (a < b ? -1 : 1));
}

/** Sum of the counters whose name begins with `prefix`. */
export function sumUnder(counters: JobCounters, prefix: string): number {
  let sum = 0;
  for (const [name, n] of counters) if (name.startsWith(prefix)) sum += n;
  return sum;
}

/** What a reject of no single record begins with, or is. */
const NO_RECORD = /\/(?:file-|stream-|message-|not-a-message$)/;

/** Records read: decoded or rejected. Rejects of whole files, streams and messages are no records. */
export function recordsRead(counters: JobCounters): number {
  let sum = sumUnder(counters, 'records/');
  for (const [rest, n] of countersUnder(counters, 'rejects/')) {
    if (!NO_RECORD.test(rest)) sum += n;
  }
  return sum;
}

/** What was added to each counter since `before`. */
export function countersSince(counters: JobCounters, before: JobCounters): JobCounters {
  return new Map([...counters].map(([name, n]) => [name, n - (before.get(name) ?? 0)]));
}
