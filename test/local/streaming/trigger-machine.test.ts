import '../../../beam/prepare.js';
import 'apache-beam';
import type { TimestampTransform, Trigger } from 'apache-beam/proto/beam_runner_api';
import { expect } from 'chai';
import fc from 'fast-check';
import {
  afterDelay,
  afterEach as inOrder,
  always,
  atEndOfWindow,
  backingOff,
  never,
  repeatedly,
} from '../../../beam/triggers.js';
import {
  triggerMachine,
  type TriggerMachine,
  type TriggerMoment,
  type TriggerState,
} from '../../../launch/local/streaming/trigger-machine.js';

function elements(elementCount: number): Trigger {
  return { trigger: { oneofKind: 'elementCount', elementCount: { elementCount } } };
}

function any(...subtriggers: Trigger[]): Trigger {
  return { trigger: { oneofKind: 'afterAny', afterAny: { subtriggers } } };
}

function all(...subtriggers: Trigger[]): Trigger {
  return { trigger: { oneofKind: 'afterAll', afterAll: { subtriggers } } };
}

function orFinally(main: Trigger, last: Trigger): Trigger {
  return { trigger: { oneofKind: 'orFinally', orFinally: { main, finally: last } } };
}

const DEFAULT: Trigger = { trigger: { oneofKind: 'default', default: {} } };
const SYNCHRONIZED: Trigger = {
  trigger: { oneofKind: 'afterSynchronizedProcessingTime', afterSynchronizedProcessingTime: {} },
};

function delayed(delayMs: number): TimestampTransform {
  return {
    timestampTransform: { oneofKind: 'delay', delay: { delayMillis: BigInt(delayMs) } },
  };
}

function aligned(period: number, offset = 0): TimestampTransform {
  const alignTo = { period: BigInt(period), offset: BigInt(offset) };
  return { timestampTransform: { oneofKind: 'alignTo', alignTo } };
}

function afterTime(...timestampTransforms: TimestampTransform[]): Trigger {
  return {
    trigger: { oneofKind: 'afterProcessingTime', afterProcessingTime: { timestampTransforms } },
  };
}

/** `e` an element, `end` of the window, a number: processing time until then. */
type Step = 'e' | 'end' | number;

/** A trigger with its window, as a runner drives it. */
class Driven {
  readonly #machine: TriggerMachine;
  state: TriggerState;
  at: TriggerMoment = { nowMs: 0, ended: false };

  constructor(trigger: Trigger) {
    this.#machine = triggerMachine(trigger);
    this.state = this.#machine.start();
  }

  /** Whether it fires. */
  step(step: Step): boolean {
    if (step === 'end') this.at = { ...this.at, ended: true };
    else if (step !== 'e') this.at = { ...this.at, nowMs: step };
    else if (!this.finished) this.#machine.onElement(this.state, this.at);
    if (this.finished || !this.shouldFire(this.at)) return false;
    this.#machine.onFire(this.state, this.at);
    return true;
  }

  get finished(): boolean {
    return this.state.finished === true;
  }

  get nextMs(): number {
    return this.#machine.nextMs(this.state, this.at);
  }

  shouldFire(at: TriggerMoment): boolean {
    return this.#machine.shouldFire(this.state, at);
  }

  /** Stores it and takes it up again. */
  wire(): void {
    const text = JSON.stringify(this.state);
    const back = JSON.parse(text) as TriggerState;
    // Nothing that JSON loses: no undefined, no Infinity.
    expect(back).to.deep.equal(this.state);
    this.state = back;
  }
}

interface Case {
  readonly name: string;
  readonly trigger: Trigger;
  readonly steps: readonly Step[];
  /** Numbers of the steps that fire. */
  readonly fires: readonly number[];
  readonly finished?: true;
}

