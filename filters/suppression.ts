import { createHash } from 'node:crypto';
import { parse as parseYaml } from 'yaml';
import { z } from 'zod';
import { addressOf } from '../pipeline/address.js';
import type { Evidence, Finding } from '../pipeline/finding.js';
import { FILTERS } from './filters.js';
import { nearestName } from './nearest-name.js';
import type { Problem } from './policies.js';
import { gotValue } from './quote.js';
import { parseRemoteScope, REMOTE_FORMS, scopeCovers, type RemoteScope } from './remote-scope.js';

/**
 * An analyst's exception: findings in its scope are hidden. Every scope key that is present must
 * match. Plain JSON: it travels in the graph.
 */
export interface Suppression {
  /** As given, else `suppression-` and a hash of the scope, so that it survives reordering. */
  readonly id: string;
  readonly customer?: string;
  readonly filter?: string;
  /** The customer's address or a prefix of it. */
  readonly subject?: string;
  readonly remote?: RemoteScope;
  /** Remote port. */
  readonly port?: number;
  readonly indicator?: string;
  /** Takes away only what this feed says; hides where nothing else is left. */
  readonly feed?: string;
  readonly reason: string;
  readonly owner: string;
  /** As written; a date lasts to its end, UTC. */
  readonly expires?: string;
  /** First ms at which the entry does nothing; null = never. */
  readonly expiresMs: number | null;
}

const SCOPE_KEYS = [
  'customer',
  'filter',
  'subject',
  'remote',
  'port',
  'indicator',
  'feed',
] as const;

/** Text that is there. YAML reads `owner: 7` as a number: quote it. */
const text = (what: string): z.ZodString =>
  z
    .string({ error: `expected ${what}` })
    .trim()
    .min(1, { error: `expected ${what}` });

const PORT = 'expected a port 1..65535';
const EXPIRES = 'expected a date YYYY-MM-DD or a date and time with zone, 2026-01-31T12:00:00Z';

const ENTRY = z.strictObject({
  id: text('a name').optional(),
  customer: text('a customer').optional(),
  filter: text('a filter').optional(),
  subject: text('a subject').optional(),
  remote: text(REMOTE_FORMS)
    .refine((remote) => parseRemoteScope(remote) !== undefined, {
      error: `expected ${REMOTE_FORMS}`,
    })
    .optional(),
  port: z.int({ error: PORT }).min(1, { error: PORT }).max(65535, { error: PORT }).optional(),
  indicator: text('an indicator').optional(),
  feed: text('a feed').optional(),
  reason: text('a reason: why the finding is no risk'),
  owner: text('an owner: who answers for the exception'),
  expires: text('a date')
    .refine((expires) => expiryMs(expires) !== undefined, { error: EXPIRES })
    .optional(),
});

/**
 * Parses the text of suppressions.yaml: a list of entries. Everything wrong is reported together;
 * the entries are of no use if there is a problem.
 */
export function parseSuppressions(
  source: string,
  filters: readonly string[] = FILTERS.map(({ id }) => id),
): { entries: readonly Suppression[]; problems: readonly Problem[] } {
  let document: unknown;
  try {
    document = parseYaml(source);
  } catch (error) {
    const [line] = (error instanceof Error ? error.message : String(error)).split('\n');
    return { entries: [], problems: [{ path: '', message: `not YAML: ${line}` }] };
  }
  if (document === null || document === undefined) return { entries: [], problems: [] };
  if (!Array.isArray(document)) {
    return {
      entries: [],
      problems: [{ path: '', message: `expected a list of entries, ${gotValue(document)}` }],
    };
  }
  const problems: Problem[] = [];
  const entries: Suppression[] = [];
  const seen = new Map<string, number>();
  document.forEach((value: unknown, index) => {
    const path = `[${index}]`;
    const entry = parseEntry(value, path, filters, problems);
    if (entry === undefined) return;
    const before = seen.get(entry.id);
    if (before !== undefined) {
      problems.push({ path, message: `same id or scope as [${before}]: ${entry.id}` });
      return;
    }
    seen.set(entry.id, index);
    entries.push(entry);
  });
  return { entries, problems };
}

/** Entries that do nothing any more at `nowMs`, to be reported. */
export function expiredEntries(
  entries: readonly Suppression[],
  nowMs: number,
): readonly Suppression[] {
  return entries.filter((entry) => !isActive(entry, nowMs));
}

