import { jsonCoder, keyedCoder } from '../beam/coders.js';
import { applyFn, registerFn } from '../beam/fn.js';
import { constant } from '../beam/constant.js';
import { fixed } from '../beam/fixed.js';
import { foldPerKey, registerFold } from '../beam/fold-per-key.js';
import { reshuffle } from '../beam/reshuffle.js';
import { together } from '../beam/together.js';
import { windowInto } from '../beam/windows.js';
import type { PCollection, Root } from 'apache-beam';
import { BytesCoder } from 'apache-beam/coders/required_coders';
import { encodeDay } from '../history/day-file.js';
import { DayState } from '../history/day-state.js';
import { describeHistory, openHistory } from '../history/open-history.js';
import { historyStore } from '../history/open-store.js';
import { keptNotice, replacedNotice } from '../history/replaced-day.js';
import type { HistoryRef } from '../history/store.js';
import { DAY_MS, dayOf, dayStartMs } from '../history/utc-day.js';
import type { ConversationBatch } from '../pipeline/conversation-batch.js';
import type { Notice } from '../pipeline/notice.js';
import type { ManifestRef } from '../reference/snapshot.js';
import { finalFiring, type Timing } from './firing.js';
import type { EngineSpec } from './engine-spec.js';
import { latestHistory } from './latest.js';
import { REFERENCE_SIDE, referenceOf } from './reference-side.js';

registerFn<null, ConversationBatch>('flowsieve/count-days', (_params, context) => {
  const states = new Map<number, DayState>();
  return {
    process(batch, { pane }): void {
      // History is made of final results only: what a later pane replaces is not counted.
      if (batch.rows === 0 || !pane.isLast) return;
      const dayMs = Math.floor(batch.columns.windowStartMs[0] / DAY_MS) * DAY_MS;
      let state = states.get(dayMs);
      if (state === undefined) states.set(dayMs, (state = new DayState()));
      state.add(batch, referenceOf(context));
    },
    finishBundle(): void {
      for (const [dayMs, state] of states) {
        const at = { timestampMs: dayMs, window: 'global' } as const;
        context.emit('states', { key: String(dayMs), value: state.save() }, at);
      }
      states.clear();
    },
  };
});

/** What became of a day's file. */
interface WrittenDay {
  readonly day: string;
  /** The file that was there stayed: this run saw only a small part of the day. */
  readonly kept: boolean;
}

registerFold<{ readonly directory: string }, Uint8Array>(
  'flowsieve/write-day',
  ({ directory }, key) => {
    const day = dayOf(Number(key));
    let state: DayState | undefined;
    return {
      add(bytes): void {
        const other = DayState.restore(bytes);
        if (state === undefined) state = other;
        else state.merge(other);
      },
      compact: () => (state === undefined ? [] : [state.save()]),
      async finish(context): Promise<void> {
        if (state === undefined) return;
        const written = await historyStore(directory).writeDay(
          day,
          encodeDay(day, state),
          state.conversations,
        );
        const { kept, conversations, offered } = written;
        context.count('history/days');
        if (kept && conversations !== null) {
          await context.send('notices', keptNotice(day, conversations, offered));
        }
        const replaced = replacedNotice(day, written, state.sensors);
        if (replaced !== undefined) await context.send('notices', replaced);
        await context.send('days', { day, kept } satisfies WrittenDay);
      },
    };
  },
);

registerFn<null, unknown>('flowsieve/all-days', (_params, context) => ({
  process(day): void {
    context.emit('out', { key: '', value: day });
  },
}));

/** Days to judge, each with the history as it is once all days of the run are written. */
export interface JudgedDay {
  readonly day: string;
  /** The day's file is that of an earlier run, which saw more of it. */
  readonly kept: boolean;
  readonly history: HistoryRef;
}

registerFold<{ readonly directory: string }, WrittenDay | null>(
  'flowsieve/describe-history',
  ({ directory }) => {
    const days = new Map<string, boolean>();
    return {
      add(written): void {
        if (written !== null) days.set(written.day, written.kept);
      },
      async finish(context): Promise<void> {
        const described = await describeHistory(directory);
        // Candidates of days that this run judges are written after: a rerun would find them.
        const history = {
          ...described,
          candidates: described.candidates.filter(({ day }) => days.get(day) !== false),
        };
        await context.send('history', history);
        for (const [day, kept] of [...days].sort(([a], [b]) => (a < b ? -1 : 1))) {
          await context.send('judged', { day, kept, history } satisfies JudgedDay);
        }
      },
    };
  },
);

registerFn<null, JudgedDay>('flowsieve/check-history', (_params, context) => ({
  async process({ day, history }): Promise<void> {
    const { problems } = await openHistory(history, dayStartMs(day));
    for (const message of problems) {
      const notice: Notice = { kind: 'history-damaged', day, subject: day, message };
      context.emit('notices', notice);
    }
  },
}));

/** A history that was written before the job, and the days of it that the job judges. */
export interface GivenHistory {
  /** What filters read of the past; null = there is none. */
  readonly history: HistoryRef | null;
  readonly judged: readonly JudgedDay[];
  /** Directory that the candidates found are written to, instead of the history. */
  readonly candidates: string;
}

