import type { FeedReport } from '../reference/manifest.js';
import type { FeedOutcome } from '../reference/update/update-feed.js';
import { printable } from './terminal-text.js';
import { renderTable } from './text-table.js';

/** Examples of bad lines that are printed a feed; the manifest has more. */
const MAX_SAMPLES = 3;

/** What became of every feed's entries, with the first bad lines of each. No line feed at the end. */
export function renderFeeds(
  feeds: readonly FeedReport[],
  { table }: { readonly table: boolean },
): string {
  const head = ['feed', 'kind', 'version', 'read', 'kept', 'rejected', 'held back', 'why'];
  const rows = feeds.map((feed) => [
    feed.name,
    feed.category === undefined ? feed.kind : `${feed.kind} ${feed.category}`,
    feed.version,
    thousands(feed.read),
    thousands(feed.kept),
    thousands(total(feed.rejected)),
    thousands(total(feed.heldBack)),
    reasons(feed),
  ]);
  const aligns = ['left', 'left', 'left', 'right', 'right', 'right', 'right', 'left'] as const;
  const samples = feeds.flatMap(({ name, samples }) =>
    samples
      .slice(0, MAX_SAMPLES)
      .map(({ file, line, reason, sample }) =>
        printable(`${name}: ${file}:${line}: ${reason}: ${sample}`),
      ),
  );
  return [renderTable([head, ...rows], aligns, { framed: table }), ...samples].join('\n');
}

/** What an update made of every feed; the age is that of what is used now. No line feed at the end. */
export function renderOutcomes(
  outcomes: readonly FeedOutcome[],
  { table, nowMs }: { readonly table: boolean; readonly nowMs: number },
): string {
  const head = ['feed', 'status', 'age', 'before', 'entries', 'why'];
  const rows = outcomes.map(({ name, status, checkedMs, entriesBefore, entriesAfter, problem }) => [
    name,
    status,
    checkedMs === null ? '-' : age(nowMs - checkedMs),
    entriesBefore === null ? '-' : thousands(entriesBefore),
    entriesAfter === null ? '-' : thousands(entriesAfter),
    problem ?? '',
  ]);
  const aligns = ['left', 'left', 'right', 'right', 'right', 'left'] as const;
  return renderTable([head, ...rows], aligns, { framed: table });
}

const AGE_UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
] as const;

/** `0s`, `59m`, `47h`, `3d`: two days and more in days, two hours and more in hours. */
function age(ms: number): string {
  for (const [unit, length] of AGE_UNITS) {
    if (ms >= 2 * length) return `${Math.floor(ms / length)}${unit}`;
  }
  return `${Math.max(0, Math.floor(ms / 1000))}s`;
}

function reasons(feed: FeedReport): string {
  const counts = [feed.rejected, feed.heldBack, feed.notes].flatMap((by) =>
    Object.entries(by).map(([reason, n]) => `${thousands(n)} ${reason}`),
  );
  const notApplicable =
    feed.notApplicable > 0 ? [`${thousands(feed.notApplicable)} not-applicable`] : [];
  return [...counts, ...notApplicable].join(', ');
}

function total(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((sum, n) => sum + n, 0);
}

function thousands(n: number): string {
  return n.toLocaleString('en-US');
}