const CASES: readonly Case[] = [
  // elementCount: at least so many, once.
  {
    name: 'count 3',
    trigger: elements(3),
    steps: ['e', 'e', 'e', 'e', 'end'],
    fires: [2],
    finished: true,
  },
  { name: 'count 1', trigger: elements(1), steps: ['e', 'e'], fires: [0], finished: true },
  { name: 'count 3, not reached', trigger: elements(3), steps: ['e', 'e', 'end', 99], fires: [] },
  // repeat: from the beginning after each end.
  {
    name: 'repeat count 2',
    trigger: repeatedly(elements(2)),
    steps: ['e', 'e', 'e', 'e', 'e'],
    fires: [1, 3],
  },
  {
    name: 'repeat of repeat',
    trigger: repeatedly(repeatedly(elements(2))),
    steps: ['e', 'e', 'e', 'e'],
    fires: [1, 3],
  },
  // always, never.
  { name: 'always', trigger: always(), steps: ['e', 'e', 'end', 5, 'e'], fires: [0, 1, 4] },
  { name: 'never', trigger: never(), steps: ['e', 'end', 'e', 1000], fires: [] },
  // afterProcessingTime: from the first element of the pane.
  {
    name: 'delay 10',
    trigger: afterDelay(10),
    steps: [7, 'e', 12, 'e', 16, 17, 'e', 40],
    fires: [5],
    finished: true,
  },
  { name: 'delay 10 without elements', trigger: afterDelay(10), steps: [100, 'end'], fires: [] },
  {
    name: 'repeat delay 10',
    trigger: repeatedly(afterDelay(10)),
    steps: ['e', 5, 'e', 10, 25, 'e', 34, 35],
    fires: [3, 7],
  },
  { name: 'no delay at all', trigger: afterTime(), steps: [3, 'e'], fires: [1], finished: true },
  {
    name: 'delays add up',
    trigger: afterTime(delayed(3), delayed(4)),
    steps: ['e', 6, 7],
    fires: [2],
    finished: true,
  },
  {
    name: 'align to 60',
    trigger: afterTime(aligned(60)),
    steps: [61, 'e', 119, 120],
    fires: [3],
    finished: true,
  },
  {
    name: 'align to 60, on the dot',
    trigger: afterTime(aligned(60)),
    steps: [60, 'e'],
    fires: [1],
    finished: true,
  },
  {
    name: 'align to 60 from 7',
    trigger: afterTime(aligned(60, 7)),
    steps: [8, 'e', 66, 67],
    fires: [3],
    finished: true,
  },
  {
    name: 'align from before the offset',
    trigger: afterTime(aligned(60, 100)),
    steps: [30, 'e', 39, 40],
    fires: [3],
    finished: true,
  },
  {
    name: 'delay, then align',
    trigger: afterTime(delayed(50), aligned(60)),
    steps: [20, 'e', 119, 120],
    fires: [3],
    finished: true,
  },
  {
    name: 'align, then delay',
    trigger: afterTime(aligned(60), delayed(50)),
    steps: [20, 'e', 109, 110],
    fires: [3],
    finished: true,
  },
  {
    name: 'align to nothing',
    trigger: afterTime(aligned(0)),
    steps: [20, 'e'],
    fires: [1],
    finished: true,
  },
  {
    name: 'synchronized',
    trigger: SYNCHRONIZED,
    steps: [20, 'e', 'e'],
    fires: [1],
    finished: true,
  },
  // default: at the end of the window, then with every late element, for ever.
  { name: 'default', trigger: DEFAULT, steps: ['e', 'e', 'end', 9, 'e', 'e'], fires: [2, 4, 5] },
  { name: 'default, first late', trigger: DEFAULT, steps: ['end', 'e', 'e'], fires: [0, 1, 2] },
  // afterEndOfWindow.
  {
    name: 'end of window',
    trigger: atEndOfWindow(undefined, undefined),
    steps: ['e', 5, 'end', 'e'],
    fires: [2],
    finished: true,
  },
  {
    name: 'early firings repeat until the end',
    trigger: atEndOfWindow(elements(2), undefined),
    steps: ['e', 'e', 'e', 'e', 'e', 'end', 'e'],
    fires: [1, 3, 5],
    finished: true,
  },
  {
    name: 'late firings repeat and count what is late only',
    trigger: atEndOfWindow(undefined, elements(2)),
    steps: ['e', 'end', 'e', 'e', 'e', 'e'],
    fires: [1, 3, 5],
  },
  {
    name: 'early and late',
    trigger: atEndOfWindow(afterDelay(10), always()),
    steps: ['e', 10, 'e', 19, 'end', 'e', 30, 'e'],
    fires: [1, 4, 5, 7],
  },
  {
    name: 'what an early delay was about to tell, the end tells',
    trigger: atEndOfWindow(repeatedly(afterDelay(10)), repeatedly(afterDelay(10))),
    steps: ['e', 'end', 10, 'e', 15, 20],
    fires: [1, 5],
  },
  {
    name: 'early that never fires',
    trigger: atEndOfWindow(never(), never()),
    steps: ['e', 'end', 'e'],
    fires: [1],
  },
  {
    name: 'an early trigger that repeats goes on where it was',
    trigger: atEndOfWindow(backingOff(10, 40), undefined),
    steps: ['e', 10, 'e', 20, 30, 'e', 60, 70, 'e', 100, 110],
    fires: [1, 4, 7, 10],
  },
  // afterEach: one after the other.
  {
    name: 'each',
    trigger: inOrder([elements(1), elements(2)]),
    steps: ['e', 'e', 'e', 'e'],
    fires: [0, 2],
    finished: true,
  },
  {
    name: 'each: the second counts from its turn',
    trigger: inOrder([elements(3), elements(1)]),
    steps: ['e', 'e', 'e', 'e'],
    fires: [2, 3],
    finished: true,
  },
  {
    name: 'each with the end of the window',
    trigger: inOrder([atEndOfWindow(elements(1), undefined), elements(2)]),
    steps: ['e', 'end', 'e', 'e'],
    fires: [0, 1, 3],
    finished: true,
  },
  {
    name: 'each: a repeated trigger keeps its turn',
    trigger: inOrder([repeatedly(elements(1)), elements(3)]),
    steps: ['e', 'e', 'e', 'e'],
    fires: [0, 1, 2, 3],
  },
  {
    name: 'each in repeat',
    trigger: repeatedly(inOrder([elements(1), elements(2)])),
    steps: ['e', 'e', 'e', 'e', 'e', 'e'],
    fires: [0, 2, 3, 5],
  },
  // afterAny: once, with the first.
  {
    name: 'any, by count',
    trigger: any(elements(2), afterDelay(10)),
    steps: ['e', 'e', 10],
    fires: [1],
    finished: true,
  },
  {
    name: 'any, by time',
    trigger: any(elements(2), afterDelay(10)),
    steps: ['e', 10, 'e'],
    fires: [1],
    finished: true,
  },
  {
    name: 'any, by the end',
    trigger: any(elements(3), atEndOfWindow(undefined, undefined)),
    steps: ['e', 'end', 'e', 'e'],
    fires: [1],
    finished: true,
  },
  {
    name: 'any in repeat begins again with both',
    trigger: repeatedly(any(elements(2), afterDelay(10))),
    steps: ['e', 5, 'e', 6, 'e', 10, 15, 16],
    fires: [2, 7],
  },
  // afterAll: once, when all are ready.
  {
    name: 'all, count first',
    trigger: all(elements(2), afterDelay(10)),
    steps: ['e', 'e', 9, 10, 'e'],
    fires: [3],
    finished: true,
  },
  {
    name: 'all, time first',
    trigger: all(elements(2), afterDelay(10)),
    steps: ['e', 10, 'e', 'e'],
    fires: [2],
    finished: true,
  },
  {
    name: 'all with the end',
    trigger: all(elements(2), atEndOfWindow(undefined, undefined)),
    steps: ['e', 'end', 'e'],
    fires: [2],
    finished: true,
  },
  {
    name: 'all with never',
    trigger: all(elements(1), never()),
    steps: ['e', 'end', 10],
    fires: [],
  },
  {
    name: 'all in repeat',
    trigger: repeatedly(all(elements(1), elements(2))),
    steps: ['e', 'e', 'e', 'e'],
    fires: [1, 3],
  },
  // orFinally: until the second fires, which counts across firings of the first.
  {
    name: 'orFinally',
    trigger: orFinally(repeatedly(elements(2)), elements(5)),
    steps: ['e', 'e', 'e', 'e', 'e', 'e'],
    fires: [1, 3, 4],
    finished: true,
  },
  {
    name: 'orFinally, both at once',
    trigger: orFinally(repeatedly(elements(2)), elements(4)),
    steps: ['e', 'e', 'e', 'e', 'e'],
    fires: [1, 3],
    finished: true,
  },
  {
    name: 'orFinally, the main one ends first',
    trigger: orFinally(elements(2), elements(5)),
    steps: ['e', 'e', 'e', 'e', 'e'],
    fires: [1],
    finished: true,
  },
  {
    name: 'orFinally by time',
    trigger: orFinally(repeatedly(elements(1)), afterDelay(10)),
    steps: ['e', 'e', 10, 'e'],
    fires: [0, 1, 2],
    finished: true,
  },
  {
    name: 'orFinally the end',
    trigger: orFinally(repeatedly(elements(2)), atEndOfWindow(undefined, undefined)),
    steps: ['e', 'e', 'e', 'end', 'e'],
    fires: [1, 3],
    finished: true,
  },
  {
    name: 'orFinally in repeat',
    trigger: repeatedly(orFinally(repeatedly(elements(2)), elements(3))),
    steps: ['e', 'e', 'e', 'e', 'e', 'e'],
    fires: [1, 2, 4, 5],
  },
];

