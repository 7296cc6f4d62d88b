/**
 * A worker of a portable engine, over the SDK's bundle processor.
 *
 * Fault: the SDK's own `Worker` waits 11 days instead of for the end of its control stream and
 * hears of no broken stream. Fault: it answers a split or the progress of a bundle that has ended
 * with an error, and does not know `monitoringInfos`, `harnessMonitoringInfos` and
 * `finalizeBundle`. Fault: it prints every request on standard output. Repair: a control loop of
 * our own. The faults below it have files of their own in this folder.
 */
import '../operators.js';
import '../coders.js';
import '../fn.js';
import './sink.js';
import { InstructionRequest, InstructionResponse } from 'apache-beam/proto/beam_fn_api';
import type { MonitoringInfo } from 'apache-beam/proto/metrics';
import { MetricsShortIdCache } from 'apache-beam/worker/metrics';
import { BundleProcessor } from 'apache-beam/worker/worker';
import { emptyCounters } from './counters.js';
import { OrderedDataChannel } from './data-channel.js';
import { Descriptors } from './descriptors.js';
import { RpcClient, type Duplex, type Method } from './rpc.js';
import { FailingStateChannel } from './state-channel.js';

const CONTROL: Method<InstructionResponse, InstructionRequest> = {
  path: '/org.apache.beam.model.fn_execution.v1.BeamFnControl/Control',
  request: InstructionResponse,
  response: InstructionRequest,
};

export interface WorkerOptions {
  readonly id: string;
  /** HOST:PORT. */
  readonly controlEndpoint: string;
  /** Told of bundles that fail; the engine is told as well. */
  readonly onBundleFailed?: (error: unknown) => void;
}

const CONNECT_MS = 30_000;

type Answer = InstructionResponse['response'];

/** Answers an engine's instructions until it says that there are no more. */
export class PortableWorker {
  readonly #options: WorkerOptions;
  readonly #client: RpcClient;
  readonly #clients: RpcClient[] = [];
  readonly #control: Duplex<InstructionResponse, InstructionRequest>;
  readonly #descriptors: Descriptors;
  readonly #idle = new Map<string, BundleProcessor[]>();
  readonly #active = new Map<string, BundleProcessor>();
  readonly #data = new Map<string, OrderedDataChannel>();
  readonly #state = new Map<string, FailingStateChannel>();
  readonly #shortIds = new MetricsShortIdCache();
  readonly #ended: Promise<void>;
  #end!: () => void;
  #fail!: (error: Error) => void;

