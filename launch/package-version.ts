import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Version in the package.json above this file, which lies one directory deeper once it is built. */
export function packageVersion(): string {
  for (let directory = import.meta.dirname; ; directory = dirname(directory)) {
    const file = join(directory, 'package.json');
    if (existsSync(file)) {
      return (JSON.parse(readFileSync(file, 'utf8')) as { readonly version: string }).version;
    }
    if (directory === dirname(directory)) throw new Error('the package has no package.json');
  }
}
