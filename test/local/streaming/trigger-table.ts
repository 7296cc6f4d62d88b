import { jsonCoder } from '../../../beam/coders.js';
import {
  afterDelay,
  atEndOfWindow,
  backingOff,
  never,
  repeatedly,
} from '../../../beam/triggers.js';
import type { Firing } from '../../../beam/windows.js';
import { TestStream } from '../../beam/test-stream.js';

/** What a test stream of texts in windows of 10 s must tell, on every engine. */
export interface TriggerCase {
  readonly name: string;
  readonly stream: TestStream<unknown>;
  /** undefined = the default trigger. */
  readonly firing: Firing | undefined;
  /** `KEY@WINDOW TEXTS TIMING INDEX [first] [last]`, the window's start in seconds. */
  readonly panes: readonly string[];
  /** Elements that are too late. */
  readonly dropped?: number;
}

const FIRING: Firing = {
  trigger: atEndOfWindow(repeatedly(afterDelay(5000)), repeatedly(afterDelay(5000))),
  allowedLatenessMs: 60_000,
  accumulating: true,
  closing: 'if-nonempty',
};

const stream = (): TestStream<unknown> => new TestStream<unknown>(jsonCoder);

export const TRIGGER_TABLE: readonly TriggerCase[] = [
  {
    name: 'early, on time, late: panes accumulate',
    stream: stream()
      .elements(['a', 1000])
      .time(5000)
      .elements(['b', 2000])
      .time(5000)
      .watermark(10_000)
      .elements(['c', 3000])
      .time(5000)
      .end(),
    firing: FIRING,
    panes: ['k@0 a EARLY 0 first', 'k@0 ab EARLY 1', 'k@0 ab ON_TIME 2', 'k@0 abc LATE 3'],
  },
  {
    name: 'an early pane comes once something is new',
    stream: stream().elements(['a', 1000]).time(60_000).watermark(10_000).end(),
    firing: FIRING,
    panes: ['k@0 a EARLY 0 first', 'k@0 a ON_TIME 1'],
  },
  {
    name: 'too late: dropped and counted',
    stream: stream().elements(['a', 1000]).watermark(70_000).elements(['b', 2000]).end(),
    firing: FIRING,
    panes: ['k@0 a ON_TIME 0 first last'],
    dropped: 1,
  },
  {
    name: 'late within the allowed lateness, in a window that had nothing: the first pane is late',
    stream: stream()
      .elements(['x', 30_000])
      .watermark(25_000)
      .elements(['a', 1000])
      .time(5000)
      .end(),
    firing: FIRING,
    panes: ['k@0 a LATE 0 first', 'k@30 x EARLY 0 first', 'k@30 x ON_TIME 1 last'],
  },
  {
    name: 'a watermark that jumps over end and close tells the window once',
    stream: stream().elements(['a', 1000], ['b', 11_000]).watermark(1_000_000).end(),
    firing: FIRING,
    panes: ['k@0 a ON_TIME 0 first last', 'k@10 b ON_TIME 0 first last'],
  },
  {
    name: 'a jump to the end of one window leaves the next open',
    stream: stream()
      .elements(['a', 1000], ['b', 11_000])
      .watermark(10_000)
      .elements(['c', 12_000])
      .end(),
    firing: FIRING,
    panes: ['k@0 a ON_TIME 0 first', 'k@10 bc ON_TIME 0 first last'],
  },
  {
    name: 'an idle source: the watermark alone closes windows',
    stream: stream().elements(['a', 1000]).watermark(9999).watermark(10_000).end(),
    firing: FIRING,
    panes: ['k@0 a ON_TIME 0 first'],
  },
  {
    name: 'an empty window tells nothing',
    stream: stream().watermark(50_000).end(),
    firing: FIRING,
    panes: [],
  },
  {
    name: 'closing always: the last pane comes although nothing is new',
    stream: stream().elements(['a', 1000]).watermark(10_000).watermark(70_000).end(),
    firing: { ...FIRING, closing: 'always' },
    panes: ['k@0 a ON_TIME 0 first', 'k@0 a LATE 1 last'],
  },
  {
    name: 'discarding panes hold what is new',
    stream: stream()
      .elements(['a', 1000])
      .time(5000)
      .elements(['b', 2000])
      .watermark(10_000)
      .elements(['c', 3000])
      .end(),
    firing: { ...FIRING, accumulating: false },
    panes: ['k@0 a EARLY 0 first', 'k@0 b ON_TIME 1', 'k@0 c LATE 2 last'],
  },
  {
    name: 'delays back off and the longest repeats',
    stream: stream()
      .elements(['a', 1000])
      .time(5000)
      .elements(['b', 1000])
      .time(5000)
      .time(5000)
      .elements(['c', 1000])
      .time(5000)
      .time(5000)
      .elements(['d', 1000])
      .time(10_000)
      .watermark(70_000)
      .end(),
    firing: {
      ...FIRING,
      trigger: atEndOfWindow(backingOff(5000, 10_000), undefined),
    },
    panes: [
      'k@0 a EARLY 0 first',
      'k@0 ab EARLY 1',
      'k@0 abc EARLY 2',
      'k@0 abcd EARLY 3',
      'k@0 abcd ON_TIME 4 last',
    ],
  },
  {
    name: 'never: one pane, when the window closes',
    stream: stream()
      .elements(['a', 1000])
      .time(60_000)
      .watermark(10_000)
      .elements(['b', 1000])
      .watermark(70_000)
      .end(),
    firing: { ...FIRING, trigger: never() },
    panes: ['k@0 ab ON_TIME 0 first last'],
  },
  {
    name: 'the default trigger tells at the end, and nothing after it without lateness',
    stream: stream().elements(['a', 1000]).watermark(10_000).elements(['b', 2000]).end(),
    firing: undefined,
    panes: ['k@0 a ON_TIME 0 first last'],
    dropped: 1,
  },
];