  constructor(options: WorkerOptions) {
    this.#options = options;
    this.#ended = new Promise((resolve, reject) => {
      this.#end = resolve;
      this.#fail = reject;
    });
    this.#ended.catch(() => undefined);
    this.#client = this.#connect(options.controlEndpoint);
    this.#descriptors = new Descriptors(this.#client);
    this.#control = this.#client.duplex(CONTROL);
    this.#control.on('data', (request: InstructionRequest) => void this.#answer(request));
    this.#control.on('error', (error) => this.#fail(error));
    this.#control.on('end', () => this.#end());
  }

  /** Resolves when the engine is reached; rejects where it is not within half a minute. */
  async connected(): Promise<void> {
    await this.#client.ready(CONNECT_MS);
  }

  /** Resolves when the engine ends the control stream; rejects when a stream breaks. */
  async wait(): Promise<void> {
    try {
      await this.#ended;
    } finally {
      this.#close();
    }
  }

  /** Ends without waiting for what runs. */
  stop(): void {
    this.#end();
  }

  #close(): void {
    // The control stream ends first: to engines a worker that is gone without it has crashed.
    this.#control.end();
    for (const channel of [...this.#data.values(), ...this.#state.values()]) channel.close();
    for (const client of this.#clients) client.close();
  }

  #connect(endpoint: string): RpcClient {
    const client = new RpcClient(endpoint, this.#options.id);
    this.#clients.push(client);
    return client;
  }

  async #answer({ instructionId, request }: InstructionRequest): Promise<void> {
    let response: Answer = { oneofKind: undefined };
    let failure = '';
    try {
      response = await this.#carryOut(instructionId, request);
    } catch (error) {
      this.#options.onBundleFailed?.(error);
      // Never empty, which would mean that all is well.
      failure = (error instanceof Error ? error.stack : undefined) ?? `failed: ${String(error)}`;
    }
    this.#control.write({ instructionId, error: failure, response });
  }

  async #carryOut(instructionId: string, request: InstructionRequest['request']): Promise<Answer> {
    switch (request.oneofKind) {
      case 'processBundle': {
        const { processBundleDescriptorId: id } = request.processBundle;
        const told = await this.#process(instructionId, id);
        return {
          oneofKind: 'processBundle',
          processBundle: { residualRoots: [], requiresFinalization: false, ...told },
        };
      }
      case 'processBundleProgress': {
        const processor = this.#active.get(request.processBundleProgress.instructionId);
        const told = processor === undefined ? NOTHING_TOLD : this.#monitor(processor);
        return { oneofKind: 'processBundleProgress', processBundleProgress: told };
      }
      case 'processBundleSplit': {
        const wanted = request.processBundleSplit;
        const processor = this.#active.get(wanted.instructionId);
        return {
          oneofKind: 'processBundleSplit',
          processBundleSplit: processor?.split(wanted) ?? NO_SPLIT,
        };
      }
      case 'monitoringInfos': {
        const { monitoringInfoId: ids } = request.monitoringInfos;
        const monitoringInfo = Object.fromEntries(
          ids.map((id) => [id, this.#shortIds.asMonitoringInfo(id)]),
        );
        return { oneofKind: 'monitoringInfos', monitoringInfos: { monitoringInfo } };
      }
      case 'harnessMonitoringInfos':
        return {
          oneofKind: 'harnessMonitoringInfos',
          harnessMonitoringInfos: { monitoringData: {} },
        };
      case 'finalizeBundle':
        return { oneofKind: 'finalizeBundle', finalizeBundle: {} };
      case 'register':
      case undefined:
        throw new Error(
          `the instruction ${request.oneofKind ?? 'without a kind'} is not supported`,
        );
    }
  }

  async #process(bundle: string, descriptorId: string): Promise<Told> {
    const descriptor = await this.#descriptors.get(descriptorId);
    const idle = this.#idle.get(descriptorId) ?? [];
    this.#idle.set(descriptorId, idle);
    const processor =
      idle.pop() ??
      new BundleProcessor(
        descriptor,
        (endpoint: string) => this.#dataChannel(endpoint) as never,
        (endpoint: string) => this.#stateChannel(endpoint) as never,
      );
    this.#active.set(bundle, processor);
    try {
      await processor.process(bundle);
      const told = this.#monitor(processor);
      emptyCounters(processor);
      // One that failed is not used again.
      idle.push(processor);
      return told;
    } finally {
      this.#active.delete(bundle);
      for (const channel of this.#data.values()) channel.endBundle(bundle);
    }
  }

  #monitor(processor: BundleProcessor): Told {
    const cells = processor.monitoringData(this.#shortIds);
    return {
      monitoringInfos: Array.from(cells, ([id, payload]) =>
        this.#shortIds.asMonitoringInfo(id, payload),
      ),
      monitoringData: Object.fromEntries(cells),
    };
  }

  #dataChannel(endpoint: string): OrderedDataChannel {
    let channel = this.#data.get(endpoint);
    if (channel === undefined) {
      channel = new OrderedDataChannel(this.#connect(endpoint), (error) => {
        // Engines take their services down in no order; only a bundle misses the stream.
        if (this.#active.size > 0) this.#fail(error);
        else this.#data.delete(endpoint);
      });
      this.#data.set(endpoint, channel);
    }
    return channel;
  }

  #stateChannel(endpoint: string): FailingStateChannel {
    let channel = this.#state.get(endpoint);
    if (channel === undefined) {
      channel = new FailingStateChannel(this.#connect(endpoint));
      this.#state.set(endpoint, channel);
    }
    return channel;
  }
}

/** What the engine is told of a bundle's counters. */
interface Told {
  readonly monitoringInfos: MonitoringInfo[];
  readonly monitoringData: Record<string, Uint8Array>;
}

const NOTHING_TOLD: Told = { monitoringInfos: [], monitoringData: {} };
const NO_SPLIT = { primaryRoots: [], residualRoots: [], channelSplits: [] };
