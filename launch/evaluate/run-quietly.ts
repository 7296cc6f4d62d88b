import { mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hasScheme } from '../../objects/object-uri.js';
import { historyStore } from '../../history/open-store.js';
import { snapshotIsStale } from '../../reference/compile.js';
import type { ManifestRef } from '../../reference/snapshot.js';
import type { Config } from '../config/config.js';
import { createProgress } from '../progress.js';
import type { RunReport } from '../run-job.js';
import { readFindings, type JudgedFinding } from './read-findings.js';

/** What a run of an evaluation gave. */
export interface EvaluatedRun {
  readonly report: RunReport;
  /** By id. */
  readonly findings: ReadonlyMap<string, JudgedFinding>;
  /** What judged. */
  readonly reference: ManifestRef;
}

/** Runs the job with progress on standard error, and reads its findings back. */
export async function runAndRead(config: Config): Promise<EvaluatedRun> {
  const { runJob } = await import('../run-job.js');
  const progress = createProgress(process.stderr);
  try {
    const report = await runJob(config, {
      runner: 'local',
      nowMs: config.nowMs,
      onProgress: (at) => progress.update(at),
    });
    const findings = await readFindings(config.output);
    const reference = { version: report.referenceVersion, directory: config.reference.snapshot };
    return { report, findings, reference };
  } finally {
    progress.stop();
  }
}

/** Where a run puts what it would otherwise write among somebody's files. */
export interface Elsewhere {
  readonly output: string;
  /** A snapshot that its feeds have outrun is compiled there. */
  readonly snapshot: string;
  /** The history is seen from there, and gains its days there. */
  readonly history: string;
}

/** Runs somebody's job and leaves all that is theirs as it was. */
export async function runQuietly(config: Config, elsewhere: Elsewhere): Promise<EvaluatedRun> {
  const { spec } = config.reference;
  const stale = await snapshotIsStale(spec, config.reference.snapshot);
  const snapshot = stale ? elsewhere.snapshot : config.reference.snapshot;
  if (config.history !== undefined) await copyOrMirror(config.history, elsewhere.history);
  return runAndRead({
    ...config,
    reference: { spec, snapshot },
    history: config.history === undefined ? undefined : elsewhere.history,
    output: elsewhere.output,
  });
}

/** A history that is not on this machine is brought here, for as long as the evaluation lasts. */
async function copyOrMirror(history: string, to: string): Promise<void> {
  if (!hasScheme(history)) {
    await mirror(history, to);
    return;
  }
  const store = historyStore(history);
  const ref = await store.describe();
  const files = await store.bring(ref);
  await mkdir(to, { recursive: true });
  for (const { day } of ref.days) await writeFile(join(to, `${day}.day`), files.readDay(day));
  for (const { day, sha256 } of ref.candidates) {
    await historyStore(to).writeCandidates(day, files.readCandidates(day, sha256));
  }
}

/**
 * Makes `to` a directory of links to the files of `directory`. Files of the history are replaced
 * by renaming, never written into: that replaces a link and not what it leads to.
 */
async function mirror(directory: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true });
  const entries = await readdir(directory, { withFileTypes: true }).catch(() => []);
  for (const entry of entries) {
    const { name } = entry;
    if (entry.isDirectory()) await mirror(join(directory, name), join(to, name));
    else await symlink(join(directory, name), join(to, name));
  }
}
