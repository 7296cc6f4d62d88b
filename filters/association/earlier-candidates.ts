import type { EarlierCandidate } from '../../history/history.js';
import type { Evidence, HistoryEvidence } from '../../pipeline/finding.js';

const DAY_MS = 86_400_000;

/** A candidate of two weeks ago counts half: servers of a campaign live for days to weeks. */
const HALF_LIFE_DAYS = 14;

/** What earlier days held against a remote. */
export interface EarlierSuspicion {
  /** The days' sum, each 2^(-age / 14 days), where a day ago is nearly 1; 0 = never a candidate. */
  readonly weight: number;
  /** The days on which it was a candidate; undefined = none. */
  readonly evidence: HistoryEvidence | undefined;
}

/** Only days strictly before the window that starts at `windowStartMs` count. */
export function earlierSuspicion(
  candidates: readonly EarlierCandidate[],
  windowStartMs: number,
): EarlierSuspicion {
  const ages = new Map<string, number>();
  for (const { day } of candidates) {
    const age = (windowStartMs - Date.parse(`${day}T00:00:00Z`)) / DAY_MS;
    if (age > 0) ages.set(day, age);
  }
  const days = [...ages.keys()].sort();
  let weight = 0;
  for (const day of days) weight += 2 ** (-(ages.get(day) ?? 0) / HALF_LIFE_DAYS);
  const evidence = days.length === 0 ? undefined : candidateDays(days);
  return { weight, evidence };
}

/** `days` ascending, at least one. */
function candidateDays(days: readonly string[]): HistoryEvidence {
  const to = days[days.length - 1];
  return { type: 'history', of: 'candidate', days: days.length, from: days[0], to };
}

/** What a day's candidates are made of: a finding of c2-candidate, or a detection. */
interface CandidateFinding {
  readonly remoteAddress: string | null;
  readonly service: string;
  readonly evidence: readonly Evidence[];
}

/** The candidates of a day for its history file, one a remote and service, however many customers' findings name it; sorted. */
export function candidatesOf(
  day: string,
  findings: Iterable<CandidateFinding>,
): readonly EarlierCandidate[] {
  const found = new Map<string, EarlierCandidate>();
  for (const { remoteAddress, service, evidence } of findings) {
    if (remoteAddress === null) continue;
    for (const entry of evidence) {
      if (entry.type !== 'association') continue;
      const key = `${remoteAddress} ${service}`;
      const clients = Math.max(entry.compromisedHere, found.get(key)?.clients ?? 0);
      found.set(key, { day, remote: remoteAddress, service, clients });
    }
  }
  return [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, candidate]) => candidate);
}
