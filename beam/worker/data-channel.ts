/**
 * Elements to and from an engine.
 *
 * Fault: the SDK handles the chunks of one bundle concurrently; `isLast` closes the bundle while a
 * chunk still waits, so that 52,093 of 200,000 elements arrived and the job was DONE. Fault: what
 * it keeps for a bundle it never frees. Repair: a queue for each (bundle, transform), handled in
 * order and freed with the bundle; while much of it waits, nothing more is read.
 *
 * Writing never waits: the Java engines take data off a queue of 100 messages only after the
 * bundle's response, so that whoever waits there for room waits for ever.
 */
import type { IDataChannel } from 'apache-beam/worker/data';
import { Elements } from 'apache-beam/proto/beam_fn_api';
import type { Duplex, Method, RpcClient } from './rpc.js';

const DATA: Method<Elements, Elements> = {
  path: '/org.apache.beam.model.fn_execution.v1.BeamFnData/Data',
  request: Elements,
  response: Elements,
};

/** Bytes that may wait for bundles which are running before reading stops for a while. */
const MAX_WAITING = 64 << 20;

/** Bundles that ended and may still be sent data, as those that failed; the latest are remembered. */
const REMEMBERED = 1000;

type Chunk = Elements['data'][number];

/** The chunks of one (bundle, transform), in their order. */
class ChunkQueue {
  readonly #chunks: Chunk[] = [];
  readonly #taken: (bytes: number) => void;
  #consumer: IDataChannel | undefined;
  #waiting = 0;
  #busy = false;
  #failed = false;

  /** `taken` is told of bytes that began (positive) and ceased (negative) to wait for a consumer. */
  constructor(taken: (bytes: number) => void) {
    this.#taken = taken;
  }

  put(chunk: Chunk): void {
    if (this.#failed) return;
    this.#chunks.push(chunk);
    this.#add(chunk.data.length);
    void this.#drain();
  }

  consume(consumer: IDataChannel): void {
    this.#consumer = consumer;
    this.#taken(this.#waiting);
    void this.#drain();
  }

  /** Lets go of what waits: nobody is to take it. */
  discard(): void {
    this.#failed = true;
    this.#chunks.length = 0;
    this.#add(-this.#waiting);
  }

  #add(bytes: number): void {
    this.#waiting += bytes;
    if (this.#consumer !== undefined) this.#taken(bytes);
  }

  async #drain(): Promise<void> {
    const consumer = this.#consumer;
    if (consumer === undefined || this.#busy) return;
    this.#busy = true;
    for (let chunk = this.#chunks.shift(); chunk !== undefined; chunk = this.#chunks.shift()) {
      try {
        if (chunk.data.length > 0) await consumer.sendData(chunk.data);
        if (chunk.isLast) consumer.close();
      } catch (error) {
        consumer.onError(error);
        this.discard();
      }
      if (!this.#failed) this.#add(-chunk.data.length);
    }
    this.#busy = false;
  }
}

/** One stream of elements, shared by all bundles of a worker. */
export class OrderedDataChannel {
  readonly #stream: Duplex<Elements, Elements>;
  readonly #queues = new Map<string, Map<string, ChunkQueue>>();
  readonly #ended = new Set<string>();
  #waiting = 0;

  /** `failed` is called when the stream breaks or ends before `close`. */
  constructor(client: RpcClient, failed: (error: Error) => void) {
    this.#stream = client.duplex(DATA);
    this.#stream.on('data', (elements: Elements) => {
      if (elements.timers.length > 0) failed(new Error('timers were sent, none was asked for'));
      for (const chunk of elements.data) this.#put(chunk);
    });
    this.#stream.on('error', failed);
    this.#stream.on('end', () => failed(new Error('the data stream has ended')));
  }

  /** As the SDK's source operator calls it, when its bundle starts. */
  registerConsumer(bundle: string, transform: string, consumer: IDataChannel): Promise<void> {
    this.#queue(bundle, transform).consume(consumer);
    return Promise.resolve();
  }

  /** As the SDK's source operator calls it, when it has all. */
  unregisterConsumer(bundle: string, transform: string): void {
    this.#queues.get(bundle)?.get(transform)?.discard();
    this.#queues.get(bundle)?.delete(transform);
  }

  /** Frees all of a bundle that ended, well or not, and drops what still comes for it. */
  endBundle(bundle: string): void {
    for (const queue of this.#queues.get(bundle)?.values() ?? []) queue.discard();
    this.#queues.delete(bundle);
    this.#ended.add(bundle);
    if (this.#ended.size > REMEMBERED) {
      const [oldest] = this.#ended;
      this.#ended.delete(oldest);
    }
  }

  /** As the SDK's sink operator calls it. */
  getSendChannel(instructionId: string, transformId: string): IDataChannel {
    const send = (data: Uint8Array, isLast: boolean): void => {
      this.#stream.write({ data: [{ instructionId, transformId, data, isLast }], timers: [] });
    };
    return {
      sendData(data): Promise<void> {
        send(data, false);
        return Promise.resolve();
      },
      sendTimers(): Promise<void> {
        throw new Error('timers are not supported');
      },
      close(): void {
        send(new Uint8Array(), true);
      },
      onError(error): void {
        throw error;
      },
    };
  }

  close(): void {
    this.#stream.end();
  }

  #put(chunk: Chunk): void {
    if (this.#ended.has(chunk.instructionId)) return;
    this.#queue(chunk.instructionId, chunk.transformId).put(chunk);
  }

  #queue(bundle: string, transform: string): ChunkQueue {
    let queues = this.#queues.get(bundle);
    if (queues === undefined) {
      queues = new Map<string, ChunkQueue>();
      this.#queues.set(bundle, queues);
    }
    let queue = queues.get(transform);
    if (queue === undefined) {
      queue = new ChunkQueue((bytes) => this.#wait(bytes));
      queues.set(transform, queue);
    }
    return queue;
  }

  /**
   * Counts only what has a consumer, which goes on taking: data may come before the instruction
   * that starts its bundle, and that must not stop the bundles which are running.
   */
  #wait(bytes: number): void {
    this.#waiting += bytes;
    if (this.#waiting > MAX_WAITING) this.#stream.pause();
    else if (this.#stream.isPaused()) this.#stream.resume();
  }
}
