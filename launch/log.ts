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
