import { observeTimes } from '../../../beam/fn.js';
import { makeSource, SOURCE_URN, type Delivery, type LiveSource } from '../../../beam/source.js';
import Long from 'long';
import type { WindowedValue } from 'apache-beam';
import { PipelineContext } from 'apache-beam/internal/pipeline';
import { JobState_Enum } from 'apache-beam/proto/beam_job_api';
import type { Pipeline, PTransform } from 'apache-beam/proto/beam_runner_api';
import { PipelineResult, Runner } from 'apache-beam/runners/runner';
import { GlobalWindow } from 'apache-beam/values';
import { ONLY_PANE } from '../../../beam/only-pane.js';
import { IMPULSE, planPipeline, PUBSUB_READ, TEST_STREAM, type Plan, type Stage } from '../plan.js';
import { RunningStage, type SideValues } from '../stage.js';
import type { StateStore } from '../state/state-store.js';
import { ManualClock, SYSTEM_CLOCK, type Clock } from './clock.js';
import { Commit, type Resumed } from './commit.js';
import { SourceIntake } from './source-intake.js';
import { testEvents } from './test-stream.js';
import type { WatermarkOptions } from './watermark.js';
import { WindowGroups, type GroupStorage } from './window-groups.js';

export interface StreamingOptions {
  readonly store: StateStore;
  readonly watermark: WatermarkOptions;
  /** Settings without which open windows of an earlier start are not understood. */
  readonly shape?: Readonly<Record<string, unknown>>;
  /** The source of a standard Pub/Sub read, made from its payload. */
  readonly pubsub?: (payload: Uint8Array) => LiveSource;
  /** Takes nothing in: closes all open windows as if everything had come, and ends. */
  readonly drain?: boolean;
  /** Called where a commit failed; the runner waits and tries again, taking nothing in. */
  readonly onCommitFailure?: (error: unknown) => void;
  /** What a source could not read. */
  readonly onReject?: (reject: unknown) => void;
  readonly onStart?: (job: StreamingJob) => void;
}

/** A bundle from the sources has at most so much. */
const BUNDLE_ELEMENTS = 5000;
const BUNDLE_BYTES = 4 << 20;

/** Groups a bundle has after a GroupByKey. */
const BUNDLE_GROUPS = 16;

/** Elements are collected for so long before a turn, so that a sync serves many. */
const GATHER_MS = 20;

/** After a commit that failed. */
const RETRY_MS = 2000;

/** Turns come every second at least; what lies so far apart was no waiting for exporters. */
const STALL_MS = 5000;

/** Longest sleep: the clock of a suspended machine jumps. */
const LONGEST_WAIT_MS = 1000;

/**
 * Runs a Beam pipeline on this machine without an end: bundles from live sources, windows that fire
 * as their triggers say, and a commit for each turn.
 *
 * A turn takes up what the sources delivered, runs it through their stages into the windows, moves
 * the watermarks on, fires what is due in the order of the graph, and writes all that in one synced
 * commit with the sources' checkpoints. Only then are messages acknowledged. What leaves the graph
 * (a sink) does so before the commit, so after a crash it may do so again: what it is given comes
 * from `beam/stable-input.ts`, and is then the same.
 */
export class StreamingRunner extends Runner {
  readonly #options: StreamingOptions;

  constructor(options: StreamingOptions) {
    super();
    this.#options = options;
  }

  /** Runs to the end of all sources, or until the job is stopped. */
  override async runPipeline(pipeline: Pipeline): Promise<PipelineResult> {
    const job = await StreamingJob.start(planPipeline(pipeline), this.#options);
    this.#options.onStart?.(job);
    await job.run();
    return new StreamingResult(job.counters());
  }
}

interface RunningSource {
  readonly stage: RunningStage;
  readonly intake: SourceIntake;
  /** Side inputs that its steps read. */
  readonly sides: readonly string[];
  readonly replacesSides: boolean;
}

interface RunningGroups {
  readonly root: string;
  readonly stage: RunningStage;
  readonly groups: WindowGroups;
  readonly sides: readonly string[];
  /** Roots of the stages that feed it. */
  readonly feeders: readonly string[];
}

/** One run of a pipeline. */
export class StreamingJob {
  readonly #options: StreamingOptions;
  readonly #plan: Plan;
  readonly #commit: Commit;
  readonly #clock: Clock;
  readonly #sideValues: SideValues = new Map();
  readonly #groups = new Map<string, WindowGroups>();
  readonly #sources = new Map<string, RunningSource>();
  readonly #grouped: RunningGroups[] = [];
  readonly #stages: RunningStage[] = [];
  /** Counters of the stages as they were counted into the commit. */
  readonly #stageCounts = new Map<RunningStage, ReadonlyMap<string, number>>();
  /** Roots of impulses: all that they had to say was said at the start. */
  readonly #said = new Set<string>();
  /** What each source committed last, by root. */
  readonly #checkpoints = new Map<string, ReadonlyMap<string, string>>();
  /** What the windows were last advanced by, by root. */
  #watermarks: ReadonlyMap<string, number> = new Map();
  readonly #stopping = new AbortController();
  #repeating = false;
  #arrivedMs: number | undefined;
  /** When the last turn began. */
  #turnedMs: number;
  #wake: (() => void) | undefined;
  #problem: string | undefined;

