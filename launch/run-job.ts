import type { Root } from 'apache-beam';
import type { PipelineResult } from 'apache-beam/runners/runner';
import type { Logger } from 'pino';
import '../beam/operators.js';
import { createRunner } from 'apache-beam/runners/runner';
import { expiredEntries } from '../filters/suppression.js';
import type { Notice } from '../pipeline/notice.js';
import { buildPipeline } from '../pipeline/pipeline.js';
import { WINDOW_FILES_FOLDER } from '../transforms/write/window-files.js';
import { writeLines } from '../transforms/write/ordered-lines.js';
import type { Config } from './config/config.js';
import { jobSpec, prepareOutput, prepareReference } from './job-spec.js';
import { reportOf, type RunReport } from './job-report.js';
import { LocalRunner } from './local/local-runner.js';
import { PortableRunner, type PortableOptions } from './portable/portable-runner.js';
import { readLines } from './findings-file.js';
import { createLogger } from './log.js';
import { outputFile } from './output-place.js';
import { referenceNotices } from './reference-notices.js';
import { summaryJson } from './summary.js';

export type { RunReport } from './job-report.js';

export interface RunOptions {
  readonly runner: 'local' | 'direct' | 'portable';
  /** Engine and workers of the runner `portable`. */
  readonly portable?: PortableOptions;
  /** Ms since 1970 UTC; what expiry is compared with. */
  readonly nowMs: number;
  /** Whether an input that cannot be read whole fails the job; by default it is a reject. */
  readonly strict?: boolean;
  readonly onProgress?: (progress: Progress) => void;
  /** For tests: how finely the work is cut. Findings do not depend on it. */
  readonly rangeBytes?: number;
  readonly bundleGroups?: number;
}

export interface Progress {
  readonly bytesRead: number;
  readonly bytesTotal: number;
  readonly records: number;
  readonly stage: string;
}

/** The job's notices that the summary shows; the file has all. */
const SHOWN_NOTICES = 20;

/**
 * Runs the whole job in batch and writes findings.ndjson, rejects.ndjson, notices.ndjson and summary.json into the
 * configured output directory. Throws where it cannot be done: a ConfigurationError where the
 * customers or feeds are the reason. Bad records are none.
 */
export async function runJob(config: Config, options: RunOptions): Promise<RunReport> {
  const began = performance.now();
  await prepareOutput(config, WINDOW_FILES_FOLDER);
  const log = createLogger('job');
  const reference = await prepareReference(config);
  log.info(reference, 'reference data are ready');
  const { rangeBytes, nowMs, strict = false } = options;
  const spec = jobSpec(config, reference, {
    nowMs,
    strict,
    ...(rangeBytes === undefined ? {} : { rangeBytes }),
  });
  const counters = await runGraph((root) => buildPipeline(root, spec), options, log);
  const report = reportOf(counters, {
    expiredSuppressions: expiredEntries(config.suppressions, options.nowMs).map(({ id }) => id),
    referenceVersion: reference.version,
    nowMs: options.nowMs,
    seconds: (performance.now() - began) / 1000,
    notices: [
      ...referenceNotices(config, reference),
      ...(await jobNotices(outputFile(config.output, 'notices.ndjson'))),
    ],
  });
  await writeLines(
    outputFile(config.output, 'summary.json'),
    summaryJson(report).trimEnd().split('\n'),
  );
  return report;
}

/** Runs a graph; gives its counters. Throws where it cannot be done. */
export async function runGraph(
  build: (root: Root) => void,
  options: RunOptions,
  log: Logger,
): Promise<Record<string, number>> {
  return await countersOf(await runnerOf(options, log).run(build));
}

function runnerOf(
  { runner, portable, bundleGroups, onProgress: tell }: RunOptions,
  log: Logger,
): { run: LocalRunner['run'] } {
  const onProgress = (stage: string, counters: ReadonlyMap<string, number>): void => {
    log.debug({ stage, counters: Object.fromEntries(counters) }, 'progress');
    tell?.({
      bytesRead: counters.get('bytes-read') ?? 0,
      bytesTotal: counters.get('bytes-listed') ?? 0,
      records: recordsIn(counters),
      stage,
    });
  };
  switch (runner) {
    case 'direct':
      return createRunner({ runner });
    case 'portable':
      if (portable === undefined) throw new Error('the runner portable needs an endpoint');
      return new PortableRunner({ ...portable, log, onProgress });
    case 'local':
      return new LocalRunner({
        ...(bundleGroups === undefined ? {} : { bundleGroups }),
        onProgress,
      });
  }
}

/** Records decoded so far, of all formats. */
function recordsIn(counters: ReadonlyMap<string, number>): number {
  let records = 0;
  for (const [name, value] of counters) if (name.startsWith('records/')) records += value;
  return records;
}

function countersOf(result: PipelineResult): Promise<Record<string, number>> {
  return result.counters();
}

/** Sentences of the job's own notices, the first of them. */
export async function jobNotices(path: string): Promise<string[]> {
  const messages: string[] = [];
  let more = 0;
  for await (const { text } of readLines(path)) {
    if (text === undefined) continue;
    if (messages.length < SHOWN_NOTICES) messages.push((JSON.parse(text) as Notice).message);
    else more++;
  }
  return more === 0 ? messages : [...messages, `${more} more notices in ${path}`];
}
