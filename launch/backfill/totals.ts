/** The outputs of all partitions together, as those of one run. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expiredEntries } from '../../filters/suppression.js';
import { SnapshotError } from '../../reference/manifest.js';
import type { Notice } from '../../pipeline/notice.js';
import { lineOrder } from '../../transforms/write.js';
import { writeLines } from '../../transforms/write/ordered-lines.js';
import type { Config } from '../config/config.js';
import { reportOf } from '../job-report.js';
import { referenceNotices } from '../reference-notices.js';
import { jobNotices } from '../run-job.js';
import { summaryJson } from '../summary.js';
import { outputsAreWhole } from './commit.js';
import { mergeLines } from './merge-lines.js';
import type { BackfillDirectory, FindingsRecord, HistoryRecord } from './records.js';

/** Counts of files: one that several partitions read would count several times. */
const BY_FILE = new Set(['files', 'files-without-records', 'bytes-listed', 'bytes-read']);

export interface Totals {
  readonly findings: number;
  readonly notices: readonly string[];
}

/**
 * Writes findings.ndjson, rejects.ndjson, notices.ndjson and summary.json of all partitions that
 * have been judged, by this backfill or an earlier one, into the output directory.
 */
export async function writeTotals(config: Config, directory: BackfillDirectory): Promise<Totals> {
  const records: FindingsRecord[] = [];
  const histories: HistoryRecord[] = [];
  const damaged: string[] = [];
  for (const name of await directory.partitions()) {
    const record = await directory.read(name, 'findings');
    if (record === undefined) continue;
    if (!(await outputsAreWhole(directory.partition(name), record.outputs))) {
      damaged.push(name);
      continue;
    }
    records.push(record);
    const history = await directory.read(name, 'history');
    if (history !== undefined) histories.push(history);
  }
  await mkdir(directory.attempts, { recursive: true });
  const notices = join(directory.attempts, 'history-notices.ndjson');
  await writeLines(notices, sortedLines(histories.flatMap((history) => history.notices)));
  for (const content of ['findings', 'rejects', 'notices'] as const) {
    const name = `${content}.ndjson`;
    const files = records.map(({ partition }) => join(directory.partition(partition), name));
    if (content === 'notices') files.push(notices);
    await mergeLines(join(config.output, name), content, files, directory.attempts);
  }
  const counters = sumOf(records.map((record) => record.counters));
  const facts = factsOf(config, records, damaged, counters);
  const told = await jobNotices(join(config.output, 'notices.ndjson'));
  const report = reportOf(counters, { ...facts, notices: [...facts.notices, ...told] });
  await writeLines(join(config.output, 'summary.json'), summaryJson(report).trimEnd().split('\n'));
  const findings = Object.values(report.findings).reduce((sum, count) => sum + count, 0);
  return { findings, notices: report.notices };
}

function factsOf(
  config: Config,
  records: readonly FindingsRecord[],
  damaged: readonly string[],
  counters: Readonly<Record<string, number>>,
): Parameters<typeof reportOf>[1] {
  const versions = [...new Set(records.map(({ referenceVersion }) => referenceVersion))];
  const unreached = counters['unreached-rows'] ?? 0;
  const lost =
    unreached === 0
      ? []
      : [
          `${unreached} flows are in no finding, because they lie in files farther from their time ` +
            `than the margin: give a larger --margin`,
        ];
  const left = damaged.map(
    (name) =>
      `the findings of ${name} were left out: its files are damaged, run a backfill of it again`,
  );
  const sentences = versions.flatMap((version) => noticesOf(config, version));
  const nowMs = Math.max(...records.map((record) => record.nowMs), 0);
  return {
    expiredSuppressions: expiredEntries(config.suppressions, nowMs).map(({ id }) => id),
    referenceVersion: versions.length === 1 ? versions[0] : `${versions.length} versions`,
    nowMs,
    seconds: 0,
    notices: [...left, ...lost, ...new Set(sentences)],
  };
}

/** None of a snapshot of an earlier backfill that has been removed since. */
function noticesOf(config: Config, version: string): readonly string[] {
  try {
    return referenceNotices(config, { version, directory: config.reference.snapshot });
  } catch (error) {
    if (error instanceof SnapshotError) return [];
    throw error;
  }
}

function sortedLines(notices: readonly Notice[]): string[] {
  return notices
    .map((notice) => ({ order: lineOrder('notices', notice), line: JSON.stringify(notice) }))
    .sort((a, b) => (a.order < b.order ? -1 : 1))
    .map(({ line }) => line);
}

function sumOf(all: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const sum: Record<string, number> = {};
  for (const counters of all) {
    for (const [name, count] of Object.entries(counters)) {
      if (!BY_FILE.has(name)) sum[name] = (sum[name] ?? 0) + count;
    }
  }
  return sum;
}
