import { jsonCoder, keyedCoder } from '../beam/coders.js';
import { applyFn, registerFn } from '../beam/fn.js';
import { foldPerKey, registerFold } from '../beam/fold-per-key.js';
import { together } from '../beam/together.js';
import type { PCollection } from 'apache-beam';
import type { Reject } from '../pipeline/reject.js';

/** Rejects of one file and reason that are kept, the first by offset; all are counted. */
const KEPT = 100;

registerFn<null, Reject>('flowsieve/reject-by-file', (_params, context) => ({
  process(reject): void {
    const { file, format, reason } = reject;
    context.emit('out', { key: JSON.stringify([file, format, reason]), value: reject });
  },
}));

registerFold<null, Reject>('flowsieve/keep-rejects', () => {
  let kept: Reject[] = [];
  const trim = (): void => {
    kept = kept.sort((a, b) => a.offset - b.offset).slice(0, KEPT);
  };
  return {
    add(reject): void {
      kept.push(reject);
      if (kept.length > KEPT * 10) trim();
    },
    finish(context): void {
      trim();
      for (const reject of kept) context.emit('rejects', reject);
    },
  };
});

/** All steps' rejects -> the first of each file and reason, so that a file of nonsense fills no disk. */
export function keepRejects(rejects: readonly PCollection<Reject>[]): PCollection<Reject> {
  const all = together('all rejects', rejects);
  const { out: keyed } = applyFn(all, {
    name: 'rejects by file',
    fn: 'flowsieve/reject-by-file',
    params: null,
    outputs: { out: keyedCoder(jsonCoder) },
  });
  return foldPerKey(
    keyed,
    'keep rejects',
    { fold: 'flowsieve/keep-rejects', params: null },
    { rejects: jsonCoder },
  )['rejects'];
}