  private constructor(plan: Plan, options: StreamingOptions, commit: Commit, clock: Clock) {
    this.#plan = plan;
    this.#options = options;
    this.#commit = commit;
    this.#clock = clock;
    this.#turnedMs = clock.now();
  }

  static async start(plan: Plan, options: StreamingOptions): Promise<StreamingJob> {
    const { commit, resumed } = await Commit.resume(options.store, options.shape ?? {});
    const tested = plan.stages.some(({ root }) => urnOf(plan, root) === TEST_STREAM);
    const clock = tested ? new ManualClock() : SYSTEM_CLOCK;
    const job = new StreamingJob(plan, options, commit, clock);
    job.#build(resumed);
    return job;
  }

  /** Counters since the state began. */
  counters(): ReadonlyMap<string, number> {
    return this.#commit.counters;
  }

  /** Why it takes nothing in now, a sentence; undefined while all is well. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** When the earliest of what runs through the graph now came in, ms since 1970 UTC. */
  get arrivedMs(): number | undefined {
    return this.#arrivedMs;
  }

  get sources(): readonly {
    readonly name: string;
    readonly watermarkMs: number;
    readonly exporters: number;
    readonly waiting: { readonly elements: number; readonly bytes: number };
  }[] {
    return [...this.#sources.values()]
      .filter(({ replacesSides }) => !replacesSides)
      .map(({ intake }) => ({
        name: intake.name,
        watermarkMs: intake.watermarkMs(),
        exporters: intake.exporters,
        waiting: intake.waiting,
      }));
  }

  /** Groups (key and window) that are open. */
  get openGroups(): number {
    let groups = 0;
    for (const each of this.#groups.values()) groups += each.size;
    return groups;
  }

  /** Takes nothing more in, tells what windows have to tell now, and ends; open windows stay in the store. */
  stop(): void {
    this.#stopping.abort();
    this.#wake?.();
  }

  async run(): Promise<void> {
    try {
      await this.#runImpulses();
      const test = this.#plan.stages.find(({ root }) => urnOf(this.#plan, root) === TEST_STREAM);
      if (test !== undefined) await this.#runTest(test);
      else if (this.#options.drain === true) await this.#drain();
      else await this.#runLive();
    } finally {
      await this.#stopSources();
      await Promise.all([...this.#sources.values()].map(({ intake }) => intake.close()));
      for (const stage of this.#stages) {
        observeTimes(stage.id, undefined);
        stage.close();
      }
    }
  }

  #build({ groups, watermarks, exporters, checkpoints }: Resumed): void {
    const plan = this.#plan;
    const context = new PipelineContext(plan.components, '');
    const byStep = new Map<string, WindowGroups>();
    for (const [id, { name, fold, input, stable }] of plan.groupings) {
      const { coderId, windowingStrategyId } = plan.components.pcollections[input];
      const shape = {
        name,
        fold,
        stable,
        strategy: context.getWindowingStrategy(windowingStrategyId),
        coder: context.getCoder<{ key: string; value: unknown }>(coderId),
      };
      const open = new WindowGroups(shape, this.#commit satisfies GroupStorage);
      this.#groups.set(id, open);
      byStep.set(name, open);
    }
    for (const { step, id, json } of groups) {
      const open = byStep.get(step);
      if (open !== undefined) open.restore(id, json);
      // A step that the graph no longer has: a filter that was switched off.
      else this.#commit.count('dropped/state/unknown-step', 1);
    }
    const sinks = new Map(
      [...this.#groups].map(([id, open]) => {
        const add = (element: WindowedValue<{ key: string; value: unknown }>): void => {
          if (!this.#repeating) open.add(element, this.#clock.now(), this.#arrivedMs);
        };
        return [id, { add }] as const;
      }),
    );
    for (const stage of plan.stages) {
      const running = new RunningStage(plan, stage, sinks, this.#sideValues);
      this.#stages.push(running);
      const urn = urnOf(plan, stage.root);
      const sides = sidesOf(plan, stage);
      const open = this.#groups.get(stage.root);
      if (open !== undefined) {
        const feeders = plan.stages
          .filter(({ feeds }) => feeds.includes(stage.root))
          .map(({ root }) => root);
        this.#grouped.push({ root: stage.root, stage: running, groups: open, sides, feeders });
      } else if (urn === IMPULSE) {
        this.#said.add(stage.root);
      } else {
        const transform = plan.components.transforms[stage.root];
        const name = transform.uniqueName;
        const timesKnown = urn === PUBSUB_READ;
        const intake = new SourceIntake(
          name,
          urn === TEST_STREAM ? NO_SOURCE : this.#sourceOf(transform),
          {
            clock: this.#clock,
            watermark: urn === TEST_STREAM ? NO_DISORDER : this.#options.watermark,
            timesKnown,
            count: (counter, by) => {
              this.#commit.count(counter, by);
            },
            onReject: (reject) => this.#options.onReject?.(reject),
            onChange: () => this.#wake?.(),
          },
          watermarks.get(name) ?? -Infinity,
          exporters.get(name),
        );
        if (!timesKnown) {
          observeTimes(running.id, (exporter, ms) => {
            intake.observe(exporter, ms);
          });
        }
        const replacesSides = stage.feeds.length === 0 && stage.sideOutputs.length > 0;
        this.#sources.set(stage.root, { stage: running, intake, sides, replacesSides });
        this.#checkpoints.set(stage.root, checkpoints.get(name) ?? new Map<string, string>());
      }
    }
    if (this.#options.store.commits > 0) this.#resumeWatermarks(watermarks);
  }

  /** Before anything comes again: what was too late for the last process is too late for this one. */
  #resumeWatermarks(saved: ReadonlyMap<string, number>): void {
    const watermarks = new Map<string, number>();
    for (const [root, { intake, replacesSides }] of this.#sources) {
      if (!replacesSides) watermarks.set(root, saved.get(intake.name) ?? -Infinity);
    }
    for (const { root, groups, feeders } of this.#grouped) {
      groups.advance(Math.min(...feeders.map((root) => watermarks.get(root) ?? Infinity)));
      watermarks.set(root, groups.watermarkMs);
    }
  }

  #sourceOf({ spec, uniqueName }: PTransform): LiveSource {
    const payload = spec?.payload ?? new Uint8Array();
    if (spec?.urn === SOURCE_URN) return makeSource(payload);
    if (spec?.urn === PUBSUB_READ && this.#options.pubsub !== undefined) {
      return this.#options.pubsub(payload);
    }
    throw new Error(`step ${uniqueName} cannot be read here`);
  }

  /** Side inputs are said again at each start; what an impulse put into windows is in the store. */
  async #runImpulses(): Promise<void> {
    this.#repeating = this.#options.store.commits > 0;
    for (const [i, stage] of this.#plan.stages.entries()) {
      if (this.#said.has(stage.root)) await this.#stages[i].run([IMPULSE_ELEMENT]);
    }
    this.#repeating = false;
  }

  async #runLive(): Promise<void> {
    for (const [root, { intake }] of this.#sources) {
      intake.start(this.#checkpoints.get(root) ?? new Map());
    }
    while (!this.#stopping.signal.aborted && !this.#isExhausted()) {
      await this.#turn();
      await this.#wait();
    }
    if (this.#stopping.signal.aborted) {
      await this.#stopSources();
      // Of some sources what was delivered comes but once.
      do await this.#turn();
      while (this.#waits());
      // What windows would tell within the next seconds they tell now.
      await this.#turnToTheEnd(Infinity);
    } else {
      await this.#drain();
    }
  }

  /** All windows close: nothing more is to come. */
  async #drain(): Promise<void> {
    for (const { intake, replacesSides } of this.#sources.values()) {
      if (replacesSides && this.#options.drain === true) intake.start(new Map());
    }
    while (!this.#sidesAreThere()) {
      await this.#turn();
      await this.#wait();
    }
    await this.#turnToTheEnd(this.#clock.now(), Infinity);
  }

  /** What a turn stored for the next one goes out too. */
  async #turnToTheEnd(nowMs: number, endMs?: number): Promise<void> {
    do await this.#turn(nowMs, endMs);
    while ([...this.#groups.values()].some(({ waits }) => waits));
  }

  async #runTest(stage: Stage): Promise<void> {
    const { transforms } = this.#plan.components;
    const context = new PipelineContext(this.#plan.components, '');
    const source = this.#sources.get(stage.root);
    const payload = transforms[stage.root].spec?.payload ?? new Uint8Array();
    const clock = this.#clock;
    if (source === undefined || !(clock instanceof ManualClock)) {
      throw new Error('the test stream has no stage');
    }
    for (const [root, { intake }] of this.#sources) {
      if (root !== stage.root) intake.start(new Map());
    }
    for (const event of testEvents(payload, (id) => context.getCoder(id))) {
      if (event.kind === 'elements') {
        await source.stage.run(event.elements);
        await this.#turn();
      } else if (event.kind === 'watermark') {
        source.intake.advanceWatermark(event.ms >= MAX_MS ? Infinity : event.ms);
        await this.#turn();
      } else {
        const endMs = clock.now() + event.ms;
        // Timers fire at their own times, one after the other, as if time had passed.
        for (let next = this.#nextMs(); next <= endMs; next = this.#nextMs()) {
          clock.set(Math.max(next, clock.now()));
          await this.#turn();
        }
        clock.set(endMs);
        await this.#turn();
      }
    }
    await this.#turnToTheEnd(clock.now(), Infinity);
  }

  /** One round: take up, move on, fire, commit, acknowledge. */
  async #turn(nowMs = this.#clock.now(), endMs?: number): Promise<void> {
    this.#excuseStall();
    const taken: Delivery[] = [];
    for (const { stage, intake, sides } of this.#sources.values()) {
      if (!this.#have(sides)) continue;
      const deliveries = intake.take(BUNDLE_ELEMENTS, BUNDLE_BYTES);
      if (deliveries.length === 0) continue;
      this.#arrivedMs = Math.min(...deliveries.map(({ arrivedMs }) => arrivedMs));
      await stage.run(deliveries.map(elementOf));
      for (const { checkpoint = [] } of deliveries) {
        for (const [key, value] of checkpoint) this.#commit.checkpoint(intake.name, key, value);
      }
      taken.push(...deliveries);
    }
    await this.#fire(nowMs, endMs);
    await this.#write();
    for (const { committed } of taken) committed?.();
  }

  /** A machine that slept, a full disk, a long turn: what the job did not hear nobody kept from it. */
  #excuseStall(): void {
    const nowMs = this.#clock.now();
    const stallMs = nowMs - this.#turnedMs;
    this.#turnedMs = nowMs;
    if (stallMs < STALL_MS) return;
    for (const { intake } of this.#sources.values()) intake.excuse(stallMs);
  }

  /** Moves watermarks down the graph and fires what is due, each grouping after those that feed it. */
  async #fire(nowMs: number, endMs?: number): Promise<void> {
    const watermarks = new Map<string, number>();
    for (const root of this.#said) watermarks.set(root, Infinity);
    for (const [root, { intake, replacesSides }] of this.#sources) {
      if (replacesSides) continue;
      watermarks.set(root, endMs ?? intake.watermarkMs());
    }
    let waits = false;
    for (const { root, stage, groups, sides, feeders } of this.#grouped) {
      const ms = Math.min(...feeders.map((root) => watermarks.get(root) ?? Infinity));
      if (!this.#have(sides)) {
        waits = true;
      } else {
        groups.advance(ms);
        for (let fired = true; fired;) {
          fired = false;
          for await (const bundle of groups.fire(nowMs, BUNDLE_GROUPS)) {
            fired = true;
            this.#arrivedMs = Math.min(...bundle.map(({ arrivedMs }) => arrivedMs));
            await stage.run(bundle.map(({ element }) => element));
          }
        }
      }
      watermarks.set(root, groups.watermarkMs);
    }
    // Where a grouping waits for a side input, what is due there was not told yet.
    if (!waits) this.#watermarks = watermarks;
  }

  /** Where windows that have closed stay closed, the watermarks that closed them are stored with that. */
  #saveWatermarks(): void {
    for (const [root, { intake }] of this.#sources) {
      const ms = this.#watermarks.get(root);
      if (ms === undefined || !Number.isFinite(ms)) continue;
      this.#commit.watermark(intake.name, ms, intake.savedExporters());
    }
  }

  async #write(): Promise<void> {
    for (const groups of this.#groups.values()) groups.flush();
    for (const stage of this.#stages) this.#countStage(stage);
    if (!this.#commit.isEmpty) this.#saveWatermarks();
    for (;;) {
      try {
        await this.#commit.write();
        this.#problem = undefined;
        return;
      } catch (error) {
        this.#problem = `the state cannot be written: ${(error as Error).message}`;
        this.#options.onCommitFailure?.(error);
        if (this.#stopping.signal.aborted) throw error;
        await this.#sleep(RETRY_MS);
      }
    }
  }

  /** Adds what a stage has counted since the last time. */
  #countStage(stage: RunningStage): void {
    const before = this.#stageCounts.get(stage);
    const now = stage.counters();
    for (const [name, value] of now) this.#commit.count(name, value - (before?.get(name) ?? 0));
    this.#stageCounts.set(stage, now);
  }

  #have(sides: readonly string[]): boolean {
    return sides.every((side) => (this.#sideValues.get(side)?.length ?? 0) > 0);
  }

  #sidesAreThere(): boolean {
    return this.#grouped.every(({ sides }) => this.#have(sides));
  }

  /** All sources that bring elements are at their end. */
  #isExhausted(): boolean {
    return [...this.#sources.values()].every(
      ({ intake, replacesSides }) => replacesSides || intake.exhausted,
    );
  }

  /** Processing time of the next timer. */
  #nextMs(): number {
    const nowMs = this.#clock.now();
    return Math.min(
      ...[...this.#groups.values()].map((groups) => groups.nextMs(nowMs)),
      ...[...this.#sources.values()]
        .map(({ intake }) => intake.idleAtMs())
        .filter((ms) => ms > nowMs),
      Infinity,
    );
  }

  /** Waits for deliveries, a timer, or the stop. */
  async #wait(): Promise<void> {
    const nextMs = this.#nextMs() - this.#clock.now();
    if (this.#waits()) await this.#yield();
    else await this.#sleep(Math.min(Math.max(nextMs, 0), LONGEST_WAIT_MS));
  }

  /** Something was delivered and is not taken up yet. */
  #waits(): boolean {
    return [...this.#sources.values()].some(
      ({ intake, sides }) => intake.waiting.elements > 0 && this.#have(sides),
    );
  }

  /** Lets sources deliver more; a turn for every element would be a sync for every element. */
  async #yield(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, GATHER_MS));
  }

  async #sleep(ms: number): Promise<void> {
    if (this.#stopping.signal.aborted) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = (): void => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = undefined;
  }

  async #stopSources(): Promise<void> {
    await Promise.all([...this.#sources.values()].map(({ intake }) => intake.stop()));
  }
}

const MAX_MS = 9223371950454775;
const NO_DISORDER: WatermarkOptions = { disorderMs: 0, idleMs: Infinity };

/** A test stream is told by the runner itself. */
const NO_SOURCE: LiveSource = { run: () => Promise.resolve(), stop: () => undefined };

const IMPULSE_ELEMENT: WindowedValue<unknown> = {
  value: new Uint8Array(),
  windows: [new GlobalWindow()],
  pane: ONLY_PANE,
  timestamp: Long.fromString('-9223372036854775'),
};

function elementOf({ value, timestampMs }: Delivery): WindowedValue<unknown> {
  return {
    value,
    windows: [new GlobalWindow()],
    pane: ONLY_PANE,
    timestamp: Long.fromNumber(timestampMs),
  };
}

function urnOf(plan: Plan, transform: string): string {
  return plan.components.transforms[transform].spec?.urn ?? '';
}

/** Collections that the steps of a stage read as side inputs. */
function sidesOf(plan: Plan, { transforms }: Stage): string[] {
  return transforms.flatMap((id) =>
    Object.entries(plan.components.transforms[id].inputs)
      .filter(([tag]) => tag.startsWith('side.'))
      .map(([, collection]) => collection),
  );
}

class StreamingResult extends PipelineResult {
  readonly #counters: ReadonlyMap<string, number>;

  constructor(counters: ReadonlyMap<string, number>) {
    super();
    this.#counters = counters;
  }

  override waitUntilFinish(): Promise<JobState_Enum> {
    return Promise.resolve(JobState_Enum.DONE);
  }

  override counters(): Promise<Record<string, number>> {
    return Promise.resolve(Object.fromEntries(this.#counters));
  }
}
