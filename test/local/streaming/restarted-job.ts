import { jsonCoder, keyedCoder } from '../../../beam/coders.js';
import { applyFn, registerFn } from '../../../beam/fn.js';
import { foldPerKey, registerFold } from '../../../beam/fold-per-key.js';
import { applySource, registerSource, type LiveSource } from '../../../beam/source.js';
import { afterDelay, atEndOfWindow, repeatedly } from '../../../beam/triggers.js';
import { windowInto, type Firing } from '../../../beam/windows.js';
import type { StateStore } from '../../../launch/local/state/state-store.js';
import {
  StreamingRunner,
  type StreamingJob,
} from '../../../launch/local/streaming/streaming-runner.js';

/** One value on its way into a window of 10 s. */
export interface Element {
  readonly key: string;
  readonly timeMs: number;
  readonly text: string;
}

/** What a source does, in order. A watermark is told once all before it is committed. */
export type Step =
  | { readonly kind: 'elements'; readonly elements: readonly Element[] }
  /** Waits until all so far is committed. */
  | { readonly kind: 'settle' }
  | { readonly kind: 'watermark'; readonly ms: number };

/**
 * What a source remembers by itself: `replays` knows what was acknowledged and delivers the rest
 * again (Pub/Sub), `checkpoints` goes on after its checkpoint (files).
 */
export type Memory = 'replays' | 'checkpoints';

export const WINDOW_MS = 10_000;
export const WHOLE_WINDOW_MS = 60_000;
export const LATENESS_MS = 20_000;

/** Far after all else: with it a watermark is known to have arrived. */
const MARK_MS = 1e12;

interface Told {
  readonly place: string;
  readonly texts: readonly string[];
}

/** A job that may be run many times, by one process after another, on what its store holds. */
export class RestartedJob {
  readonly id: string;
  readonly memory: Memory;
  readonly steps: readonly Step[];
  /** Numbers of elements whose commit was confirmed to the source. */
  readonly acknowledged = new Set<number>();
  /** Panes of the second windows as they left the graph. */
  readonly told: Told[] = [];
  /** Bundles of panes until the step that tells them fails; Infinity = never. */
  failAfter = Infinity;

  constructor(memory: Memory, steps: readonly Step[]) {
    this.id = `restarted ${jobs.size}`;
    this.memory = memory;
    this.steps = steps;
    jobs.set(this.id, this);
  }

  /** Runs to the end of its source, or until the store or the job is cut. */
  async run(
    store: StateStore,
    {
      onStart,
      stopsWhereCommitFails = true,
    }: { onStart?: (job: StreamingJob) => void; stopsWhereCommitFails?: boolean } = {},
  ): Promise<ReadonlyMap<string, number>> {
    let started: StreamingJob | undefined;
    const runner = new StreamingRunner({
      store,
      watermark: { disorderMs: 0, idleMs: 1e9 },
      onStart: (job) => {
        started = job;
        onStart?.(job);
      },
      onCommitFailure: () => {
        if (stopsWhereCommitFails) started?.stop();
      },
    });
    const { id } = this;
    await runner.run((root) => {
      const elements = applySource<unknown>(
        root,
        'source',
        { source: 'test/restarted', params: { id } },
        jsonCoder,
      );
      const params = { id };
      const { keyed } = applyFn(elements, {
        name: 'key',
        fn: 'test/restarted-key',
        params: null,
        outputs: { keyed: keyedCoder(jsonCoder) },
      });
      const { gathered } = foldPerKey(
        windowInto(keyed as never, 'windows', WINDOW_MS, firing(LATENESS_MS)),
        'gather',
        { fold: 'test/restarted-gather', params: { once: this.memory === 'replays' } },
        { gathered: keyedCoder(jsonCoder) },
      );
      const lateness = LATENESS_MS + WINDOW_MS;
      const { whole } = foldPerKey(
        windowInto(gathered as never, 'whole windows', WHOLE_WINDOW_MS, firing(lateness)),
        'make whole',
        { fold: 'test/restarted-whole', params: null },
        { whole: jsonCoder },
      );
      applyFn(whole, {
        name: 'tell',
        fn: 'test/restarted-tell',
        params,
        outputs: { nothing: jsonCoder },
      });
    });
    return started?.counters() ?? new Map<string, number>();
  }

