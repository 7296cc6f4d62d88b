import './stage.js';
import Long from 'long';
import type { WindowedValue } from 'apache-beam';
import { GlobalWindow } from 'apache-beam/values';
import { ONLY_PANE } from '../../beam/only-pane.js';
import type { Pipeline } from 'apache-beam/proto/beam_runner_api';
import { JobState_Enum } from 'apache-beam/proto/beam_job_api';
import { PipelineResult, Runner } from 'apache-beam/runners/runner';
import { Groups } from './groups.js';
import { IMPULSE, planPipeline, type Grouping, type Plan, type Stage } from './plan.js';
import { RunningStage, type SideValues } from './stage.js';

export interface LocalRunnerOptions {
  /** Groups a bundle has after a GroupByKey. Findings do not depend on it. */
  readonly bundleGroups?: number;
  /** Called when a stage begins, and about every second while it runs, with all counters so far. */
  readonly onProgress?: (stage: string, counters: ReadonlyMap<string, number>) => void;
  /** What holds a grouping's values, where somebody wants to see them pass. */
  readonly newGroups?: (grouping: Grouping, plan: Plan) => Groups;
}

const PROGRESS_MS = 1000;

/** Groups a bundle has unless stated: enough that a bundle's own cost does not show. */
const BUNDLE_GROUPS = 64;

/**
 * Runs a Beam pipeline on this machine, batch: stage by stage over the SDK's own operators, side
 * inputs first, bundle by bundle. Only groups are held in memory, not what flows.
 */
export class LocalRunner extends Runner {
  readonly #options: LocalRunnerOptions;

  constructor(options: LocalRunnerOptions = {}) {
    super();
    this.#options = options;
  }

  override async runPipeline(pipeline: Pipeline): Promise<PipelineResult> {
    const plan = planPipeline(pipeline);
    const newGroups = this.#options.newGroups ?? ((grouping) => new Groups(grouping));
    const groups = new Map(
      [...plan.groupings].map(([id, grouping]) => [id, newGroups(grouping, plan)] as const),
    );
    const sideValues: SideValues = new Map();
    const counters = new Map<string, number>();
    for (const stage of plan.stages) {
      const run = new RunningStage(plan, stage, groups, sideValues);
      const report = (): void => {
        this.#options.onProgress?.(stage.name, addAll(new Map(counters), run.counters()));
      };
      report();
      const timer = setInterval(report, PROGRESS_MS);
      try {
        for (const bundle of this.#bundles(plan, stage, groups)) await run.run(bundle);
        addAll(counters, run.counters());
      } finally {
        clearInterval(timer);
        run.close();
      }
    }
    return new LocalResult(counters);
  }

  *#bundles(
    plan: Plan,
    stage: Stage,
    groups: ReadonlyMap<string, Groups>,
  ): Generator<readonly WindowedValue<unknown>[]> {
    if (plan.components.transforms[stage.root].spec?.urn === IMPULSE) {
      yield [IMPULSE_ELEMENT];
      return;
    }
    const rootGroups = groups.get(stage.root);
    if (rootGroups === undefined) throw new Error(`stage ${stage.name} has no groups`);
    yield* rootGroups.bundles(this.#options.bundleGroups ?? BUNDLE_GROUPS);
  }
}

/** Adds counters to others; returns those. */
function addAll(to: Map<string, number>, from: ReadonlyMap<string, number>): Map<string, number> {
  for (const [name, value] of from) to.set(name, (to.get(name) ?? 0) + value);
  return to;
}

const IMPULSE_ELEMENT: WindowedValue<unknown> = {
  value: new Uint8Array(),
  windows: [new GlobalWindow()],
  pane: ONLY_PANE,
  timestamp: Long.fromString('-9223372036854775'),
};

class LocalResult extends PipelineResult {
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
