/**
 * What a worker has to say, to the engine's logging channel.
 *
 * Fault: the SDK's pump for logs never ends, so that neither does its worker; its stream has no
 * handler of errors, so that an engine which ends before its worker crashes it; and it takes each
 * chunk of standard output for a line. Repair: a logger of our own, that can be flushed and closed,
 * and that goes to standard error where there is no channel.
 */
import '../prepare.js';
import 'apache-beam';
import { LogEntry, LogEntry_List, LogControl } from 'apache-beam/proto/beam_fn_api';
import { loggingLocalStorage } from 'apache-beam/worker/logging';
import { RpcClient, type Duplex, type Method } from './rpc.js';

const LOGGING: Method<LogEntry_List, LogControl> = {
  path: '/org.apache.beam.model.fn_execution.v1.BeamFnLogging/Logging',
  request: LogEntry_List,
  response: LogControl,
};

/** Levels of the model, by their names here. */
export const SEVERITY = {
  trace: 1,
  debug: 2,
  info: 3,
  notice: 4,
  warn: 5,
  error: 6,
  critical: 7,
} as const;

export type Severity = keyof typeof SEVERITY;

/** Messages are cut there: an engine may keep all of them. */
const MAX_MESSAGE = 64 << 10;

/** How long `close` waits for the engine to take what was written. */
const CLOSE_MS = 2000;

/** A worker's log. Until `connect`, and after the channel broke, it writes to standard error. */
export class WorkerLog {
  readonly #name: string;
  #client: RpcClient | undefined;
  #stream: Duplex<LogEntry_List, LogControl> | undefined;

  constructor(name: string) {
    this.#name = name;
  }

  /** `endpoint` is HOST:PORT. */
  connect(endpoint: string, workerId: string): void {
    const client = new RpcClient(endpoint, workerId);
    const stream = client.duplex(LOGGING);
    const lost = (): void => {
      if (this.#stream === stream) this.#stream = undefined;
    };
    // The engine may say which levels it wants; there are few lines, and it filters them too.
    stream.on('data', () => undefined);
    stream.on('error', lost);
    stream.on('end', lost);
    this.#client = client;
    this.#stream = stream;
  }

  write(severity: Severity, text: string): void {
    const message = text.length > MAX_MESSAGE ? `${text.slice(0, MAX_MESSAGE)} ...` : text;
    if (this.#stream === undefined) {
      process.stderr.write(`flowsieve ${this.#name}: ${severity}: ${message}\n`);
      return;
    }
    const now = Date.now();
    const stage = loggingLocalStorage.getStore() as
      { readonly instructionId?: string; readonly transformId?: string } | undefined;
    const entry = LogEntry.create({
      severity: SEVERITY[severity] as never,
      message,
      timestamp: { seconds: BigInt(Math.floor(now / 1000)), nanos: (now % 1000) * 1_000_000 },
      instructionId: stage?.instructionId ?? '',
      transformId: stage?.transformId ?? '',
      logLocation: this.#name,
    });
    this.#stream.write({ logEntries: [entry] });
  }

  /** Has what libraries print go here as well, each call a message of its level. */
  captureConsole(): void {
    const levels = { error: 'error', warn: 'warn', info: 'info', log: 'info', debug: 'debug' };
    for (const [method, severity] of Object.entries(levels)) {
      (console as unknown as Record<string, unknown>)[method] = (...args: unknown[]): void => {
        // As prepare.ts, which this overrides: the SDK tells of every bundle.
        if (args[0] !== 'Processing ') {
          this.write(severity as Severity, args.map(String).join(' '));
        }
      };
    }
  }

  /** Resolves when the engine has all, or does not take it. */
  async close(): Promise<void> {
    const stream = this.#stream;
    this.#stream = undefined;
    if (stream !== undefined) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, CLOSE_MS);
        const done = (): void => {
          clearTimeout(timer);
          resolve();
        };
        stream.once('end', done);
        stream.once('error', done);
        stream.end();
      });
    }
    this.#client?.close();
  }
}
