import '../../../beam/prepare.js';
import 'apache-beam';
import type { TimestampTransform, Trigger } from 'apache-beam/proto/beam_runner_api';

/** What a trigger may know of its window at a moment. */
export interface TriggerMoment {
  /** Processing time in ms. */
  readonly nowMs: number;
  /** Whether the watermark has passed the end of the window. */
  readonly ended: boolean;
}

/** What a trigger has seen since it began; plain JSON, one a window and key. */
export interface TriggerState {
  finished?: true;
  /** Elements of a count; when a delay is over in ms. */
  value?: number;
  /** Of a trigger at the end of a window: its on-time firing is over. */
  late?: true;
  readonly children: TriggerState[];
}

/**
 * A trigger of the model's proto (beam_runner_api.proto, message Trigger) as a state machine: told of
 * elements and firings, it says whether the window should fire.
 */
export interface TriggerMachine {
  start(): TriggerState;
  onElement(state: TriggerState, at: TriggerMoment): void;
  /** Whether it fires now; never where it is finished. */
  shouldFire(state: TriggerState, at: TriggerMoment): boolean;
  /** Called where it should fire and did. */
  onFire(state: TriggerState, at: TriggerMoment): void;
  /** Processing time at which it may fire without anything else happening; Infinity = none. */
  nextMs(state: TriggerState, at: TriggerMoment): number;
}

/** The machine of a trigger. Throws for one that the model does not know. */
export function triggerMachine({ trigger }: Trigger): TriggerMachine {
  switch (trigger.oneofKind) {
    case 'default':
      // As the model defines it: at the end of the window, then with every late element.
      return endOfWindow(undefined, ALWAYS);
    case 'afterEndOfWindow': {
      const { earlyFirings, lateFirings } = trigger.afterEndOfWindow;
      return endOfWindow(
        earlyFirings === undefined ? undefined : repeat(triggerMachine(earlyFirings)),
        lateFirings === undefined ? undefined : repeat(triggerMachine(lateFirings)),
      );
    }
    case 'afterProcessingTime':
      return delay(trigger.afterProcessingTime.timestampTransforms);
    case 'afterSynchronizedProcessingTime':
      // One process is always synchronous with itself.
      return delay([]);
    case 'elementCount':
      return elementCount(trigger.elementCount.elementCount);
    case 'always':
      return ALWAYS;
    case 'never':
      return NEVER;
    case 'repeat':
      return repeat(triggerMachine(required(trigger.repeat.subtrigger)));
    case 'afterEach':
      return each(trigger.afterEach.subtriggers.map(triggerMachine));
    case 'afterAny':
      return combined(trigger.afterAny.subtriggers.map(triggerMachine), 'any');
    case 'afterAll':
      return combined(trigger.afterAll.subtriggers.map(triggerMachine), 'all');
    case 'orFinally':
      return orFinally(
        triggerMachine(required(trigger.orFinally.main)),
        triggerMachine(required(trigger.orFinally.finally)),
      );
    case undefined:
      throw new Error('a windowing strategy has no trigger');
  }
}

function required(trigger: Trigger | undefined): Trigger {
  if (trigger === undefined) throw new Error('a trigger lacks its subtrigger');
  return trigger;
}

function leaf(): TriggerState {
  return { children: [] };
}

const ALWAYS: TriggerMachine = {
  start: leaf,
  onElement: (state) => {
    state.value = 1;
  },
  shouldFire: ({ value }) => value === 1,
  onFire: (state) => {
    delete state.value;
  },
  nextMs: () => Infinity,
};

const NEVER: TriggerMachine = {
  start: leaf,
  onElement: () => undefined,
  shouldFire: () => false,
  onFire: () => undefined,
  nextMs: () => Infinity,
};

function elementCount(wanted: number): TriggerMachine {
  return {
    start: leaf,
    onElement: (state) => {
      state.value = (state.value ?? 0) + 1;
    },
    shouldFire: ({ finished, value = 0 }) => finished === undefined && value >= wanted,
    onFire: (state) => {
      state.finished = true;
    },
    nextMs: () => Infinity,
  };
}

/** A delay from the first element of a pane. */
function delay(transforms: readonly TimestampTransform[]): TriggerMachine {
  const dueAt = (nowMs: number): number =>
    transforms.reduce((ms, { timestampTransform: step }) => {
      if (step.oneofKind === 'delay') return ms + Number(step.delay.delayMillis);
      if (step.oneofKind !== 'alignTo')
        throw new Error('a trigger has an unknown transform of time');
      const period = Number(step.alignTo.period);
      const offset = Number(step.alignTo.offset);
      return period === 0 ? ms : Math.ceil((ms - offset) / period) * period + offset;
    }, nowMs);
  return {
    start: leaf,
    onElement: (state, { nowMs }) => {
      state.value ??= dueAt(nowMs);
    },
    shouldFire: ({ finished, value }, { nowMs }) =>
      finished === undefined && value !== undefined && nowMs >= value,
    onFire: (state) => {
      state.finished = true;
    },
    nextMs: ({ finished, value }) => (finished === undefined ? (value ?? Infinity) : Infinity),
  };
}

