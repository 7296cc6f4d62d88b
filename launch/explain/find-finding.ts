import type { Finding } from '../../pipeline/finding.js';
import { checkedFinding, revisionLines } from '../findings-file.js';

/** A finding as it stands after all its revisions. */
interface FoundFinding {
  /** Its highest revision; of one that was withdrawn the highest before. */
  readonly finding: Finding;
  /** The revision that withdrew it; undefined where it stands. */
  readonly withdrawal: Finding | undefined;
}

/** What became of looking for a finding. */
export type Search =
  | ({ readonly found: 'one'; readonly malformed: Malformed } & FoundFinding)
  | { readonly found: 'none'; readonly findings: number; readonly malformed: Malformed }
  | { readonly found: 'several'; readonly ids: readonly string[]; readonly malformed: Malformed };

/** Lines that are no findings. */
export interface Malformed {
  readonly lines: number;
  /** The first of them, `FILE: line 3`; '' = none. */
  readonly first: string;
}

/** Fewest digits of an id's beginning: 16 M findings share one on average. */
export const MIN_ID_DIGITS = 6;

/** Distinct ids that are kept where a beginning is not unique. */
const MAX_CANDIDATES = 5;

/**
 * Looks at `path`, a file or the output directory of a run, for the finding whose id is `id` or, if
 * only one does, begins with it. Dashes and case do not matter. Withdrawn ones are found too: who
 * was told of one may ask.
 */
export async function findFinding(path: string, id: string): Promise<Search> {
  const wanted = idDigits(id);
  const candidates = new Map<string, Revisions>();
  const ids = new Set<string>();
  let exact: Revisions | undefined;
  let lines = 0;
  let first = '';
  for await (const { file, number, value } of revisionLines(path)) {
    const record = withId(value);
    // Only what may be it is checked whole: that takes longer than all the rest.
    const digits = record === undefined ? '' : idDigits(record.id);
    const finding = digits.startsWith(wanted) ? checkedFinding(record) : undefined;
    if (record === undefined || (finding === undefined && digits.startsWith(wanted))) {
      lines++;
      if (first === '') first = `${file}: line ${number}`;
      continue;
    }
    ids.add(digits);
    if (finding === undefined) continue;
    if (digits === wanted) {
      exact = withRevision(exact, finding);
    } else if (candidates.has(digits) || candidates.size <= MAX_CANDIDATES) {
      candidates.set(digits, withRevision(candidates.get(digits), finding));
    }
  }
  const malformed = { lines, first };
  const [only] = candidates.values();
  if (exact !== undefined) return { found: 'one', ...standing(exact), malformed };
  if (candidates.size === 1) return { found: 'one', ...standing(only), malformed };
  if (candidates.size === 0) return { found: 'none', findings: ids.size, malformed };
  const several = [...candidates.values()].map((known) => standing(known).finding.id);
  return { found: 'several', ids: several.sort(), malformed };
}

/** Hexadecimal digits of an id, lower case. */
export function idDigits(id: string): string {
  return id.toLowerCase().replaceAll('-', '');
}

interface Revisions {
  readonly highest: Finding;
  /** The highest of those that do not withdraw it. */
  readonly open: Finding | undefined;
}

function withRevision(known: Revisions | undefined, finding: Finding): Revisions {
  const open = finding.status === 'withdrawn' ? known?.open : newer(known?.open, finding);
  return { highest: newer(known?.highest, finding), open };
}

function newer(known: Finding | undefined, finding: Finding): Finding {
  return known === undefined || finding.revision >= known.revision ? finding : known;
}

function standing({ highest, open }: Revisions): FoundFinding {
  return highest.status === 'withdrawn'
    ? { finding: open ?? highest, withdrawal: highest }
    : { finding: highest, withdrawal: undefined };
}

function withId(value: unknown): { readonly id: string } | undefined {
  if (typeof value !== 'object' || value === null || !('id' in value)) return undefined;
  return typeof value.id === 'string' ? (value as { readonly id: string }) : undefined;
}
