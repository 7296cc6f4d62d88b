import { afterDelay, atEndOfWindow, backingOff, never, repeatedly } from '../beam/triggers.js';
import type { Firing } from '../beam/windows.js';

/** When an unbounded job tells what it has; null = a batch job: once, when all is there. */
export type Timing = StreamTiming | null;

export interface StreamTiming {
  readonly windowMs: number;
  /** How long after its end a window of conversations still takes late records. */
  readonly allowedLatenessMs: number;
  /** From a window's first record to its first early pane. */
  readonly earlyMs: number;
}

/** From a change of a finding to its next revision: what a turn brings comes as one. */
const SETTLE_MS = 500;

/** Groups change when windows of conversations end, all at once. */
const GROUP_SETTLE_MS = 2000;
const FIRST_REGROUP_MS = 10 * 60 * 1000;
const LONGEST_REGROUP_MS = 60 * 60 * 1000;

const MINUTE_MS = 60_000;

/**
 * Windows of conversations: early every so often while records come, on time, late, and a last pane
 * when the window closes, always: history and whatever counts final results waits for it.
 */
export function conversationFiring(timing: Timing): Firing | undefined {
  if (timing === null) return undefined;
  const { earlyMs, allowedLatenessMs } = timing;
  const soon = repeatedly(afterDelay(earlyMs));
  return {
    trigger: atEndOfWindow(soon, soon),
    allowedLatenessMs,
    accumulating: true,
    closing: 'always',
  };
}

/**
 * Windows of findings: whenever something changed. A record that just came through the first windows
 * in time must come through these too: they close later by a window and ten minutes.
 */
export function findingFiring(timing: Timing, delayMs = SETTLE_MS): Firing | undefined {
  if (timing === null) return undefined;
  const soon = repeatedly(afterDelay(delayMs));
  return {
    trigger: atEndOfWindow(soon, soon),
    allowedLatenessMs: secondLateness(timing),
    accumulating: true,
    closing: 'if-nonempty',
  };
}

/**
 * Windows of groups, which cost more to judge; those that are gathered again under a second key cost
 * as much as there are groups each time, and tell of what builds up over hours.
 */
export function groupFiring(timing: Timing, gradual: boolean): Firing | undefined {
  const firing = findingFiring(timing, GROUP_SETTLE_MS);
  if (firing === undefined || !gradual) return firing;
  const early = backingOff(FIRST_REGROUP_MS, LONGEST_REGROUP_MS);
  const late = repeatedly(afterDelay(FIRST_REGROUP_MS));
  return { ...firing, trigger: atEndOfWindow(early, late) };
}

/** Windows that tell once, when nothing can come any more; `later` after those of findings. */
export function finalFiring(timing: Timing, laterMs = 0): Firing | undefined {
  if (timing === null) return undefined;
  return {
    trigger: never(),
    allowedLatenessMs: secondLateness(timing) + laterMs,
    accumulating: true,
    closing: 'if-nonempty',
  };
}

function secondLateness({ windowMs, allowedLatenessMs }: StreamTiming): number {
  return allowedLatenessMs + windowMs + 10 * MINUTE_MS;
}