export interface HistoryOutputs {
  /** One element, once the days of this run are written: what filters read of the past. */
  readonly history: PCollection<HistoryRef | null>;
  /** The days that the conversations lie in, and what is to be said of their files; none without a history. */
  readonly judged: readonly PCollection<JudgedDay>[];
  readonly notices: readonly PCollection<Notice>[];
}

export interface HistoryOptions {
  /** null = no history is kept. */
  readonly directory: string | null;
  readonly timing: Timing;
  /** Without an end: another engine, which does not follow the history as it grows; null = ours. */
  readonly engine: EngineSpec | null;
}

/**
 * Conversations -> the history's file of each of their UTC days. A judgement reads only days strictly
 * before its own, so a run that is repeated gives the same.
 */
export function keepHistory(
  root: Root,
  conversations: PCollection<ConversationBatch>,
  reference: PCollection<ManifestRef>,
  impulse: PCollection<unknown>,
  { directory, timing, engine }: HistoryOptions,
): HistoryOutputs {
  if (directory === null) {
    return { history: fixed(impulse, 'no history', null), judged: [], notices: [] };
  }
  const { days, notices } = writeHistory(conversations, reference, directory, timing);
  const left = windowInto<Notice>(notices, 'leave history notices', null);
  if (timing !== null) {
    const history = latestHistory(root, impulse, directory, engine);
    return judgeWrittenDays(days, left, { directory, history });
  }
  const { out: begin } = applyFn(impulse, {
    name: 'begin history',
    fn: 'flowsieve/begin-file',
    params: null,
    outputs: { out: jsonCoder },
  });
  const all = together<unknown>('days of history', [
    windowInto(days, 'leave history days', null),
    begin,
  ]);
  const { out: keyed } = applyFn(all, {
    name: 'gather days',
    fn: 'flowsieve/all-days',
    params: null,
    outputs: { out: keyedCoder(jsonCoder) },
  });
  const { history, judged } = foldPerKey(
    keyed,
    'describe history',
    { fold: 'flowsieve/describe-history', params: { directory } },
    { history: jsonCoder, judged: jsonCoder },
  );
  const spread = reshuffle<JudgedDay>(judged, 'spread days');
  return { history, judged: [spread], notices: [left, checkHistory(spread)] };
}

/**
 * Conversations -> the history's file of each of their UTC days, and no more: `days` tells of each,
 * in windows of a day.
 */
export function writeHistory(
  conversations: PCollection<ConversationBatch>,
  reference: PCollection<ManifestRef>,
  directory: string,
  timing: Timing,
): { days: PCollection<WrittenDay>; notices: PCollection<Notice> } {
  const { states } = applyFn(conversations, {
    name: 'count days',
    fn: 'flowsieve/count-days',
    params: null,
    sides: { [REFERENCE_SIDE]: reference },
    outputs: { states: keyedCoder(new BytesCoder()) },
  });
  return foldPerKey(
    windowInto(states as never, 'history days', DAY_MS, finalFiring(timing)),
    'write history',
    { fold: 'flowsieve/write-day', params: { directory } },
    { days: jsonCoder, notices: jsonCoder },
  ) as { days: PCollection<WrittenDay>; notices: PCollection<Notice> };
}

registerFn<Pick<GivenHistory, 'judged'>, unknown>(
  'flowsieve/given-days',
  ({ judged }, context) => ({
    process(): void {
      for (const day of judged) context.emit('judged', day);
    },
  }),
);

/** As `keepHistory`, of a history that is there: nothing of it is written. */
export function readHistory(
  impulse: PCollection<unknown>,
  { history, judged }: GivenHistory,
): HistoryOutputs {
  const given = constant(impulse, 'given history', history);
  if (judged.length === 0) return { history: given, judged: [], notices: [] };
  const { judged: days } = applyFn(impulse, {
    name: 'given days',
    fn: 'flowsieve/given-days',
    params: { judged },
    outputs: { judged: jsonCoder },
  }) as { judged: PCollection<JudgedDay> };
  const spread = reshuffle<JudgedDay>(days, 'spread days');
  return { history: given, judged: [spread], notices: [checkHistory(spread)] };
}

/** What is wrong with the files that a judgement of the days reads. */
function checkHistory(judged: PCollection<JudgedDay>): PCollection<Notice> {
  return applyFn(judged, {
    name: 'check history',
    fn: 'flowsieve/check-history',
    params: null,
    outputs: { notices: jsonCoder },
  })['notices'];
}

registerFn<{ readonly directory: string }, WrittenDay>(
  'flowsieve/describe-day',
  ({ directory }, context) => ({
    async process({ day, kept }): Promise<void> {
      const described = await describeHistory(directory);
      const candidates = described.candidates.filter((each) => kept || each.day !== day);
      const history = { ...described, candidates };
      context.emit('judged', { day, kept, history } satisfies JudgedDay);
    },
  }),
);

/** Without an end each day is judged once it is written. */
function judgeWrittenDays(
  days: PCollection<WrittenDay>,
  notices: PCollection<Notice>,
  { directory, history }: { directory: string; history: PCollection<HistoryRef | null> },
): HistoryOutputs {
  const { judged } = applyFn(windowInto(days, 'leave history days', null), {
    name: 'describe history',
    fn: 'flowsieve/describe-day',
    params: { directory },
    outputs: { judged: jsonCoder },
  }) as { judged: PCollection<JudgedDay> };
  return {
    history,
    judged: [judged],
    notices: [notices, checkHistory(judged)],
  };
}
