/** What a run did, from the job's own counters. Rendered by summary.ts. */
export interface RunReport {
  /** Records read: decoded or rejected. */
  readonly records: number;
  /** Rows decoded; a two-way record gives two. */
  readonly rows: number;
  /** By format and reason. */
  readonly rejects: Counts2;
  /** Sound lines that are no flows, by format and reason. */
  readonly skipped: Counts2;
  readonly steps: readonly StepReport[];
  /** Established conversations. */
  readonly conversations: number;
  /** By filter, after suppression. */
  readonly findings: Readonly<Record<string, number>>;
  /** Findings that a suppression hid, by suppression. */
  readonly hidden: Readonly<Record<string, number>>;
  /** Findings that lost evidence to a suppression and stay, by suppression. */
  readonly reduced: Readonly<Record<string, number>>;
  /** Conversations that a suppression took away before group filters counted them, by suppression. */
  readonly taken: Readonly<Record<string, number>>;
  readonly expiredSuppressions: readonly string[];
  readonly referenceVersion: string;
  /** ISO 8601; what expiry was compared with. */
  readonly now: string;
  readonly seconds: number;
  /** Sentences that a person should read. */
  readonly notices: readonly string[];
}

type Counts2 = Readonly<Record<string, Readonly<Record<string, number>>>>;

export interface StepReport {
  readonly step: string;
  readonly kept: number;
  /** By reason. */
  readonly dropped: Readonly<Record<string, number>>;
}

/** What is known besides the counters. */
export interface RunFacts {
  readonly expiredSuppressions: readonly string[];
  readonly referenceVersion: string;
  readonly nowMs: number;
  readonly seconds: number;
  readonly notices: readonly string[];
}

/** Steps that count what they keep and drop under their own name. */
const COUNTED_STEPS = ['established', 'join-customers', 'drop-shared'] as const;

/** More than this share of TCP rows without flags or other evidence is worth a sentence. */
const UNKNOWN_SHARE = 0.5;

/** Reads the counters of a run: `records/csv`, `rejects/csv/bad-time`, `dropped/established/not-tcp`, ... */
export function reportOf(counters: Readonly<Record<string, number>>, facts: RunFacts): RunReport {
  const under = (prefix: string): Record<string, number> =>
    Object.fromEntries(
      Object.entries(counters)
        .filter(([name, value]) => name.startsWith(prefix) && value > 0)
        .map(([name, value]) => [name.slice(prefix.length), value] as const)
        .sort(([a], [b]) => (a < b ? -1 : 1)),
    );
  const grades = under('conversations/');
  const conversations = (grades['medium'] ?? 0) + (grades['strong'] ?? 0);
  const steps: StepReport[] = COUNTED_STEPS.map((step) => ({
    step,
    kept: counters[`kept/${step}`] ?? 0,
    dropped: under(`dropped/${step}/`),
  }));
  const { attempt = 0, answered = 0 } = grades;
  steps.push({
    step: 'dedupe',
    kept: conversations,
    dropped: {
      ...under('dropped/dedupe/'),
      ...(attempt > 0 ? { attempt } : {}),
      ...(answered > 0 ? { answered } : {}),
    },
  });
  const discounted = under('dropped/discount-shared/');
  const findings = under('findings/');
  steps.push({
    step: 'discount-shared',
    kept: sum(findings) + sum(under('dropped/suppress/')),
    dropped: discounted,
  });
  steps.push({
    step: 'suppress',
    kept: sum(findings),
    dropped: under('dropped/suppress/'),
  });
  const { nowMs, notices, ...rest } = facts;
  return {
    records: sum(under('records/')) + sum(decodedRejects(under('rejects/'))),
    rows: counters['rows'] ?? 0,
    rejects: byFormat(under('rejects/')),
    skipped: byFormat(under('skipped/')),
    steps,
    conversations,
    findings,
    hidden: under('hidden/'),
    reduced: under('reduced/'),
    taken: under('taken/'),
    ...rest,
    now: new Date(nowMs).toISOString(),
    notices: [
      ...notices,
      ...emptyNotices(counters),
      ...exchangedNotices(under('exchanged-times/')),
      ...ungradedNotices(under('tcp/'), under('ungraded/')),
    ],
  };
}

function emptyNotices(counters: Readonly<Record<string, number>>): string[] {
  const files = counters['files-without-records'] ?? 0;
  if (files === 0) return [];
  return [
    `${files} of ${counters['files'] ?? files} files hold no record: they are empty or a header only.`,
  ];
}

function exchangedNotices(exchanged: Readonly<Record<string, number>>): string[] {
  return Object.entries(exchanged).map(
    ([format, n]) =>
      `${n} records (${format}) end before they start; both times were taken and exchanged ` +
      `(softflowd's IPFIX export writes them so).`,
  );
}

/** Inputs most of whose TCP says nothing about connections. */
function ungradedNotices(
  tcp: Readonly<Record<string, number>>,
  ungraded: Readonly<Record<string, number>>,
): string[] {
  return Object.entries(ungraded)
    .filter(([input, n]) => n > (tcp[input] ?? 0) * UNKNOWN_SHARE)
    .map(
      ([input, n]) =>
        `${n} of ${tcp[input]} TCP flows of ${input} have neither flags nor other evidence of a ` +
        `connection; they are dropped unless its unknownFlags is keep, right for an exporter that ` +
        `has no flags.`,
    );
}

/** Rejects of records; those of whole files (`file-truncated`, ...) are no records. */
function decodedRejects(rejects: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(rejects).filter(([name]) => !name.includes('/file-')));
}

function byFormat(
  counts: Readonly<Record<string, number>>,
): Record<string, Record<string, number>> {
  const result: Record<string, Record<string, number>> = {};
  for (const [name, value] of Object.entries(counts)) {
    const at = name.indexOf('/');
    (result[name.slice(0, at)] ??= {})[name.slice(at + 1)] = value;
  }
  return result;
}

function sum(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((a, b) => a + b, 0);
}
