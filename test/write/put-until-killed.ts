/**
 * Puts batches of revisions in a loop, from batch FIRST on, and prints of each when it is put.
 *
 * usage: put-until-killed OUTPUT FIRST LAST
 */
import { WindowFilesSink } from '../../transforms/write/window-files.js';
import { batchOf } from './batch-of.js';
import { nameOf } from './revisions.js';

const [output, first, last] = process.argv.slice(2);
const sink = await WindowFilesSink.open(output);
for (let at = Number(first); at <= Number(last); at++) {
  const taken = await sink.put(batchOf(at));
  // A write to a pipe is synchronous: what was put is told, or the process is dead.
  process.stdout.write(
    [...taken.map(({ finding }) => nameOf(finding)), `batch ${at}`, ''].join('\n'),
  );
}
await sink.close();
