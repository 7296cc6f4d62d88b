import '../../beam/fn.js';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { isIPv6 } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import type { Delivery, Intake } from '../../beam/source.js';
import type { Chunk, InputSpec } from '../../pipeline/chunk.js';
import { netflow } from '../../transforms/decode/netflow.js';
import {
  NetflowCollector,
  type NetflowCollectorParams,
} from '../../transforms/read/live/netflow-collector.js';
import { decodeChunk, Decoded } from '../decode/netflow-datagrams.js';

export const INPUT: InputSpec = {
  name: 'live',
  uri: 'netflow://127.0.0.1:0',
  format: 'netflow',
  sensor: '',
  samplingRate: 0,
  unknownFlags: 'drop',
};

/** A runner that keeps what it gets, and takes it only while it is `open`. */
export class KeptIntake implements Intake {
  readonly deliveries: Delivery[] = [];
  readonly counters = new Map<string, number>();
  readonly checkpoint = new Map<string, string>();
  #gate: Promise<void> | undefined;
  #openGate: (() => void) | undefined;

  async deliver(delivery: Delivery): Promise<void> {
    this.deliveries.push(delivery);
    for (const [key, value] of delivery.checkpoint ?? []) {
      if (value === null) this.checkpoint.delete(key);
      else this.checkpoint.set(key, value);
    }
    await this.#gate;
  }

  count(name: string, by = 1): void {
    this.counters.set(name, this.counted(name) + by);
  }

  counted(name: string): number {
    return this.counters.get(name) ?? 0;
  }

  /** Lets nobody deliver more, until `open`. */
  close(): void {
    this.#gate = new Promise((resolve) => {
      this.#openGate = resolve;
    });
  }

  open(): void {
    this.#gate = undefined;
    this.#openGate?.();
  }

  /** All that came, decoded chunk by chunk, each by a decoder of its own. */
  decoded(): Decoded {
    const into = new Decoded();
    for (const { value } of this.deliveries) {
      const { preamble, bytes } = value as Chunk;
      decodeChunk(netflow.decoder(preamble), bytes, into);
    }
    return into;
  }
}

/** A collector that listens, and who may send to it. */
export class RunningCollector {
  readonly intake = new KeptIntake();
  readonly #collector: NetflowCollector;
  readonly #running: Promise<void>;
  #sent = 0;

  constructor(
    params: Partial<NetflowCollectorParams> = {},
    checkpoint: ReadonlyMap<string, string> = new Map(),
  ) {
    this.#collector = new NetflowCollector({ input: INPUT, host: '127.0.0.1', port: 0, ...params });
    this.#running = this.#collector.run(this.intake, checkpoint);
    this.#running.catch(() => undefined);
  }

  async port(): Promise<number> {
    return (await this.#collector.address).port;
  }

  /** Sends from a new socket at `from`, and waits until all of it has been taken. */
  async send(datagrams: readonly Uint8Array[], from = '127.0.0.1'): Promise<void> {
    const socket = createSocket(isIPv6(from) ? 'udp6' : 'udp4');
    try {
      socket.bind({ address: from, port: 0 });
      await once(socket, 'listening');
      const port = await this.port();
      let unread = 0;
      for (const datagram of datagrams) {
        // No more at once than the smallest receive buffer holds.
        if (unread + datagram.length > 65_536) {
          await this.#allTaken();
          unread = 0;
        }
        unread += datagram.length + 512;
        await new Promise<void>((resolve, reject) => {
          socket.send(datagram, port, isIPv6(from) ? '::1' : '127.0.0.1', (error) => {
            if (error === null) resolve();
            else reject(error);
          });
        });
        this.#sent++;
      }
      await this.#allTaken();
    } finally {
      socket.close();
    }
  }

  /** Sends without waiting for anything. */
  async sendAtOnce(datagrams: readonly Uint8Array[]): Promise<void> {
    const socket = createSocket('udp4');
    socket.connect(await this.port(), '127.0.0.1');
    await once(socket, 'connect');
    await Promise.all(
      datagrams.map(
        (datagram) =>
          new Promise<void>((resolve) => {
            socket.send(datagram, () => {
              resolve();
            });
          }),
      ),
    );
    socket.close();
  }

  async #allTaken(): Promise<void> {
    await until(() => this.intake.counted('datagrams/udp') === this.#sent);
  }

  /** Stops it, and waits for its end. */
  async stop(): Promise<void> {
    this.#collector.stop();
    await this.#running;
  }
}

/** Waits until `done`; the test's own time-out ends it. */
export async function until(done: () => boolean): Promise<void> {
  while (!done()) await wait(2);
}

/** A UDP port of this machine that nobody listened at a moment ago. */
export async function freeUdpPort(): Promise<number> {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  socket.close();
  await once(socket, 'close');
  return port;
}
