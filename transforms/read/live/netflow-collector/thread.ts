/** The collector's thread: runs it and hands over what it delivers. */
import { parentPort, workerData } from 'node:worker_threads';
import { NetflowCollector, type NetflowCollectorParams } from '../netflow-collector.js';
import type { FromThread, ToThread } from './thread-messages.js';

const { params, checkpoint } = workerData as {
  readonly params: NetflowCollectorParams;
  readonly checkpoint: readonly (readonly [string, string])[];
};
const collector = new NetflowCollector(params);
/** Deliveries that wait for room, in order. */
const waiting: (() => void)[] = [];

parentPort?.on('message', (message: ToThread) => {
  if (message.kind === 'stop') collector.stop();
  else waiting.shift()?.();
});

function say(message: FromThread): void {
  parentPort?.postMessage(message);
}

try {
  await collector.run(
    {
      deliver: (delivery) => {
        say({ kind: 'delivery', delivery });
        return new Promise((resolve) => waiting.push(resolve));
      },
      count: (name, by = 1) => {
        say({ kind: 'count', name, by });
      },
    },
    new Map(checkpoint),
  );
  say({ kind: 'done' });
} catch (error) {
  const { message, cause } = error as Error;
  say({ kind: 'failed', message, cause: cause instanceof Error ? cause.message : undefined });
}