  /** What each key and second window told last. */
  content(): Readonly<Record<string, readonly string[]>> {
    const last = new Map(this.told.map(({ place, texts }) => [place, texts]));
    return Object.fromEntries([...last].sort(([a], [b]) => (a < b ? -1 : 1)));
  }
}

const jobs = new Map<string, RestartedJob>();

function jobOf(id: string): RestartedJob {
  const job = jobs.get(id);
  if (job === undefined) throw new Error(`no job ${id}`);
  return job;
}

function firing(allowedLatenessMs: number): Firing {
  const soon = repeatedly(afterDelay(1));
  return {
    trigger: atEndOfWindow(soon, soon),
    allowedLatenessMs,
    accumulating: true,
    closing: 'if-nonempty',
  };
}

registerSource<{ readonly id: string }>('test/restarted', ({ id }): LiveSource => {
  const job = jobOf(id);
  let stopped = false;
  let stop: () => void = () => undefined;
  const stopping = new Promise<void>((resolve) => (stop = resolve));
  return {
    async run(intake, checkpoint): Promise<void> {
      // A process that was cut goes on beside the next one: what it hears is not for that.
      const own = new Set(job.memory === 'replays' ? job.acknowledged : []);
      if (job.memory === 'checkpoints') {
        for (let n = 0; n < Number(checkpoint.get('next') ?? 0); n++) own.add(n);
      }
      let number = 0;
      const unsettled: Promise<void>[] = [];
      const deliver = async (value: Element): Promise<void> => {
        const at = number++;
        if (own.has(at)) return;
        let committed: () => void = () => undefined;
        unsettled.push(new Promise<void>((resolve) => (committed = resolve)));
        await intake.deliver({
          value,
          timestampMs: value.timeMs,
          bytes: 100,
          checkpoint: job.memory === 'checkpoints' ? [['next', String(at + 1)]] : [],
          committed: () => {
            own.add(at);
            if (job.memory === 'replays') job.acknowledged.add(at);
            committed();
          },
        });
      };
      const settle = async (): Promise<void> => {
        await Promise.race([Promise.all(unsettled.splice(0)), stopping]);
      };
      for (const step of job.steps) {
        if (stopped) return;
        if (step.kind === 'elements') {
          for (const element of step.elements) await deliver(element);
          continue;
        }
        await settle();
        if (step.kind === 'settle') continue;
        // A watermark that was taken up with its mark is not told again: the job must know it.
        if (!own.has(number)) intake.advanceWatermark?.(step.ms);
        await deliver({ key: 'mark', timeMs: MARK_MS, text: String(step.ms) });
        await settle();
      }
      // At the end of its source a job closes its windows: who may have to replay does not end before.
      await settle();
    },
    stop(): void {
      stopped = true;
      stop();
    },
  };
});

registerFn<null, Element>('test/restarted-key', (_params, context) => ({
  process({ key, text }): void {
    context.emit('keyed', { key, value: text });
  },
}));

interface Gathered {
  readonly window: number;
  readonly index: number;
  readonly texts: readonly string[];
}

registerFold<{ readonly once: boolean }, string>(
  'test/restarted-gather',
  ({ once }, key, window) => {
    const texts: string[] = [];
    return {
      add(text): void {
        if (!once || !texts.includes(text)) texts.push(text);
      },
      async finish(context, { index }): Promise<void> {
        const value: Gathered = { window: window?.startMs ?? 0, index, texts: [...texts] };
        await context.send('gathered', { key, value });
      },
      compact: () => [...texts],
    };
  },
);

registerFold<null, Gathered>('test/restarted-whole', (_params, key, window) => {
  const windows = new Map<number, Gathered>();
  return {
    add(gathered): void {
      const known = windows.get(gathered.window);
      if (known !== undefined && known.index >= gathered.index) {
        throw new Error(`pane ${gathered.index} of ${key} came after pane ${known.index}`);
      }
      windows.set(gathered.window, gathered);
    },
    async finish(context): Promise<void> {
      const texts = [...windows.values()].flatMap((gathered) => [...gathered.texts]);
      const place = `${key} ${window?.startMs ?? 0}`;
      await context.send('whole', { place, texts: texts.sort() } satisfies Told);
    },
    compact: () => [...windows.values()],
  };
});

registerFn<{ readonly id: string }, Told>('test/restarted-tell', ({ id }) => ({
  process(told): void {
    const job = jobOf(id);
    job.told.push(told);
    if (--job.failAfter <= 0) throw new Error('cut: the sink failed');
  },
}));
