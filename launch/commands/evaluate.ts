import { evaluateDiff, type DiffOptions } from '../evaluate/evaluate-diff.js';
import { evaluateGenerated, type GeneratedOptions } from '../evaluate/evaluate-generated.js';
import { evaluateLabelled, type LabelledOptions } from '../evaluate/evaluate-labelled.js';
import { nullDaysJson, renderNullDays, runNullDays } from '../evaluate/null-days.js';
import { requireWritable, writeJson } from '../evaluate/outputs.js';
import { withTemporaryDirectory } from '../evaluate/temporary-directory.js';
import { EXIT } from '../exit-code.js';
import { printError } from '../messages.js';
import { quoted } from '../terminal-text.js';

/** Changes of each size that are planted to measure power. */
const PLANTED_DAYS = 40;

export interface EvaluateCommandOptions
  extends GeneratedOptions, Omit<LabelledOptions, 'labels'>, DiffOptions {
  /** File of labels for the inputs of a configuration. */
  readonly labels?: string;
  /** Compares the two paths. */
  readonly diff?: boolean;
  /** Generated customer-days on which volume-change is measured, instead of all that. */
  readonly nullDays?: number;
}

/**
 * `flowsieve evaluate`: what the filters find of what is there. Without a path on a generated
 * network, with a configuration and labels on its inputs, and with `diff` of two configurations or
 * outputs the difference. Tables go to standard output. Gives the exit code; a bad result is one too,
 * and no failure.
 */
export async function evaluateCommand(
  paths: readonly string[],
  options: EvaluateCommandOptions,
): Promise<number> {
  const problem = usageProblem(paths, options);
  if (problem !== undefined) {
    printError(problem);
    return EXIT.configuration;
  }
  await requireWritable(options);
  if (options.nullDays !== undefined) {
    const { nullDays: customerDays, seed } = options;
    const result = runNullDays({ seed, customerDays, plantedDays: PLANTED_DAYS });
    process.stdout.write(`${renderNullDays(result, { framed: process.stdout.isTTY })}\n`);
    await writeJson(options.json, nullDaysJson(result));
    return result.withFindings <= result.bound ? EXIT.ran : EXIT.failed;
  }
  await withTemporaryDirectory(async (scratch) => {
    if (options.diff === true) await evaluateDiff(paths[0], paths[1], options, scratch);
    else if (options.labels !== undefined)
      await evaluateLabelled(paths[0], { ...options, labels: options.labels }, scratch);
    else await evaluateGenerated(options, scratch);
  });
  return EXIT.ran;
}

function usageProblem(
  paths: readonly string[],
  { diff, labels, thin, plot, output, nullDays }: EvaluateCommandOptions,
): string | undefined {
  if (nullDays !== undefined) {
    const others = [paths.length > 0, diff, labels, thin, plot, output];
    return others.some((other) => other !== undefined && other !== false)
      ? '--null-days generates its own days: it goes with --seed and --json only'
      : undefined;
  }
  if (diff === true) {
    if (labels !== undefined || thin !== undefined || plot !== undefined)
      return '--diff goes with none of --labels, --thin and --plot';
    return paths.length === 2
      ? undefined
      : `--diff compares two configurations or output directories, got ${paths.length}`;
  }
  if (plot !== undefined && !/\.svg$/i.test(plot))
    return `--plot writes SVG: expected a name that ends in .svg, got ${quoted(plot)}`;
  if (paths.length > 1) return `expected one configuration, got ${paths.length}`;
  if (paths.length === 1 && labels === undefined)
    return 'a configuration is evaluated against --labels FILE, got none';
  if (paths.length === 0 && (labels !== undefined || thin !== undefined))
    return '--labels and --thin are for a configuration, got none';
  return undefined;
}