export interface Suppressed {
  /** undefined = hidden. With less evidence where entries took some; its summary is to be rendered again. */
  readonly finding: Finding | undefined;
  /** Ids of the entries that hid it; empty where it stays. */
  readonly hiddenBy: readonly string[];
  /** Ids of the entries that took evidence of a finding that stays. */
  readonly reducedBy: readonly string[];
}

/**
 * Applies the entries that are active at `nowMs` (ms since 1970 UTC). An entry with a feed takes
 * that feed's evidence, all others hide. The indicator, and so the id, never changes.
 */
export function applySuppressions(
  finding: Finding,
  entries: readonly Suppression[],
  nowMs: number,
): Suppressed {
  const matching = entries.filter((entry) => isActive(entry, nowMs) && inScope(entry, finding));
  const hiding = matching.filter(({ feed }) => feed === undefined);
  if (hiding.length > 0) {
    return { finding: undefined, hiddenBy: hiding.map(({ id }) => id), reducedBy: [] };
  }
  const feeds = new Set(matching.map(({ feed }) => feed));
  const evidence = finding.evidence.filter((entry) => !('feed' in entry && feeds.has(entry.feed)));
  if (evidence.length === finding.evidence.length) {
    return { finding, hiddenBy: [], reducedBy: [] };
  }
  const taking = matching
    .filter(({ feed }) => finding.evidence.some((entry) => 'feed' in entry && entry.feed === feed))
    .map(({ id }) => id);
  const accused = finding.evidence.some(({ type }) => type === 'list');
  if (!evidence.some((entry) => standsAlone(entry, evidence, accused))) {
    return { finding: undefined, hiddenBy: taking, reducedBy: [] };
  }
  return { finding: { ...finding, evidence }, hiddenBy: [], reducedBy: taking };
}

/**
 * The entries that take whole conversations away from `filter` before it counts them: those with a
 * remote scope and nothing that only a finding has (subject, indicator, feed). Returns the id of the
 * first that covers a customer, the remote address in row `row` of a column, and the remote port.
 */
export function conversationSuppressor(
  entries: readonly Suppression[],
  nowMs: number,
  filter: string,
): (
  customer: string,
  family: 4 | 6,
  column: Uint32Array,
  row: number,
  port: number,
) => string | undefined {
  const active = entries.filter(
    (entry) =>
      isActive(entry, nowMs) &&
      entry.remote !== undefined &&
      (entry.filter === undefined || entry.filter === filter) &&
      entry.subject === undefined &&
      entry.indicator === undefined &&
      entry.feed === undefined,
  );
  return (customer, family, column, row, port) => {
    for (const entry of active) {
      if (entry.customer !== undefined && entry.customer !== customer) continue;
      if (entry.port !== undefined && entry.port !== port) continue;
      const { remote } = entry;
      if (remote === undefined || (remote.port !== undefined && remote.port !== port)) continue;
      if (scopeCovers(remote, family, column, row)) return entry.id;
    }
    return undefined;
  };
}

function parseEntry(
  value: unknown,
  path: string,
  filters: readonly string[],
  problems: Problem[],
): Suppression | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    problems.push({
      path,
      message: `expected an entry with a scope, a reason and an owner, ${gotValue(value)}`,
    });
    return undefined;
  }
  const before = problems.length;
  const result = ENTRY.safeParse(value);
  if (!result.success) {
    for (const issue of result.error.issues) problems.push(...problemsOf(issue, value, path));
  }
  if (!SCOPE_KEYS.some((key) => Object.hasOwn(value, key))) {
    problems.push({ path, message: `expected at least one of ${SCOPE_KEYS.join(', ')}` });
  }
  const filter = result.data?.filter;
  if (filter !== undefined && !filters.includes(filter)) {
    const near = nearestName(filter, filters);
    problems.push({
      path: `${path}.filter`,
      message:
        near === undefined
          ? `expected one of ${filters.join(', ')}, ${gotValue(filter)}`
          : `no filter has this name; did you mean ${JSON.stringify(near)}?`,
    });
  }
  if (!result.success || problems.length > before) return undefined;
  return suppressionOf(result.data);
}

function suppressionOf(entry: z.output<typeof ENTRY>): Suppression {
  const { id, customer, filter, subject, port, indicator, feed, reason, owner, expires } = entry;
  const remote = entry.remote === undefined ? undefined : parseRemoteScope(entry.remote);
  const scope = [customer, filter, subject, remote?.text, port, indicator, feed];
  return {
    id: id ?? `suppression-${hashOf(JSON.stringify(scope))}`,
    ...(customer === undefined ? {} : { customer }),
    ...(filter === undefined ? {} : { filter }),
    ...(subject === undefined ? {} : { subject }),
    ...(remote === undefined ? {} : { remote }),
    ...(port === undefined ? {} : { port }),
    ...(indicator === undefined ? {} : { indicator }),
    ...(feed === undefined ? {} : { feed }),
    reason,
    owner,
    ...(expires === undefined ? {} : { expires }),
    expiresMs: expires === undefined ? null : (expiryMs(expires) ?? null),
  };
}

