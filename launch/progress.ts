import { SingleBar } from 'cli-progress';
import type { Progress } from './run-job.js';

/** Shows how far long work is. Nothing is shown of work that is over soon. */
export interface ProgressDisplay {
  update(progress: Progress): void;
  /** Ends the display; may be called more than once. */
  stop(): void;
}

/** Where progress is shown: standard error, or a stand-in. */
export interface ProgressStream {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

const BAR_AFTER_MS = 500;
const LINE_EVERY_MS = 5000;

/** A bar on a terminal; elsewhere a plain line every five seconds. `clock` gives ms. */
export function createProgress(
  stream: ProgressStream,
  clock: () => number = () => performance.now(),
): ProgressDisplay {
  return stream.isTTY === true ? bar(stream, clock) : lines(stream, clock);
}

function lines(stream: ProgressStream, clock: () => number): ProgressDisplay {
  const started = clock();
  let last = started;
  return {
    update(progress) {
      const now = clock();
      if (now - last < LINE_EVERY_MS) return;
      last = now;
      stream.write(`${progressLine(progress, now - started)}\n`);
    },
    stop() {
      // Nothing is held open.
    },
  };
}

/** `reading: 40 % (12.0 of 30.0 MB), 100,000 records, 5 s` */
export function progressLine(progress: Progress, elapsedMs: number): string {
  const { stage, bytesRead, bytesTotal, records } = progress;
  const size =
    bytesTotal > 0
      ? `${percent(progress)} % (${megabytes(bytesRead)} of ${megabytes(bytesTotal)} MB), `
      : '';
  return `${stage}: ${size}${records.toLocaleString('en-US')} records, ${Math.round(elapsedMs / 1000)} s`;
}

function percent({ bytesRead, bytesTotal }: Progress): number {
  return Math.min(100, Math.floor((100 * bytesRead) / bytesTotal));
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}

function bar(stream: ProgressStream, clock: () => number): ProgressDisplay {
  const started = clock();
  let shown: SingleBar | undefined;
  let stopped = false;
  return {
    update(progress) {
      if (stopped) return;
      const { bytesRead, bytesTotal, records, stage } = progress;
      const payload = { stage, records: records.toLocaleString('en-US') };
      const total = Math.max(1, bytesTotal);
      if (shown === undefined) {
        if (clock() - started < BAR_AFTER_MS) return;
        shown = new SingleBar({
          format: '{stage} [{bar}] {percentage} % | {records} records | {eta_formatted} left',
          stream: stream as NodeJS.WritableStream,
          hideCursor: true,
          clearOnComplete: true,
          stopOnComplete: false,
          // Ctrl-C must reach the process's own handlers.
          gracefulExit: false,
        });
        shown.start(total, Math.min(bytesRead, total), payload);
        return;
      }
      shown.setTotal(total);
      shown.update(Math.min(bytesRead, total), payload);
    },
    stop() {
      stopped = true;
      shown?.stop();
      shown = undefined;
    },
  };
}
