import { fileURLToPath } from 'node:url';

import { openLevelStore } from '../../../launch/local/state/level-store.js';
import type { Change } from '../../../launch/local/state/state-store.js';

/**
 * Commits until it is killed, two commits at once, and prints the number of each when it is resolved.
 * Arguments: the directory. What commit n holds: changesOf(n).
 */
const [, program, directory] = process.argv;
// The test reads changesOf from here too.
if (program === fileURLToPath(import.meta.url)) {
  const store = await openLevelStore(directory, { writeBufferBytes: 262_144, reserveBytes: 0 });
  process.stdout.write(`open ${store.commits} ${store.recovered?.message ?? 'whole'}\n`);
  for (let commit = store.commits + 1; ; commit += 2) {
    await Promise.all([commitAndPrint(commit), commitAndPrint(commit + 1)]);
  }

  async function commitAndPrint(commit: number): Promise<void> {
    await store.commit(changesOf(commit));
    process.stdout.write(`${commit}\n`);
  }
}

/** Three entries, of which the next commit but 49 deletes one. */
export function changesOf(commit: number): Change[] {
  const changes: Change[] = [
    { key: `piece/${commit}/a`, value: Buffer.alloc(3000, commit) },
    { key: `piece/${commit}/b`, value: Buffer.alloc((commit * 997) % 20_000, commit) },
    { key: 'checkpoint', value: Buffer.from(String(commit)) },
  ];
  if (commit > 50) changes.push({ key: `piece/${commit - 50}/a`, value: null });
  return changes;
}
