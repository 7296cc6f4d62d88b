import type {
  PullResponse,
  PullStream,
  ReceivedMessage,
  Subscriber,
} from '../../transforms/read/live/pubsub/subscriber.js';

/** What one pull does: gives responses, then ends, fails, or (`open`) goes on until it is cancelled. */
export interface Script {
  readonly responses?: readonly PullResponse[];
  readonly end: 'open' | 'ended' | Error;
}

/** A service that does what a script says, and records what is asked of it. */
export class ScriptedSubscriber implements Subscriber {
  readonly acknowledged: string[] = [];
  readonly givenBack: string[] = [];
  readonly extended: string[] = [];
  readonly requests: number[] = [];
  pulls = 0;
  closed = false;
  /** Thrown for each acknowledgement. */
  failure: Error | undefined;
  readonly #scripts: readonly Script[];

  /** Each pull takes the next script; the last is for all further ones. */
  constructor(scripts: readonly Script[]) {
    this.#scripts = scripts;
  }

  pull(): PullStream {
    const script = this.#scripts[Math.min(this.pulls++, this.#scripts.length - 1)];
    let cancel: (error: Error) => void = () => undefined;
    const cancelled = new Promise<never>((_resolve, reject) => {
      cancel = reject;
    });
    cancelled.catch(() => undefined);
    return {
      async *[Symbol.asyncIterator](): AsyncGenerator<PullResponse, undefined> {
        yield* script.responses ?? [];
        if (script.end === 'open') await cancelled;
        if (script.end instanceof Error) throw script.end;
      },
      keepAlive: () => undefined,
      cancel: () => {
        cancel(grpcError(1, 'cancelled'));
      },
    };
  }

  acknowledge(ackIds: readonly string[]): Promise<void> {
    this.requests.push(ackIds.length);
    if (this.failure !== undefined) return Promise.reject(this.failure);
    this.acknowledged.push(...ackIds);
    return Promise.resolve();
  }

  modifyAckDeadline(ackIds: readonly string[], seconds: number): Promise<void> {
    (seconds === 0 ? this.givenBack : this.extended).push(...ackIds);
    return Promise.resolve();
  }

  close(): Promise<void> {
    this.closed = true;
    return Promise.resolve();
  }
}

/** An error as the library throws it. */
export function grpcError(code: number, message: string): Error {
  return Object.assign(new Error(message), { code });
}

export function received(
  ackId: string,
  attributes: Readonly<Record<string, string>> = {},
): ReceivedMessage {
  const publishTime = { seconds: '1700000000', nanos: 500_000_000 };
  const data = Buffer.from(ackId);
  const message = { data, attributes, messageId: `m-${ackId}`, publishTime, orderingKey: '' };
  return { ackId, message };
}
