import { createSocket, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import type { Intake, LiveSource } from '../../../beam/source.js';
import { addressOf, formatAddress4, formatAddress6 } from '../../../pipeline/address.js';
import type { InputSpec } from '../../../pipeline/chunk.js';
import { ExporterState, parseExporterState } from '../../decode/netflow/exporter-state.js';
import { DatagramReader } from './netflow-collector/datagram-reader.js';
import { ExporterIntake, type CollectedChunk } from './netflow-collector/exporter-intake.js';
import { kernelDrops, type BoundAddress } from './netflow-collector/kernel-drops.js';
import { WaitingSets } from './netflow-collector/waiting-sets.js';

export interface NetflowCollectorParams {
  readonly input: InputSpec;
  /** Address to listen at; IPv6 where it is one. */
  readonly host: string;
  /** 0 = any that is free. */
  readonly port: number;
  /** Bytes that the kernel is asked to keep for us; it may give less (net.core.rmem_max). */
  readonly receiveBuffer?: number;
  /** Bytes that may wait here for room in the job. */
  readonly backlog?: number;
}

/** A second of a busy exporter's datagrams, about. */
const RECEIVE_BUFFER = 16 * 1024 * 1024;
/** Enough rows to make a batch worth its cost, and little to wait for. */
const CHUNK_BYTES = 64 * 1024;
const CHUNK_MS = 50;
/** Some seconds of many exporters. */
const BACKLOG = 64 * 1024 * 1024;
/** Exporters repeat their templates each few minutes, at most each 30. */
const MAX_WAITING_BYTES = 32 * 1024 * 1024;
const MAX_WAITING_MS = 30 * 60 * 1000;
/** Anybody can send from any address. */
const MAX_EXPORTERS = 4096;
const WATCH_MS = 1000;

/** Names of checkpoint entries: this and the exporter's address. */
const CHECKPOINT = 'exporter/';

/**
 * Collects NetFlow v5 and v9, IPFIX and sFlow v5 over UDP; delivers chunks of the format `netflow`,
 * of one exporter each.
 *
 * An exporter is a source address: two behind one address need domains of their own. What it told of
 * its templates and sampling is checkpointed with the chunks, so that a restart knows it.
 * UDP does not wait: what there is no room for is dropped and counted. Counters: `datagrams/udp`;
 * `dropped/udp/backlog` (datagrams that came while the backlog was full), `dropped/udp/kernel`
 * (datagrams; its receive buffer was full), `dropped/udp/no-template` (data sets whose template did
 * not come within 30 min, or that 32 MiB of others pushed out); `lost/udp/sequence` (what the
 * exporter's sequence numbers miss: flows in v5, packets in v9, records in IPFIX, datagrams in
 * sFlow); `evicted/udp/exporters` and `evicted/udp/templates` (more than are remembered).
 */
export class NetflowCollector implements LiveSource {
  /** Where it is bound, once it is; rejects where it cannot be. */
  readonly address: Promise<BoundAddress>;
  readonly #params: NetflowCollectorParams;
  readonly #reader = new DatagramReader();
  /** By address; who was heard last is last. */
  readonly #exporters = new Map<string, ExporterIntake>();
  /** Addresses whose checkpoints are to be deleted. */
  readonly #forgotten = new Set<string>();
  readonly #waiting = new WaitingSets(MAX_WAITING_BYTES, MAX_WAITING_MS);
  readonly #queue: (CollectedChunk & { readonly exporter: ExporterIntake })[] = [];
  #queuedFrom = 0;
  #backlogBytes = 0;
  #pumping: Promise<void> | undefined;
  #flushTimer: NodeJS.Timeout | undefined;
  #intake: Intake | undefined;
  #socket: Socket | undefined;
  #bound: BoundAddress | undefined;
  #kernelDrops = 0;
  #stopped = false;
  #bind!: { resolve: (address: BoundAddress) => void; reject: (error: Error) => void };
  #finish!: { resolve: () => void; reject: (error: Error) => void };
  readonly #finished: Promise<void>;

  constructor(params: NetflowCollectorParams) {
    this.#params = params;
    this.address = new Promise((resolve, reject) => {
      this.#bind = { resolve, reject };
    });
    this.#finished = new Promise((resolve, reject) => {
      this.#finish = { resolve, reject };
    });
    // Whoever does not ask for them hears of it by `run`.
    this.address.catch(() => undefined);
    this.#finished.catch(() => undefined);
  }

  async run(intake: Intake, checkpoint: ReadonlyMap<string, string>): Promise<void> {
    this.#intake = intake;
    this.#restore(checkpoint, intake);
    if (this.#stopped) return;
    const watch = setInterval(() => void this.#watch(), WATCH_MS);
    try {
      this.#listen();
      await this.#finished;
      await this.#watch();
      this.#closeSocket();
      this.#dropped('no-template', this.#waiting.expire(Infinity));
      clearTimeout(this.#flushTimer);
      this.#flush();
      await this.#pumping;
    } finally {
      clearInterval(watch);
      clearTimeout(this.#flushTimer);
      this.#closeSocket();
    }
  }

  stop(): void {
    this.#stopped = true;
    this.#socket?.removeAllListeners('message');
    this.#finish.resolve();
    this.#bind.reject(new Error('stopped before it listened'));
  }

  #listen(): void {
    const { host, port, receiveBuffer = RECEIVE_BUFFER } = this.#params;
    const socket = createSocket({ type: isIPv6(host) ? 'udp6' : 'udp4' });
    this.#socket = socket;
    socket.on('error', (error) => {
      this.#bind.reject(error);
      this.#finish.reject(new Error(`cannot listen at ${host} port ${port}`, { cause: error }));
    });
    socket.on('message', (datagram, { address }) => {
      this.#take(datagram, address);
    });
    socket.bind({ address: host, port }, () => {
      try {
        socket.setRecvBufferSize(receiveBuffer);
      } catch {
        // What the system gives by itself will do; what it drops is counted.
      }
      this.#bound = socket.address();
      this.#bind.resolve(this.#bound);
    });
  }

  #closeSocket(): void {
    this.#socket?.close();
    this.#socket = undefined;
  }

  #restore(checkpoint: ReadonlyMap<string, string>, intake: Intake): void {
    for (const [key, text] of checkpoint) {
      if (!key.startsWith(CHECKPOINT)) continue;
      const address = key.slice(CHECKPOINT.length);
      try {
        const state = parseExporterState(text);
        const exporter = new ExporterIntake(state);
        exporter.stored = true;
        this.#exporters.set(address, exporter);
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
        intake.count('bad-checkpoints/udp');
        this.#forgotten.add(address);
      }
    }
  }

  #take(datagram: Uint8Array, address: string): void {
    const arrivedMs = Date.now();
    const exporter = this.#exporterOf(address);
    const { revision, state } = exporter;
    const evicted = state.evicted;
    const reader = this.#reader;
    exporter.open();
    reader.read(datagram, exporter);
    this.#count('datagrams/udp', 1);
    this.#count('lost/udp/sequence', reader.lost);
    this.#count('evicted/udp/templates', state.evicted - evicted);
    if (this.#backlogBytes + datagram.length > (this.#params.backlog ?? BACKLOG)) {
      this.#dropped('backlog', 1);
      // Nothing in the open chunk tells what this one told.
      if (exporter.revision !== revision) this.#close(exporter);
      return;
    }
    if (reader.decodable !== undefined) this.#add(exporter, reader.decodable, arrivedMs);
    for (const { key, message } of reader.unknown) {
      this.#dropped('no-template', this.#waiting.add(key, message, arrivedMs));
    }
    for (const key of reader.told) {
      for (const set of this.#waiting.take(key)) this.#add(exporter, set.message, set.arrivedMs);
    }
  }

  #add(exporter: ExporterIntake, datagram: Uint8Array, arrivedMs: number): void {
    this.#backlogBytes += exporter.add(datagram, arrivedMs);
    if (exporter.chunkBytes >= CHUNK_BYTES) this.#close(exporter);
    this.#flushTimer ??= setTimeout(this.#flushSoon, CHUNK_MS);
  }

  readonly #flushSoon = (): void => {
    // While others wait, chunks had better grow.
    const busy = this.#queuedFrom < this.#queue.length;
    this.#flushTimer = busy ? setTimeout(this.#flushSoon, CHUNK_MS) : undefined;
    if (!busy) this.#flush();
  };

  #exporterOf(source: string): ExporterIntake {
    const address = plainAddress(source);
    let exporter = this.#exporters.get(address);
    if (exporter === undefined) {
      exporter = new ExporterIntake(new ExporterState(address));
      this.#forgotten.delete(address);
    } else {
      this.#exporters.delete(address);
    }
    this.#exporters.set(address, exporter);
    if (this.#exporters.size > MAX_EXPORTERS) this.#forgetOldest();
    return exporter;
  }

  #forgetOldest(): void {
    for (const [address, oldest] of this.#exporters) {
      this.#close(oldest);
      this.#exporters.delete(address);
      if (oldest.stored) this.#forgotten.add(address);
      this.#count('evicted/udp/exporters', 1);
      return;
    }
  }

  #flush(): void {
    for (const exporter of this.#exporters.values()) this.#close(exporter);
  }

  /** Queues what was collected of an exporter. */
  #close(exporter: ExporterIntake): void {
    const { input } = this.#params;
    const uri = `${input.uri}#${exporter.state.exporter}`;
    const collected = exporter.take(input, uri, Date.now());
    if (collected === undefined) return;
    this.#queue.push({ ...collected, exporter });
    this.#pumping ??= this.#pump();
  }

  async #pump(): Promise<void> {
    const intake = this.#intake;
    try {
      while (intake !== undefined && this.#queuedFrom < this.#queue.length) {
        const next = this.#queue[this.#queuedFrom++];
        await intake.deliver({
          value: next.chunk,
          timestampMs: next.firstArrivedMs,
          bytes: next.bytes,
          checkpoint: this.#checkpointOf(next.exporter),
        });
        this.#backlogBytes -= next.bytes;
        if (this.#queuedFrom === this.#queue.length || this.#queuedFrom > 1024) {
          this.#queue.splice(0, this.#queuedFrom);
          this.#queuedFrom = 0;
        }
      }
    } catch (error) {
      this.#finish.reject(error instanceof Error ? error : new Error(String(error)));
    } finally {
      this.#pumping = undefined;
    }
  }

  /** What changed since it was handed on last. */
  #checkpointOf(exporter: ExporterIntake): [string, string | null][] {
    const changes: [string, string | null][] = [...this.#forgotten].map((address) => [
      CHECKPOINT + address,
      null,
    ]);
    this.#forgotten.clear();
    const { state, revision } = exporter;
    if (exporter.savedRevision !== revision && this.#exporters.get(state.exporter) === exporter) {
      changes.push([CHECKPOINT + state.exporter, state.toText()]);
      exporter.savedRevision = revision;
      exporter.stored = true;
    }
    return changes;
  }

  async #watch(): Promise<void> {
    this.#dropped('no-template', this.#waiting.expire(Date.now()));
    if (this.#bound === undefined) return;
    const drops = await kernelDrops(this.#bound);
    if (drops === undefined || drops <= this.#kernelDrops) return;
    this.#dropped('kernel', drops - this.#kernelDrops);
    this.#kernelDrops = drops;
  }

  #dropped(reason: string, by: number): void {
    this.#count(`dropped/udp/${reason}`, by);
  }

  #count(name: string, by: number): void {
    if (by > 0) this.#intake?.count(name, by);
  }
}

/** An address as others write it: an IPv4-mapped one is IPv4. */
function plainAddress(source: string): string {
  if (!source.includes(':')) return source;
  const parsed = addressOf(source);
  // One with a zone.
  if (parsed === undefined) return source;
  const [w0, w1, w2, w3] = parsed.words;
  return parsed.family === 4 ? formatAddress4(w0) : formatAddress6(w0, w1, w2, w3);
}
