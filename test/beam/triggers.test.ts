import { Trigger } from 'apache-beam/proto/beam_runner_api';
import { expect } from 'chai';
import {
  afterDelay,
  afterEach as inOrder,
  always,
  atEndOfWindow,
  backingOff,
  never,
  repeatedly,
} from '../../beam/triggers.js';

/** Through the wire format, which knows fields by number: a misspelt one does not come back. */
function wired(trigger: Trigger): Trigger {
  return Trigger.fromBinary(Trigger.toBinary(trigger));
}

/** The delays of triggers in order, ms; a repeated one in brackets. */
function delaysOf(trigger: Trigger): (number | [number])[] {
  const of = ({ trigger: kind }: Trigger): number | [number] => {
    if (kind.oneofKind === 'repeat') {
      const { subtrigger } = kind.repeat;
      if (subtrigger === undefined) throw new Error('nothing repeats');
      return [of(subtrigger) as number];
    }
    if (kind.oneofKind !== 'afterProcessingTime') throw new Error(`${kind.oneofKind} is no delay`);
    const [{ timestampTransform: step }] = kind.afterProcessingTime.timestampTransforms;
    if (step.oneofKind !== 'delay') throw new Error('no delay');
    return Number(step.delay.delayMillis);
  };
  if (trigger.trigger.oneofKind !== 'afterEach') throw new Error('not in order');
  return trigger.trigger.afterEach.subtriggers.map(of);
}

describe('triggers', () => {
  const all = [
    ['afterDelay', afterDelay(1500)],
    ['afterEach', inOrder([afterDelay(1), always()])],
    ['repeatedly', repeatedly(afterDelay(3))],
    ['atEndOfWindow', atEndOfWindow(undefined, undefined)],
    ['atEndOfWindow with both', atEndOfWindow(afterDelay(1), always())],
    ['atEndOfWindow with late', atEndOfWindow(undefined, never())],
    ['always', always()],
    ['never', never()],
    ['backingOff', backingOff(1000, 8000)],
  ] as const;
  for (const [name, trigger] of all) {
    it(`${name} is what the model's proto has`, () => {
      expect(wired(trigger)).to.deep.equal(trigger);
    });
  }

  const delays = [
    [5000, 160_000, [5000, 10_000, 20_000, 40_000, 80_000, [160_000]]],
    [5000, 12_000, [5000, 10_000, [12_000]]],
    [5000, 5000, [[5000]]],
    [300_000, 160_000, [[300_000]]],
  ] as const;
  for (const [firstMs, longestMs, expected] of delays) {
    it(`back off from ${firstMs} ms to ${longestMs} ms`, () => {
      expect(delaysOf(backingOff(firstMs, longestMs))).to.deep.equal(expected);
    });
  }
});
