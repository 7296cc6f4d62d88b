/** The spans that a backfill is cut into. */
import type { Span } from '../../pipeline/chunk.js';
import { formatDuration, parseDuration } from '../config/duration.js';
import type { Problem } from '../config/problem.js';
import { timeOf } from '../config/time.js';
import { quoted } from '../terminal-text.js';

const DAY_MS = 86_400_000;

/** More would be hours of one year in vain: each has a start of its own. */
const MOST_PARTITIONS = 10_000;

export const DEFAULT_MARGIN_MS = 3_600_000;
const MOST_MARGIN_MS = 7 * DAY_MS;

/** A span that is judged by itself. */
export interface Partition extends Span {
  /** `2026-01-31`, or `2026-01-31T06-00-00Z` where it begins within a day; a folder's name. */
  readonly name: string;
}

/** What the command line says of the time. */
export interface SpanFlags {
  /** ISO 8601. */
  readonly from: string;
  readonly to: string;
  /** Durations. */
  readonly every: string;
  readonly margin?: string;
}

export interface BackfillSpan {
  /** From the first partition's start to the last one's end. */
  readonly span: Span;
  /** Oldest first, without gaps; the last may be shorter. */
  readonly partitions: readonly Partition[];
  readonly marginMs: number;
}

/**
 * The partitions that the command line asks for, or what is wrong with it. They begin and end with a
 * finding window, and where a history is kept with a UTC day: its files hold whole days.
 */
export function backfillSpan(
  { from, to, every, margin }: SpanFlags,
  settings: { readonly findingWindowMs: number; readonly history: string | undefined },
): BackfillSpan | { readonly problems: readonly Problem[] } {
  const problems: Problem[] = [];
  const problem = (place: string, message: string): void => {
    problems.push({ place, path: '', message });
  };
  const { findingWindowMs } = settings;
  const stepMs =
    settings.history === undefined ? findingWindowMs : commonMultiple(findingWindowMs, DAY_MS);
  const steps =
    stepMs === findingWindowMs
      ? `finding windows (${formatDuration(findingWindowMs)})`
      : `finding windows (${formatDuration(findingWindowMs)}) and, because a history is kept, of UTC days: of ${formatDuration(stepMs)}`;

  const edge = (place: string, text: string): number => {
    const ms = timeOf(text);
    if (ms === undefined) {
      problem(place, `expected a day or a time such as 2026-01-31T12:00:00Z, got ${quoted(text)}`);
      return NaN;
    }
    if (ms % stepMs !== 0) {
      const before = Math.floor(ms / stepMs) * stepMs;
      const [last, next] = [before, before + stepMs].map((at) => new Date(at).toISOString());
      problem(
        place,
        `expected an edge of ${steps}, such as ${last} or ${next}, got ${quoted(text)}`,
      );
    }
    return ms;
  };
  const startMs = edge('--from', from);
  const endMs = edge('--to', to);
  if (endMs <= startMs) problem('--to', `expected a time after --from, got ${quoted(to)}`);

  const everyMs = parseDuration(every) ?? 0;
  if (everyMs <= 0 || everyMs % stepMs !== 0) {
    problem('--every', `expected a multiple of ${steps}, got ${quoted(every)}`);
  } else if ((endMs - startMs) / everyMs > MOST_PARTITIONS) {
    problem('--every', `expected at most ${MOST_PARTITIONS} partitions, got ${quoted(every)}`);
  }
  const marginMs = margin === undefined ? DEFAULT_MARGIN_MS : parseDuration(margin);
  if (marginMs === undefined || marginMs > MOST_MARGIN_MS) {
    problem('--margin', `expected a duration from 0s to 7d, got ${quoted(margin)}`);
  }
  if (problems.length > 0) return { problems };

  const partitions: Partition[] = [];
  for (let at = startMs; at < endMs; at += everyMs) {
    partitions.push({ name: nameOf(at), startMs: at, endMs: Math.min(at + everyMs, endMs) });
  }
  return { span: { startMs, endMs }, partitions, marginMs: marginMs ?? 0 };
}

function nameOf(ms: number): string {
  const iso = new Date(ms).toISOString();
  return ms % DAY_MS === 0 ? iso.slice(0, 10) : iso.replace('.000', '').replaceAll(':', '-');
}

function commonMultiple(a: number, b: number): number {
  let [x, y] = [a, b];
  while (y !== 0) [x, y] = [y, x % y];
  return (a / x) * b;
}
