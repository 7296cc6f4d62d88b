import { realpath, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { openSnapshot } from '../../reference/snapshot.js';
import { compareLabels } from '../compare-labels.js';
import type { Config } from '../config/config.js';
import { ConfigurationError } from '../config/configuration-error.js';
import { printLine } from '../messages.js';
import { printable } from '../terminal-text.js';
import { judgeLabelled } from './judge-labelled.js';
import { readLabelledZeek, RELATIVE_ORIGIN_MS, type LabelledLog } from './labelled-zeek.js';
import { LEVEL, measure } from './measure.js';
import { sharesOf, writeJson, writePlot, type Outputs } from './outputs.js';
import { readLabels } from './read-labels.js';
import { requireConfig, requireFile } from './required.js';
import { runQuietly, type EvaluatedRun } from './run-quietly.js';
import {
  falseLines,
  labelledTables,
  measureTable,
  mistakes,
  rateTables,
  type RatePoint,
} from './tables.js';
import { thinInputs } from './thin.js';

export interface LabelledOptions extends Outputs {
  /** File of labels. */
  readonly labels: string;
  readonly labelFormat: 'ndjson' | 'zeek';
  /** 1 in N packets; to which the inputs are thinned besides. */
  readonly thin?: readonly number[];
  /** Of the packets that thinning takes. */
  readonly seed: number;
  /** ISO 8601; what suppressions expire against. */
  readonly now?: string;
}

/** Measures the filters of the configuration at `path` on its labelled inputs. Working files go to `scratch`. */
export async function evaluateLabelled(
  path: string,
  options: LabelledOptions,
  scratch: string,
): Promise<void> {
  const { labelFormat, labels, output, seed, thin = [], plot, json } = options;
  const config = await requireConfig(path, options.now);
  await requireFile(labels, '--labels');
  const { judge, inputs, what } =
    labelFormat === 'zeek'
      ? await zeekJudge(labels, config, scratch)
      : await labelJudge(labels, config);
  const results: (Judged & { readonly rate: number })[] = [];
  for (const rate of [1, ...thin.filter((n) => n > 1)]) {
    const work = join(scratch, `rate-${rate}`);
    const flows = rate === 1 ? inputs : await thinned(inputs, rate, seed, join(work, 'flows'));
    const ran = await runQuietly(
      { ...config, inputs: flows },
      {
        output: output === undefined ? join(work, 'out') : join(output, `out-${rate}`),
        snapshot: join(scratch, 'snapshot'),
        history: join(work, 'history'),
      },
    );
    // Thinned flows of many rates may be more than the flows.
    await rm(work, { recursive: true, force: true });
    if (rate === 1) for (const notice of notices(ran)) printLine(printable(notice));
    results.push({ rate, ...judge(ran) });
  }
  process.stdout.write(`${what}; intervals are exact, ${100 * LEVEL} %\n${results[0].text}`);
  if (results.length > 1) process.stdout.write(rateTables(results));
  await writePlot(plot, results);
  await writeJson(json, {
    level: LEVEL,
    points: results.map(({ rate, json: judged }) => ({ rate, ...judged })),
  });
  if (output !== undefined) printLine(`kept in ${output}`);
}

/** At one sampling rate: what to print of it, what to write of it, and its points of the curves. */
interface Judged extends Omit<RatePoint, 'rate'> {
  readonly text: string;
  readonly json: object;
}

async function thinned(
  inputs: Config['inputs'],
  rate: number,
  seed: number,
  directory: string,
): Promise<Config['inputs']> {
  printLine(`1 in ${rate.toLocaleString('en-US')} packets`);
  const { inputs: left, unread } = await thinInputs(inputs, rate, directory, seed);
  if (unread > 0) printLine(`${unread.toLocaleString('en-US')} records could not be thinned`);
  return left;
}

/** How findings are judged, of which inputs, and a few words on the labels. */
interface Judge {
  readonly judge: (run: EvaluatedRun) => Judged;
  readonly inputs: Config['inputs'];
  readonly what: string;
}

const DAY_MS = 86_400_000;

async function labelJudge(path: string, config: Config): Promise<Judge> {
  if (config.findingWindowMs !== DAY_MS) {
    const message = 'expected 1d: labels name the day of what they want';
    throw new ConfigurationError([{ place: config.file, path: 'findingWindow', message }]);
  }
  const labels = await readLabels(path);
  return {
    inputs: config.inputs,
    what: `${labels.length.toLocaleString('en-US')} labels`,
    judge({ findings }) {
      const comparison = compareLabels(labels, findings.values());
      const filters = measure(comparison);
      return {
        text: measureTable(filters) + mistakes(comparison),
        json: { filters, missed: comparison.missed, false: comparison.false },
        ...sharesOf(filters),
      };
    },
  };
}

async function zeekJudge(path: string, config: Config, scratch: string): Promise<Judge> {
  const shiftedPath = join(scratch, 'labelled-conn.log');
  const windowMs = config.findingWindowMs;
  const log = await readLabelledZeek(path, { windowMs, shiftedPath });
  return {
    inputs: log.shifted ? await withShifted(config.inputs, path, shiftedPath) : config.inputs,
    what: toldOf(log),
    judge({ findings, reference }) {
      const { customers } = openSnapshot(reference);
      const judged = judgeLabelled(log, findings.values(), customers, windowMs);
      const outside =
        judged.outside === 0
          ? ''
          : `${judged.outside} malicious pairs of addresses are not between a customer and a remote\n`;
      return {
        text: labelledTables(judged) + outside + falseLines(judged),
        json: judged,
        recalls: new Map(judged.details.map(({ detail, recall }) => [detail, recall])),
        precisions: new Map(judged.filters.map(({ filter, precision }) => [filter, precision])),
      };
    },
  };
}

function toldOf({ records, malicious, unlabelled, unreadable, shifted }: LabelledLog): string {
  const count = (n: number): string => n.toLocaleString('en-US');
  return [
    `${count(records)} labelled connections, ${count(malicious)} of them malicious`,
    ...(unlabelled > 0 ? [`${count(unlabelled)} without a label`] : []),
    ...(unreadable > 0 ? [`${count(unreadable)} lines that cannot be read`] : []),
    ...(shifted ? [`times are relative and taken to begin on ${utcDay(RELATIVE_ORIGIN_MS)}`] : []),
  ].join(', ');
}

/** `2020-01-01`. */
function utcDay(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

/** The inputs with the copy that has dates in the place of the log that has none. */
async function withShifted(
  inputs: Config['inputs'],
  log: string,
  copy: string,
): Promise<Config['inputs']> {
  const original = await realpath(log);
  return Promise.all(
    inputs.map(async (input) => {
      const files = input.files.map(async (file) =>
        (await realpath(file)) === original ? copy : file,
      );
      return { ...input, files: await Promise.all(files), pattern: undefined };
    }),
  );
}

/** What went wrong with the inputs: measured is only what was read. */
function notices({ report }: EvaluatedRun): readonly string[] {
  const rejected = Object.entries(report.rejects).flatMap(([format, reasons]) =>
    Object.entries(reasons).map(([reason, n]) => `${n} records rejected: ${format} ${reason}`),
  );
  return [...rejected, ...report.notices.map((notice) => `note: ${notice}`)];
}
