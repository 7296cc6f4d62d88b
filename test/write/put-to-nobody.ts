/** Puts findings to standard output until that fails, and tells why on standard error. */
import { StandardOutputSink } from '../../transforms/write/standard-output.js';
import { revisionOf } from './revisions.js';

const sink = new StandardOutputSink();
try {
  for (let revision = 1; ; revision++) {
    await sink.put([revisionOf({ finding: 0, revision, length: 10_000 })]);
  }
} catch (error) {
  process.stderr.write(`${String(error)}\n`);
}
await sink.close();
