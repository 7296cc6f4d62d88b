import { pino, type Logger } from 'pino';

const LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'];

/** Level of structured logs; `warn` unless FLOWSIEVE_LOG_LEVEL names another. */
export function logLevel(environment: Readonly<Record<string, string | undefined>>): string {
  const level = environment['FLOWSIEVE_LOG_LEVEL'];
  return level !== undefined && LEVELS.includes(level) ? level : 'warn';
}

/** A logger of JSON lines on standard error; standard output is for data. */
export function createLogger(name: string): Logger {
  // Synchronous: what is logged before a crash must be seen after it.
  return pino({ name, level: logLevel(process.env) }, pino.destination({ dest: 2, sync: true }));
}

export interface BurstLimit {
  /** Lines of one event that are written in `perMs`. */
  readonly lines: number;
  readonly perMs: number;
}

type BurstLevel = 'error' | 'warn' | 'info' | 'debug';

/** How often one event was logged. */
interface Burst {
  level: BurstLevel;
  startMs: number;
  written: number;
  /** Not written since the last line. */
  suppressed: number;
}

const FIVE_A_MINUTE: BurstLimit = { lines: 5, perMs: 60_000 };

/** Events that are told apart; they are named in code, so that there are few. */
const MAX_EVENTS = 1000;

/**
 * A logger for what a network can cause as often as it likes: of each event, a short constant name,
 * the first lines of a period are written, the rest is counted. The next line of the event says how
 * many there were (`suppressed`); `flush` says it where none follows.
 */
export class BurstLog {
  readonly #logger: Logger;
  readonly #limit: BurstLimit;
  readonly #clock: () => number;
  readonly #bursts = new Map<string, Burst>();

  /** `clock` gives ms and may begin anywhere. */
  constructor(
    logger: Logger,
    limit: BurstLimit = FIVE_A_MINUTE,
    clock: () => number = () => performance.now(),
  ) {
    this.#logger = logger;
    this.#limit = limit;
    this.#clock = clock;
  }

  error(event: string, fields: object, message: string): void {
    this.#write('error', event, fields, message);
  }

  warn(event: string, fields: object, message: string): void {
    this.#write('warn', event, fields, message);
  }

  info(event: string, fields: object, message: string): void {
    this.#write('info', event, fields, message);
  }

  debug(event: string, fields: object, message: string): void {
    this.#write('debug', event, fields, message);
  }

  /**
   * Writes how many lines were left out of events whose period is over; with `all` (at the end) of
   * every event. To be called now and then.
   */
  flush({ all = false }: { readonly all?: boolean } = {}): void {
    const now = this.#clock();
    for (const [event, burst] of this.#bursts) {
      if (!all && !this.#isOver(burst, now)) continue;
      this.#bursts.delete(event);
      const { level, suppressed } = burst;
      if (suppressed > 0) this.#logger[level]({ event, suppressed }, 'more of the same');
    }
  }

  #write(level: BurstLevel, event: string, fields: object, message: string): void {
    if (!this.#logger.isLevelEnabled(level)) return;
    const burst = this.#burst(level, event);
    if (burst.written >= this.#limit.lines) {
      burst.suppressed++;
      return;
    }
    const { suppressed } = burst;
    burst.written++;
    burst.suppressed = 0;
    this.#logger[level]({ ...fields, event, ...(suppressed > 0 ? { suppressed } : {}) }, message);
  }

  #burst(level: BurstLevel, event: string): Burst {
    const now = this.#clock();
    let burst = this.#bursts.get(event);
    if (burst === undefined) {
      if (this.#bursts.size >= MAX_EVENTS) this.flush({ all: true });
      burst = { level, startMs: now, written: 0, suppressed: 0 };
      this.#bursts.set(event, burst);
    } else if (this.#isOver(burst, now)) {
      burst.startMs = now;
      burst.written = 0;
    }
    burst.level = level;
    return burst;
  }

  /** A clock that was set back must not silence an event for as long as it was set back. */
  #isOver({ startMs }: Burst, now: number): boolean {
    return now - startMs >= this.#limit.perMs || now < startMs;
  }
}
