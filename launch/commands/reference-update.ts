import { FeedError } from '../../reference/feeds/feed-reader.js';
import type { FeedOutcome } from '../../reference/update/update-feed.js';
import {
  type ReferenceUpdate,
  updateReference,
  type UpdateOptions,
} from '../../reference/update/update-reference.js';
import { loadConfig, type ReferenceConfig } from '../config/config.js';
import { ConfigurationError, customerProblems } from '../config/configuration-error.js';
import type { Problem } from '../config/problem.js';
import { EXIT } from '../exit-code.js';
import { renderOutcomes } from '../feed-table.js';
import { printError, printLine, printProblems } from '../messages.js';
import { quoted } from '../terminal-text.js';

export interface ReferenceUpdateFlags {
  /** Feeds whose held-back versions are taken. */
  readonly confirm: readonly string[];
  readonly force?: boolean;
}

/**
 * `flowsieve reference update CONFIG`: fetches the feeds that are due and publishes their snapshot.
 * The table of feeds goes to standard error, the version to standard output. Gives the exit code: 1
 * also where a feed failed or is held back and the others were published.
 */
export async function referenceUpdateCommand(
  file: string,
  flags: ReferenceUpdateFlags,
): Promise<number> {
  const loaded = await loadConfig(file, { withoutInputs: true });
  if (!loaded.ok) {
    printProblems(loaded.problems);
    return EXIT.configuration;
  }
  const { config } = loaded;
  const problems = confirmProblems(config.reference, flags.confirm);
  if (problems.length > 0) {
    printProblems(problems);
    return EXIT.configuration;
  }
  try {
    return await updateConfigured(config.reference, {
      nowMs: Date.now(),
      confirm: new Set(flags.confirm),
      force: flags.force === true,
    });
  } catch (error) {
    if (!(error instanceof FeedError)) throw error;
    throw new ConfigurationError([{ place: config.file, path: '', message: error.message }]);
  }
}

function confirmProblems({ spec }: ReferenceConfig, confirm: readonly string[]): Problem[] {
  return confirm
    .filter((name) => !spec.feeds.some((feed) => feed.name === name))
    .map((name) => ({
      place: '--confirm',
      path: '',
      message: `expected the name of a configured feed, got ${quoted(name)}`,
    }));
}

/** Updates what a configuration names, and tells about it; gives the exit code. */
export async function updateConfigured(
  { spec, snapshot }: ReferenceConfig,
  options: UpdateOptions,
): Promise<number> {
  const { nowMs } = options;
  const update = await updateReference(spec, snapshot, {
    ...options,
    onFeeds: (outcomes) => {
      if (outcomes.length === 0) return;
      printLine(renderOutcomes(outcomes, { table: process.stderr.isTTY, nowMs }));
    },
    // A network that nobody watches any more would not be noticed in a job that runs on.
    beforePublish: (manifest) => {
      const problems = customerProblems(manifest);
      if (problems.length > 0) throw new ConfigurationError(problems);
    },
  });
  return told(update, snapshot);
}

function told({ outcomes, manifest, removed }: ReferenceUpdate, snapshot: string): number {
  if (manifest === undefined) {
    const names = outcomes.filter(({ entriesAfter }) => entriesAfter === null);
    printError(
      `nothing was published: ${names.map(({ name }) => name).join(', ')} ` +
        `could not be read yet; without it findings would be wrong`,
    );
    return EXIT.failed;
  }
  printLine(`snapshot ${manifest.version} in ${snapshot}`);
  if (removed.length > 0) printLine(`removed ${removed.length} old snapshots`);
  process.stdout.write(`${manifest.version}\n`);
  return outcomes.every(isFine) ? EXIT.ran : EXIT.failed;
}

function isFine({ status }: FeedOutcome): boolean {
  return status !== 'failed' && status !== 'held back';
}
