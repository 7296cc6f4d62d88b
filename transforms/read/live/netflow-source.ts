import { Worker } from 'node:worker_threads';
import { registerSource, type Intake, type LiveSource } from '../../../beam/source.js';
import type { NetflowCollectorParams } from './netflow-collector.js';
import type { FromThread, ToThread } from './netflow-collector/thread-messages.js';

/** Name of the source in the graph. */
export const NETFLOW_SOURCE = 'flowsieve/netflow';

registerSource<NetflowCollectorParams>(NETFLOW_SOURCE, (params) => new NetflowThread(params));

/**
 * A collector in a thread of its own: UDP does not wait, and while a window is judged the job's
 * thread would leave datagrams to a kernel that keeps some hundred kilobytes of them.
 */
class NetflowThread implements LiveSource {
  readonly #params: NetflowCollectorParams;
  #thread: Worker | undefined;
  #stopped = false;

  constructor(params: NetflowCollectorParams) {
    this.#params = params;
  }

  async run(intake: Intake, checkpoint: ReadonlyMap<string, string>): Promise<void> {
    if (this.#stopped) return;
    const thread = new Worker(new URL('./netflow-collector/thread.js', import.meta.url), {
      workerData: { params: this.#params, checkpoint: [...checkpoint] },
    });
    this.#thread = thread;
    try {
      await new Promise<void>((resolve, reject) => {
        thread.on('message', (message: FromThread) => {
          if (message.kind === 'delivery') {
            intake.deliver(message.delivery).then(() => this.#say({ kind: 'room' }), reject);
          } else if (message.kind === 'count') {
            intake.count(message.name, message.by);
          } else if (message.kind === 'done') {
            resolve();
          } else {
            const { message: text, cause } = message;
            reject(new Error(text, cause === undefined ? {} : { cause: new Error(cause) }));
          }
        });
        thread.once('error', reject);
        thread.once('exit', (code) => reject(new Error(`the collector's thread ended (${code})`)));
      });
    } finally {
      this.#thread = undefined;
      thread.removeAllListeners('exit');
      await thread.terminate();
    }
  }

  stop(): void {
    this.#stopped = true;
    this.#say({ kind: 'stop' });
  }

  #say(message: ToThread): void {
    this.#thread?.postMessage(message);
  }
}
