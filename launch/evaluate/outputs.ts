import { stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { ConfigurationError } from '../config/configuration-error.js';
import { quoted } from '../terminal-text.js';
import type { FilterMeasure } from './measure.js';
import { recallPlot } from './plot.js';
import type { RatePoint } from './tables.js';

/** Where an evaluation puts what it measured, besides its tables on standard output. */
export interface Outputs {
  /** Keeps what was generated and found; otherwise it is removed. */
  readonly output?: string;
  /** File for the curve, SVG. */
  readonly plot?: string;
  /** File for all numbers. */
  readonly json?: string;
}

/** Recall and precision of each filter, as a point of the curves. */
export function sharesOf(filters: readonly FilterMeasure[]): Omit<RatePoint, 'rate'> {
  return {
    recalls: new Map(filters.map(({ filter, recall }) => [filter, recall])),
    precisions: new Map(filters.map(({ filter, precision }) => [filter, precision])),
  };
}

/** Draws recall by sampling rate; nothing where no file is named. */
export async function writePlot(
  path: string | undefined,
  points: readonly RatePoint[],
): Promise<void> {
  if (path === undefined) return;
  const names = [...new Set(points.flatMap(({ recalls }) => [...recalls.keys()]))].sort();
  const series = names.map((name) => ({
    name,
    points: points.flatMap(({ rate, recalls }) => {
      const recall = recalls.get(name);
      return recall === undefined ? [] : [{ rate, recall: recall.successes / recall.trials }];
    }),
  }));
  await writeFile(path, recallPlot(series));
}

/** Absent proportions are left out of the objects, as JSON has no undefined. */
export async function writeJson(path: string | undefined, value: object): Promise<void> {
  if (path !== undefined) await writeFile(path, `${JSON.stringify(value, null, 2)}\n`);
}

/** Files are written after minutes of work: that one cannot be must show before. Throws a ConfigurationError. */
export async function requireWritable({ plot, json }: Outputs): Promise<void> {
  for (const [place, path] of [['--plot', plot] as const, ['--json', json] as const]) {
    if (path === undefined) continue;
    const folder = dirname(path);
    const is = await isDirectory(path);
    if (!is && (await isDirectory(folder))) continue;
    const message = is
      ? `expected a file, got ${quoted(path)}: it is a directory`
      : `there is no folder ${quoted(folder)}`;
    throw new ConfigurationError([{ place, path: '', message }]);
  }
}

async function isDirectory(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() === true;
}
