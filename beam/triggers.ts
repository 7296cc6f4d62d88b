/** Triggers as the model's proto has them; the SDK offers no way to write one. */
import './prepare.js';
import 'apache-beam';
import type { Trigger } from 'apache-beam/proto/beam_runner_api';

/** Fires `delayMs` of processing time after the first element of a pane, once. */
export function afterDelay(delayMs: number): Trigger {
  const delay = { delayMillis: BigInt(delayMs) };
  return {
    trigger: {
      oneofKind: 'afterProcessingTime',
      afterProcessingTime: {
        timestampTransforms: [{ timestampTransform: { oneofKind: 'delay', delay } }],
      },
    },
  };
}

/** One after the other, each until it is finished. */
export function afterEach(subtriggers: Trigger[]): Trigger {
  return { trigger: { oneofKind: 'afterEach', afterEach: { subtriggers } } };
}

export function repeatedly(subtrigger: Trigger): Trigger {
  return { trigger: { oneofKind: 'repeat', repeat: { subtrigger } } };
}

/** At the end of the window, and before and after it as the others say. Without `late`, never after it. */
export function atEndOfWindow(early: Trigger | undefined, late: Trigger | undefined): Trigger {
  return {
    trigger: {
      oneofKind: 'afterEndOfWindow',
      afterEndOfWindow: {
        ...(early === undefined ? {} : { earlyFirings: early }),
        ...(late === undefined ? {} : { lateFirings: late }),
      },
    },
  };
}

/** With each element. */
export function always(): Trigger {
  return { trigger: { oneofKind: 'always', always: {} } };
}

/** Not before the window closes. */
export function never(): Trigger {
  return { trigger: { oneofKind: 'never', never: {} } };
}

/** Delays that double from `firstMs` to at most `longestMs`, which repeats. */
export function backingOff(firstMs: number, longestMs: number): Trigger {
  const steps: Trigger[] = [];
  let delayMs = firstMs;
  for (; delayMs < longestMs; delayMs *= 2) steps.push(afterDelay(delayMs));
  return afterEach([...steps, repeatedly(afterDelay(Math.max(longestMs, firstMs)))]);
}
