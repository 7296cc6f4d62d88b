import { constants } from 'node:os';
import type { EventEmitter } from 'node:events';

/** A process, or a stand-in for one. */
interface Signalled extends Pick<EventEmitter, 'on' | 'listenerCount'> {
  exit(code: number): void;
}

/**
 * Ends the process at SIGTERM and SIGINT with 128 + the signal's number, as the kernel would; but
 * not where a command has its own way to end (a job without an end, a worker).
 */
export function endOnSignals(target: Signalled): void {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    target.on(signal, () => {
      if (target.listenerCount(signal) === 1) target.exit(128 + constants.signals[signal]);
    });
  }
}
