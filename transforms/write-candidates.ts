import { jsonCoder, keyedCoder } from '../beam/coders.js';
import { applyFn, registerFn } from '../beam/fn.js';
import { foldPerKey, registerFold } from '../beam/fold-per-key.js';
import { together } from '../beam/together.js';
import type { PCollection } from 'apache-beam';
import { candidatesOf } from '../filters/association/earlier-candidates.js';
import { historyStore } from '../history/open-store.js';
import type { Finding } from '../pipeline/finding.js';
import type { JudgedDay } from './history.js';

/** What a candidate is made of. */
type Candidate = Pick<Finding, 'remoteAddress' | 'service' | 'evidence'>;

/** A candidate of a day, or the word that this run judged that day whole: only then may its list be replaced. */
type Entry = Candidate | { readonly directory: string };

registerFn<null, Finding>('flowsieve/candidates-by-day', (_params, context) => ({
  process({ windowStart, remoteAddress, service, evidence }): void {
    if (!evidence.some(({ type }) => type === 'association')) return;
    const value: Candidate = { remoteAddress, service, evidence };
    context.emit('entries', { key: windowStart.slice(0, 10), value });
  },
}));

registerFn<null, JudgedDay>('flowsieve/whole-days', (_params, context) => ({
  process({ day, kept, history: { directory } }): void {
    if (!kept) context.emit('entries', { key: day, value: { directory } satisfies Entry });
  },
}));

registerFold<null, Entry>('flowsieve/write-candidates', (_params, day) => {
  let directory: string | undefined;
  const found: Candidate[] = [];
  return {
    add(entry): void {
      if ('directory' in entry) directory = entry.directory;
      else found.push(entry);
    },
    async finish(context): Promise<void> {
      if (directory === undefined) return;
      const candidates = candidatesOf(day, found);
      await historyStore(directory).writeCandidates(day, candidates);
      await context.send('written', { day, candidates: candidates.length });
    },
  };
});

/**
 * Findings of c2-candidate -> the history's list of candidates of each day, which later days weigh.
 * Never a threat list.
 */
export function writeCandidates(
  findings: PCollection<Finding>,
  judged: PCollection<JudgedDay>,
): void {
  const outputs = { entries: keyedCoder(jsonCoder) };
  const { entries: found } = applyFn(findings, {
    name: 'candidates by day',
    fn: 'flowsieve/candidates-by-day',
    params: null,
    outputs,
  });
  const { entries: whole } = applyFn(judged, {
    name: 'whole days',
    fn: 'flowsieve/whole-days',
    params: null,
    outputs,
  });
  foldPerKey(
    together('days of candidates', [found, whole]),
    'write candidates',
    { fold: 'flowsieve/write-candidates', params: null },
    { written: jsonCoder },
  );
}
