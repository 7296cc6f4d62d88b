import { compileSnapshot } from '../../reference/compile.js';
import { loadConfig } from '../config/config.js';
import { EXIT } from '../exit-code.js';
import { renderFeeds } from '../feed-table.js';
import { printLine, printProblems } from '../messages.js';

/**
 * `flowsieve reference build CONFIG`: feeds into the configured snapshot. The table of feeds goes
 * to standard error, the version to standard output. Gives the exit code.
 */
export async function referenceBuildCommand(file: string): Promise<number> {
  const loaded = await loadConfig(file, { withoutInputs: true });
  if (!loaded.ok) {
    printProblems(loaded.problems);
    return EXIT.configuration;
  }
  const { spec, snapshot } = loaded.config.reference;
  const manifest = await compileSnapshot(spec, snapshot);
  printLine(renderFeeds(manifest.feeds, { table: process.stderr.isTTY }));
  printLine(`snapshot ${manifest.version} in ${snapshot}`);
  process.stdout.write(`${manifest.version}\n`);
  return EXIT.ran;
}