/** Triggers of all kinds, some levels deep. */
const triggers = fc.letrec<{ trigger: Trigger }>((tie) => ({
  trigger: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    fc.oneof(
      fc.integer({ min: 1, max: 4 }).map(elements),
      fc.constantFrom(0, 3, 10).map(afterDelay),
      fc.constant(afterTime(aligned(10, 3))),
      fc.constantFrom(always(), never(), DEFAULT, SYNCHRONIZED),
    ),
    tie('trigger').map(repeatedly),
    fc.array(tie('trigger'), { minLength: 2, maxLength: 3 }).map(inOrder),
    fc.array(tie('trigger'), { minLength: 2, maxLength: 3 }).map((each) => any(...each)),
    fc.array(tie('trigger'), { minLength: 2, maxLength: 3 }).map((each) => all(...each)),
    fc.tuple(tie('trigger'), tie('trigger')).map(([main, last]) => orFinally(main, last)),
    fc
      .tuple(fc.option(tie('trigger')), fc.option(tie('trigger')))
      .map(([early, late]) => atEndOfWindow(early ?? undefined, late ?? undefined)),
  ),
})).trigger;

/** Times grow; the window ends once. */
const sequences = fc
  .array(fc.oneof(fc.constant('e' as const), fc.constant('end' as const), fc.nat(8)), {
    maxLength: 25,
  })
  .map((steps) => {
    let nowMs = 0;
    return steps.map((step): Step => (typeof step === 'number' ? (nowMs += step) : step));
  });

