/**
 * Early and late firings as engines understand them.
 *
 * Fault: in a trigger at the end of a window, Java takes only triggers that fire once as early and
 * late firings, and repeats them; so do the SDKs that write such triggers. Others end in a
 * ClassCastException, `Repeatedly cannot be cast to OnceTrigger`. Our graph says each repetition, and
 * has delays that grow.
 * Repair: before a graph is submitted, repetitions are taken off, and of triggers that come one after
 * the other the first is repeated.
 */
import './prepare.js';
import 'apache-beam';
import type { Pipeline, Trigger } from 'apache-beam/proto/beam_runner_api';

/** Rewrites the triggers of all windowing strategies of `pipeline`. */
export function fireOnce({ components }: Pipeline): void {
  for (const { trigger } of Object.values(components?.windowingStrategies ?? {})) {
    if (trigger?.trigger.oneofKind !== 'afterEndOfWindow') continue;
    const { afterEndOfWindow } = trigger.trigger;
    const { earlyFirings, lateFirings } = afterEndOfWindow;
    if (earlyFirings !== undefined) afterEndOfWindow.earlyFirings = onceOf(earlyFirings);
    if (lateFirings !== undefined) afterEndOfWindow.lateFirings = onceOf(lateFirings);
  }
}

function onceOf(trigger: Trigger): Trigger {
  const { trigger: kind } = trigger;
  if (kind.oneofKind === 'repeat' && kind.repeat.subtrigger !== undefined) {
    return onceOf(kind.repeat.subtrigger);
  }
  if (kind.oneofKind === 'afterEach') {
    const [first] = kind.afterEach.subtriggers;
    return onceOf(first);
  }
  return trigger;
}
