/** The file of what c2-candidate held for candidates on one day: JSON, sorted by remote and service. */
import { z } from 'zod';
import { addressOf, formatAddressAt } from '../pipeline/address.js';
import { HistoryError } from './history-error.js';
import type { EarlierCandidate } from './history.js';
import { isDay } from './utc-day.js';

const candidate = z.strictObject({
  remote: z.string().max(45).refine(isNormalised, 'expected an address as findings write it'),
  service: z.string().regex(/^(?:\d{1,5}\/[a-z0-9-]{1,16}|-)$/),
  clients: z.int().min(1),
});

const fileSchema = z.strictObject({
  format: z.literal(1),
  day: z.string().refine(isDay, 'expected a day'),
  candidates: z.array(candidate),
});

/** Bytes of the file. Throws a RangeError where a candidate is of another day or is none. */
export function encodeCandidates(day: string, candidates: readonly EarlierCandidate[]): Uint8Array {
  const stray = candidates.find((one) => one.day !== day);
  if (stray !== undefined)
    throw new RangeError(`a candidate of ${stray.day} among those of ${day}`);
  const sorted = candidates
    .map(({ remote, service, clients }) => ({ remote, service, clients }))
    .sort(
      (a, b) =>
        compare(a.remote, b.remote) || compare(a.service, b.service) || a.clients - b.clients,
    );
  const parsed = fileSchema.safeParse({ format: 1, day, candidates: sorted });
  if (!parsed.success) throw new RangeError(`candidates of ${day}: ${firstProblem(parsed.error)}`);
  return Buffer.from(`${JSON.stringify(parsed.data, null, 1)}\n`);
}

/** Reads a file that should be of `day`; `name` is for messages. Throws a HistoryError. */
export function decodeCandidates(
  bytes: Uint8Array,
  day: string,
  name: string,
): readonly EarlierCandidate[] {
  let json: unknown;
  try {
    json = JSON.parse(Buffer.from(bytes).toString());
  } catch (cause) {
    throw new HistoryError(name, day, `no JSON: ${(cause as Error).message}`, { cause });
  }
  const parsed = fileSchema.safeParse(json);
  if (!parsed.success) throw new HistoryError(name, day, firstProblem(parsed.error));
  if (parsed.data.day !== day) throw new HistoryError(name, day, `is of ${parsed.data.day}`);
  return parsed.data.candidates.map((one) => ({ day, ...one }));
}

function isNormalised(text: string): boolean {
  const address = addressOf(text);
  return address !== undefined && formatAddressAt(address.family, address.words, 0) === text;
}

function firstProblem({ issues: [issue] }: z.ZodError): string {
  return `${issue.path.join('.')}: ${issue.message}`;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
