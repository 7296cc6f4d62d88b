import type { Context } from 'mocha';
import type { Engine, InstalledEngine } from './engine.js';
import { PRISM } from './prism.js';

/** All engines that the conformance tests know. */
export const ENGINES: readonly InstalledEngine[] = [PRISM];

/** The engine; skips the test (or all of a `before`), saying so, where it is not installed. */
export function opened(test: Context, { name, open }: InstalledEngine): Engine {
  const engine = open();
  if (engine !== undefined) return engine;
  const missing = `${name} is not installed (npm run test:engines installs it)`;
  if (process.env['CI'] === 'true') throw new Error(missing);
  process.stdout.write(`      skipped: ${missing}\n`);
  return test.skip();
}