function hashOf(scope: string): string {
  return createHash('sha256').update(scope).digest('hex').slice(0, 12);
}

function isActive(entry: Suppression, nowMs: number): boolean {
  return entry.expiresMs === null || nowMs < entry.expiresMs;
}

function inScope(entry: Suppression, finding: Finding): boolean {
  const { customer, filter, subject, remote, port, indicator } = entry;
  return (
    (customer === undefined || customer === finding.customer) &&
    (filter === undefined || filter === finding.filter) &&
    (subject === undefined || subjectInScope(subject, finding)) &&
    (indicator === undefined || indicator === finding.indicator) &&
    (port === undefined || port === finding.remotePort) &&
    (remote === undefined || remoteInScope(remote, finding))
  );
}

/** The subject, the customer's address however it is spelled, or a prefix of that. */
function subjectInScope(subject: string, finding: Finding): boolean {
  if (subject === finding.subject) return true;
  if (finding.customerAddress === null) return false;
  const scope = parseRemoteScope(subject);
  if (scope === undefined || scope.port !== undefined) return false;
  const address = addressOf(finding.customerAddress);
  return address !== undefined && scopeCovers(scope, address.family, address.words, 0);
}

function remoteInScope(remote: RemoteScope, finding: Finding): boolean {
  if (finding.remoteAddress === null) return false;
  if (remote.port !== undefined && remote.port !== finding.remotePort) return false;
  const address = addressOf(finding.remoteAddress);
  return address !== undefined && scopeCovers(remote, address.family, address.words, 0);
}

/** Evidence that only says more of what a feed says. */
const SUPPORTING: ReadonlySet<Evidence['type']> = new Set<Evidence['type']>([
  'targets',
  'estimate',
  'score',
  'spread',
  'prevalence',
  'history',
]);

/**
 * Whether a finding may rest on an entry once a feed's were taken away: not on what only supports
 * those, nor on a ban of `tag:x` once no list says x of the remote, nor on what the inventory holds
 * of the customer where lists accused the remote.
 */
function standsAlone(entry: Evidence, all: readonly Evidence[], accused: boolean): boolean {
  if (SUPPORTING.has(entry.type)) return false;
  if (entry.type === 'inventory') return !accused;
  if (entry.type !== 'policy' || !entry.rule.trim().startsWith('tag:')) return true;
  const tag = entry.rule.trim().slice('tag:'.length);
  return all.some((other) => other.type === 'list' && other.category === tag);
}

const DAY_MS = 86_400_000;

/** First ms after a date (its end, UTC) or of a date and time with zone; undefined if it is none. */
function expiryMs(expires: string): number | undefined {
  const parts =
    /^(\d{4}-\d{2}-\d{2})(T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?(?:Z|[+-]\d{2}:\d{2}))?$/.exec(
      expires,
    );
  if (parts === null) return undefined;
  const dayMs = Date.parse(`${parts[1]}T00:00:00Z`);
  // Date.parse takes 2026-02-31 for the third of March.
  if (Number.isNaN(dayMs) || new Date(dayMs).toISOString().slice(0, 10) !== parts[1]) {
    return undefined;
  }
  if ((parts[2] as string | undefined) === undefined) return dayMs + DAY_MS;
  const ms = Date.parse(expires);
  return Number.isNaN(ms) ? undefined : ms;
}

function problemsOf(issue: z.core.$ZodIssue, value: object, path: string): Problem[] {
  if (issue.code === 'unrecognized_keys') {
    const names = Object.keys(ENTRY.shape);
    return issue.keys.map((key) => {
      const near = nearestName(key, names);
      return {
        path: `${path}.${key}`,
        message:
          near === undefined
            ? `no such key; expected one of ${names.join(', ')}`
            : `no such key; did you mean ${JSON.stringify(near)}?`,
      };
    });
  }
  const [key] = issue.path;
  const given = (value as Readonly<Record<PropertyKey, unknown>>)[key];
  return [{ path: `${path}.${String(key)}`, message: `${issue.message}, ${gotValue(given)}` }];
}
