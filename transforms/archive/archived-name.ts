import { join } from 'node:path';
import type { BatchOrigin } from '../../pipeline/conversation-batch.js';

/** Where a batch lies in an archive: `2025-03-03/1740992400000-3-4-0.conversations`. */
export interface ArchivedName {
  /** UTC day of the window's start. */
  readonly day: string;
  readonly file: string;
  readonly windowStartMs: number;
}

/** What the name of a file that is being written ends with. */
export const UNFINISHED = '.part';

const DAY = /^\d{4}-\d{2}-\d{2}$/;
/** Window, shard, family, part. */
const FILE = /^(\d{1,15})-\d{1,9}-[46]-\d{1,9}\.conversations(?:\.part)?$/;
const ORIGIN = /^(\d{1,15})\/\d{1,9}\/[46]$/;

/** First ms of the year 10000, whose days have other names. */
const END_OF_DAYS_MS = 253_402_300_800_000;

/** The place of a batch; undefined where its window has no day of four digits. */
export function nameOf({ key, part }: BatchOrigin): ArchivedName | undefined {
  const match = ORIGIN.exec(key);
  if (match === null) return undefined;
  const windowStartMs = Number(match[1]);
  if (windowStartMs >= END_OF_DAYS_MS) return undefined;
  const file = `${key.replaceAll('/', '-')}-${part}.conversations`;
  return { day: dayOf(windowStartMs), file, windowStartMs };
}

/** UTC day of a time from 1970 to 9999. */
export function dayOf(timeMs: number): string {
  return new Date(timeMs).toISOString().slice(0, 10);
}

export function isDay(name: string): boolean {
  return DAY.test(name);
}

/** What a name in the folder of a day says; undefined where it is none of ours. */
export function parseName(
  day: string,
  file: string,
): (ArchivedName & { readonly unfinished: boolean }) | undefined {
  const match = FILE.exec(file);
  if (match === null) return undefined;
  const windowStartMs = Number(match[1]);
  if (windowStartMs >= END_OF_DAYS_MS || dayOf(windowStartMs) !== day) return undefined;
  return { day, file, windowStartMs, unfinished: file.endsWith(UNFINISHED) };
}

export function pathOf(directory: string, { day, file }: ArchivedName): string {
  return join(directory, day, file);
}
