import type { Manifest } from '../../reference/manifest.js';
import { quoted } from '../terminal-text.js';
import type { Problem } from './problem.js';

/** What is wrong with a configuration and shows only once its files are read; nothing was run. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError';
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    super(problems.map(({ message }) => message).join('; '));
    this.problems = problems;
  }
}

/**
 * Lines of the customer file that are nobody's network. A feed may have some; here each is a network
 * that nobody would watch, and nobody would notice.
 */
export function customerProblems({ feeds }: Manifest): readonly Problem[] {
  const customers = feeds.find(({ kind }) => kind === 'customers');
  if (customers === undefined) return [];
  const { samples, rejected, uri } = customers;
  const problems = samples
    .filter(({ reason }) => Object.hasOwn(rejected, reason))
    .map(({ file, line, reason, sample }) => ({
      place: `${file}:${line}`,
      path: '',
      message: `expected customer,cidr[,exclusive], got ${quoted(sample)} (${reason})`,
    }));
  const all = Object.values(rejected).reduce((sum, n) => sum + n, 0);
  if (all > problems.length) {
    const message = `${all - problems.length} more lines are nobody's network`;
    problems.push({ place: uri, path: '', message });
  }
  return problems;
}