/** Begins again whenever it is finished. */
function repeat(inner: TriggerMachine): TriggerMachine {
  return {
    start: () => ({ children: [inner.start()] }),
    onElement: ({ children }, at) => {
      inner.onElement(children[0], at);
    },
    shouldFire: ({ children }, at) => inner.shouldFire(children[0], at),
    onFire: ({ children }, at) => {
      inner.onFire(children[0], at);
      if (children[0].finished === true) children[0] = inner.start();
    },
    nextMs: ({ children }, at) => inner.nextMs(children[0], at),
  };
}

function each(steps: readonly TriggerMachine[]): TriggerMachine {
  const current = ({ children }: TriggerState): number =>
    children.findIndex(({ finished }) => finished === undefined);
  return {
    start: () => ({ children: steps.map((step) => step.start()) }),
    onElement: (state, at) => {
      const i = current(state);
      if (i >= 0) steps[i].onElement(state.children[i], at);
    },
    shouldFire: (state, at) => {
      const i = current(state);
      return i >= 0 && steps[i].shouldFire(state.children[i], at);
    },
    onFire: (state, at) => {
      const i = current(state);
      steps[i].onFire(state.children[i], at);
      if (current(state) < 0) state.finished = true;
    },
    nextMs: (state, at) => {
      const i = current(state);
      return i < 0 ? Infinity : steps[i].nextMs(state.children[i], at);
    },
  };
}

function combined(parts: readonly TriggerMachine[], wanted: 'any' | 'all'): TriggerMachine {
  const fires = (state: TriggerState, at: TriggerMoment): boolean =>
    wanted === 'any'
      ? parts.some((part, i) => part.shouldFire(state.children[i], at))
      : parts.every((part, i) => part.shouldFire(state.children[i], at));
  return {
    start: () => ({ children: parts.map((part) => part.start()) }),
    onElement: ({ children }, at) => {
      parts.forEach((part, i) => {
        part.onElement(children[i], at);
      });
    },
    shouldFire: (state, at) => state.finished === undefined && fires(state, at),
    onFire: (state) => {
      state.finished = true;
    },
    nextMs: ({ finished, children }, at) => {
      if (finished === true) return Infinity;
      if (wanted === 'any') {
        return Math.min(...parts.map((part, i) => part.nextMs(children[i], at)));
      }
      // Of those that are not ready yet the last one matters, as far as time decides.
      const times = parts.flatMap((part, i) =>
        part.shouldFire(children[i], at) ? [] : [part.nextMs(children[i], at)],
      );
      return Math.max(...times.filter(Number.isFinite), at.nowMs);
    },
  };
}

function orFinally(main: TriggerMachine, last: TriggerMachine): TriggerMachine {
  return {
    start: () => ({ children: [main.start(), last.start()] }),
    onElement: ({ children }, at) => {
      main.onElement(children[0], at);
      last.onElement(children[1], at);
    },
    shouldFire: ({ finished, children }, at) =>
      finished === undefined &&
      (main.shouldFire(children[0], at) || last.shouldFire(children[1], at)),
    onFire: (state, at) => {
      const { children } = state;
      if (last.shouldFire(children[1], at)) {
        state.finished = true;
        return;
      }
      main.onFire(children[0], at);
      if (children[0].finished === true) state.finished = true;
    },
    nextMs: ({ finished, children }, at) =>
      finished === true
        ? Infinity
        : Math.min(main.nextMs(children[0], at), last.nextMs(children[1], at)),
  };
}

/** At the end of the window once; before and after it as `early` and `late` say, which repeat. */
function endOfWindow(
  early: TriggerMachine | undefined,
  late: TriggerMachine | undefined,
): TriggerMachine {
  return {
    start: () => ({ children: [(early ?? NEVER).start(), (late ?? NEVER).start()] }),
    onElement: (state, at) => {
      if (state.late === true) late?.onElement(state.children[1], at);
      else early?.onElement(state.children[0], at);
    },
    shouldFire: (state, at) => {
      if (state.finished === true) return false;
      if (state.late === true) return late?.shouldFire(state.children[1], at) ?? false;
      return at.ended || (early?.shouldFire(state.children[0], at) ?? false);
    },
    onFire: (state, at) => {
      if (state.late === true) {
        late?.onFire(state.children[1], at);
      } else if (!at.ended) {
        early?.onFire(state.children[0], at);
      } else if (late === undefined) {
        state.finished = true;
      } else {
        state.late = true;
      }
    },
    nextMs: (state, at) => {
      if (state.finished === true) return Infinity;
      if (state.late === true) return late?.nextMs(state.children[1], at) ?? Infinity;
      return early?.nextMs(state.children[0], at) ?? Infinity;
    },
  };
}
