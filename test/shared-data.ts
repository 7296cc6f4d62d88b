import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Context } from 'mocha';

const ROOT = join('..', 'shared', 'data');

/** Path of a file of real data that lies beside the project; skips the test, saying so, where it does not. */
export function sharedData(test: Context, path: string): string {
  const full = join(ROOT, path);
  if (!existsSync(full)) {
    process.stdout.write(`      skipped: no ${full} beside the project\n`);
    test.skip();
  }
  return full;
}
