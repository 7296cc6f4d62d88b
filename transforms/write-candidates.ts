import { jsonCoder, keyedCoder } from '../beam/coders.js';
import { applyFn, registerFn } from '../beam/fn.js';
import { foldPerKey, registerFold } from '../beam/fold-per-key.js';
import { together } from '../beam/together.js';
import { windowInto } from '../beam/windows.js';
import type { PCollection } from 'apache-beam';
import { candidatesOf } from '../filters/association/earlier-candidates.js';
import { historyStore } from '../history/open-store.js';
import { DAY_MS, dayStartMs } from '../history/utc-day.js';
import type { Finding } from '../pipeline/finding.js';
import { finalFiring, type Timing } from './firing.js';
import type { JudgedDay } from './history.js';

/** What a candidate is made of, and which of a finding's revisions it is. */
type Candidate = Pick<
  Finding,
  'remoteAddress' | 'service' | 'evidence' | 'id' | 'revision' | 'status'
>;

const TEN_MINUTES_MS = 10 * 60 * 1000;

/** A candidate of a day, or the word that this run judged that day whole: only then may its list be replaced. */
type Entry = Candidate | { readonly directory: string };

registerFn<null, Finding>('flowsieve/candidates-by-day', (_params, context) => ({
  process({ windowStart, ...finding }): void {
    const { remoteAddress, service, evidence, id, revision, status } = finding;
    if (!evidence.some(({ type }) => type === 'association')) return;
    const value: Candidate = { remoteAddress, service, evidence, id, revision, status };
    const at = { timestampMs: Date.parse(windowStart), window: 'global' } as const;
    context.emit('entries', { key: windowStart.slice(0, 10), value }, at);
  },
}));

registerFn<{ readonly into: string | null }, JudgedDay>(
  'flowsieve/whole-days',
  ({ into }, context) => ({
    process({ day, kept, history }): void {
      if (kept) return;
      const value: Entry = { directory: into ?? history.directory };
      const at = { timestampMs: dayStartMs(day), window: 'global' } as const;
      context.emit('entries', { key: day, value }, at);
    },
  }),
);

registerFold<null, Entry>('flowsieve/write-candidates', (_params, day) => {
  let directory: string | undefined;
  const found = new Map<string, Candidate>();
  return {
    add(entry): void {
      if ('directory' in entry) {
        directory = entry.directory;
        return;
      }
      const known = found.get(entry.id);
      if (known === undefined || known.revision < entry.revision) found.set(entry.id, entry);
    },
    compact: () => [...(directory === undefined ? [] : [{ directory }]), ...found.values()],
    async finish(context): Promise<void> {
      if (directory === undefined) return;
      const stand = [...found.values()].filter(({ status }) => status === 'open');
      const candidates = candidatesOf(day, stand);
      await historyStore(directory).writeCandidates(day, candidates);
      await context.send('written', { day, candidates: candidates.length });
    },
  };
});

/**
 * Findings of c2-candidate -> the history's list of candidates of each day, which later days weigh.
 * Never a threat list. `into` is another directory to write to than the history; null = none.
 */
export function writeCandidates(
  findings: PCollection<Finding>,
  judged: PCollection<JudgedDay>,
  timing: Timing,
  into: string | null,
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
    params: { into },
    outputs,
  });
  foldPerKey(
    windowInto(
      together('days of candidates', [found, whole]) as never,
      'windows of candidates',
      DAY_MS,
      // After the days are judged, which is when their windows close.
      finalFiring(timing, TEN_MINUTES_MS),
    ),
    'write candidates',
    { fold: 'flowsieve/write-candidates', params: null },
    { written: jsonCoder },
  );
}
