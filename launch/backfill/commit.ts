/** What a pass left in its attempt's directory -> where it stays. Only the backfill itself does this, one after the other. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { syncDirectory } from '../../history/atomic-file.js';
import { openDay } from '../../history/day-file.js';
import { LocalHistoryStore } from '../../history/local-store.js';
import { historyStore } from '../../history/open-store.js';
import { keptNotice, replacedNotice } from '../../history/replaced-day.js';
import type { Notice } from '../../pipeline/notice.js';
import type { HistoryRecord } from './records.js';

/** Files that a pass over findings writes. */
export const OUTPUT_FILES = ['findings.ndjson', 'rejects.ndjson', 'notices.ndjson'] as const;

/**
 * Takes the day files of `from` into the history, as a job that wrote them there itself: a larger one
 * stays. Gives what lies there then, and what there is to be said of it.
 */
export async function commitDays(
  from: string,
  history: string,
): Promise<Pick<HistoryRecord, 'days' | 'notices'>> {
  const written = new LocalHistoryStore(from);
  const store = historyStore(history);
  const days: HistoryRecord['days'] = [];
  const notices: Notice[] = [];
  for (const day of await written.listDays()) {
    const bytes = written.readDay(day);
    const { conversations, sensors, sha256 } = openDay(bytes, `${day}.day`);
    const became = await store.writeDay(day, [bytes], conversations);
    if (became.kept && became.conversations !== null) {
      notices.push(keptNotice(day, became.conversations, became.offered));
    }
    const replaced = replacedNotice(day, became, sensors);
    if (replaced !== undefined) notices.push(replaced);
    const stays = became.kept
      ? (await store.describe()).days.find((file) => file.day === day)?.sha256
      : sha256;
    days.push({ day, kept: became.kept, sha256: stays ?? '' });
  }
  return { days, notices };
}

/** Takes the lists of candidates of `from` into the history. */
export async function commitCandidates(from: string, history: string): Promise<void> {
  const written = new LocalHistoryStore(from);
  const store = historyStore(history);
  for (const { day } of (await written.describe()).candidates) {
    await store.writeCandidates(day, written.readCandidates(day));
  }
}

/** Moves the outputs of `from` to `to`; gives their sha256 by name. They are on disk then. */
export async function commitOutputs(from: string, to: string): Promise<Record<string, string>> {
  await mkdir(to, { recursive: true });
  const digests: Record<string, string> = {};
  for (const name of OUTPUT_FILES) {
    const path = join(from, name);
    digests[name] = await sha256Of(path);
    const file = await open(path, 'r+');
    await file.sync().finally(() => file.close());
    await rename(path, join(to, name));
  }
  await syncDirectory(to);
  return digests;
}

/** Whether the outputs lie in `folder` as they were committed. */
export async function outputsAreWhole(
  folder: string,
  digests: Readonly<Record<string, string>>,
): Promise<boolean> {
  for (const name of OUTPUT_FILES) {
    const found = await sha256Of(join(folder, name)).catch(() => undefined);
    if (found === undefined || found !== digests[name]) return false;
  }
  return true;
}

async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const bytes of createReadStream(path) as AsyncIterable<Buffer>) hash.update(bytes);
  return hash.digest('hex');
}
