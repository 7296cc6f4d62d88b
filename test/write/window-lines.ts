import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Finding } from '../../pipeline/finding.js';

/** All lines of the window files of an output directory; throws where one is no JSON or the last has no end. */
export function windowLines(output: string): readonly Finding[] {
  const folder = join(output, 'findings');
  return readdirSync(folder)
    .sort()
    .flatMap((name) => {
      const text = readFileSync(join(folder, name), 'utf8');
      if (text === '') return [];
      if (!text.endsWith('\n')) throw new Error(`${name} ends in the middle of a line`);
      return text
        .slice(0, -1)
        .split('\n')
        .map((line) => JSON.parse(line) as Finding);
    });
}