function firings(trigger: Trigger, steps: readonly Step[], stored = false): boolean[] {
  const driven = new Driven(trigger);
  return steps.map((step) => {
    if (stored) driven.wire();
    return driven.step(step);
  });
}

describe('trigger machine', () => {
  for (const { name, trigger, steps, fires, finished } of CASES) {
    it(name, () => {
      const driven = new Driven(trigger);
      const fired = steps.flatMap((step, i) => {
        driven.wire();
        return driven.step(step) ? [i] : [];
      });
      expect(fired).to.deep.equal(fires);
      expect(driven.finished).to.equal(finished === true);
    });
  }

  it('has a state that is plain JSON at any moment, stored or not', () => {
    fc.assert(
      fc.property(triggers, sequences, (trigger, steps) => {
        expect(firings(trigger, steps, true)).to.deep.equal(firings(trigger, steps));
      }),
      { numRuns: 500 },
    );
  });

  it('names a time that is not after the one at which time alone makes it fire', () => {
    fc.assert(
      fc.property(triggers, sequences, fc.nat(40), (trigger, steps, later) => {
        const driven = new Driven(trigger);
        for (const step of steps) driven.step(step);
        if (driven.finished || driven.shouldFire(driven.at)) return;
        const { nextMs, at } = driven;
        if (driven.shouldFire({ ...at, nowMs: at.nowMs + later })) {
          expect(nextMs).to.be.at.most(at.nowMs + later);
        }
        if (nextMs === Infinity) return;
        expect(nextMs).to.be.at.least(0);
      }),
      { numRuns: 1000 },
    );
  });

  it('fires never again once it is finished, and names no time', () => {
    fc.assert(
      fc.property(triggers, sequences, (trigger, steps) => {
        const driven = new Driven(trigger);
        for (const step of steps) driven.step(step);
        if (!driven.finished) return;
        expect(driven.shouldFire({ nowMs: 1e15, ended: true })).to.equal(false);
        expect(driven.nextMs).to.equal(Infinity);
      }),
      { numRuns: 500 },
    );
  });

  it('knows that triggers in order may be grouped, and that a repeated one has no successor', () => {
    fc.assert(
      fc.property(fc.tuple(triggers, triggers, triggers), sequences, ([a, b, c], steps) => {
        const flat = firings(inOrder([a, b, c]), steps);
        expect(firings(inOrder([inOrder([a, b]), c]), steps)).to.deep.equal(flat);
        expect(firings(inOrder([a, inOrder([b, c])]), steps)).to.deep.equal(flat);
        const alone = firings(repeatedly(a), steps);
        expect(firings(inOrder([repeatedly(a), b]), steps)).to.deep.equal(alone);
      }),
      { numRuns: 300 },
    );
  });

  const broken: readonly (readonly [string, unknown, RegExp])[] = [
    ['none', { oneofKind: undefined }, /no trigger/],
    ['repeat without subtrigger', { oneofKind: 'repeat', repeat: {} }, /lacks its subtrigger/],
    [
      'orFinally without the second',
      { oneofKind: 'orFinally', orFinally: { main: always() } },
      /lacks its subtrigger/,
    ],
  ];
  for (const [name, trigger, message] of broken) {
    it(`refuses ${name}`, () => {
      expect(() => triggerMachine({ trigger } as Trigger)).to.throw(message);
    });
  }

  it('refuses a transform of time that it does not know', () => {
    const unknown = { timestampTransform: { oneofKind: undefined } } as TimestampTransform;
    const driven = new Driven(afterTime(unknown));
    expect(() => driven.step('e')).to.throw(/unknown transform/);
  });
});
