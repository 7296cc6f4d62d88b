import { EXIT } from '../exit-code.js';
import { printError, printFailure } from '../messages.js';
import { durationText } from './quantities.js';

const SIGNALS = ['SIGTERM', 'SIGINT'] as const;
export type TerminationSignal = (typeof SIGNALS)[number];

/** What signals come from: the process, or a stand-in. */
export interface SignalSource {
  on(signal: TerminationSignal, listener: (signal: TerminationSignal) => void): unknown;
  off(signal: TerminationSignal, listener: (signal: TerminationSignal) => void): unknown;
}

export interface TerminationOptions {
  /** The process ends so long after the first signal, whatever is left. */
  readonly limitMs: number;
  /** What is still to do, to be said where it is not done: `3 bundles are not committed`. */
  readonly remaining: () => string;
  readonly signals?: SignalSource;
  readonly exit?: (code: number) => void;
  readonly print?: (message: string) => void;
}

/**
 * Calls `handler` once, at the first SIGTERM or SIGINT. The process ends with 1 at the second
 * signal, where `handler` fails, and where the process is still there after the limit, also if
 * `handler` is done: something may keep it. Returns what takes all that back.
 */
export function onTermination(
  handler: (signal: TerminationSignal) => Promise<void> | void,
  options: TerminationOptions,
): () => void {
  const { limitMs, remaining } = options;
  const signals: SignalSource = options.signals ?? process;
  const exit = options.exit ?? ((code: number) => process.exit(code));
  const print = options.print ?? printError;
  let limit: NodeJS.Timeout | undefined;

  const listener = (signal: TerminationSignal): void => {
    if (limit !== undefined) {
      print(`ended by ${signal}, the second signal: ${remaining()}`);
      exit(EXIT.failed);
      return;
    }
    print(`${signal}: stopping within ${durationText(limitMs)}; a second signal ends it at once`);
    limit = setTimeout(() => {
      print(`not stopped within ${durationText(limitMs)}: ${remaining()}`);
      exit(EXIT.failed);
    }, limitMs);
    const timer = limit;
    void (async () => handler(signal))().then(
      // The limit must not itself keep a process that has nothing left to do.
      () => timer.unref(),
      (error: unknown) => {
        printFailure(error);
        exit(EXIT.failed);
      },
    );
  };
  for (const signal of SIGNALS) signals.on(signal, listener);
  return () => {
    for (const signal of SIGNALS) signals.off(signal, listener);
    clearTimeout(limit);
  };
}
