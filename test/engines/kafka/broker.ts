import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Kafka, logLevel } from 'kafkajs';
import { freePorts } from '../loopback.js';
import { JavaProcess } from '../java-process.js';

const run = promisify(execFile);

/** Base64 of a UUID, as Kafka writes it. */
const CLUSTER_ID = 'flowsieveFlowsieveAAAA';

export interface ProducedMessage {
  readonly key?: string;
  readonly value: Buffer | string | null;
  /** Ms since 1970 UTC; now where it is left out. */
  readonly timestampMs?: number;
}

export interface ConsumedMessage {
  readonly key: string;
  readonly value: string;
}

/** A real Kafka broker in KRaft mode: its own controller, on free ports of 127.0.0.1. */
export class KafkaBroker {
  /** HOST:PORT. */
  readonly address: string;
  readonly #java: JavaProcess;
  readonly #client: Kafka;

  private constructor(address: string, java: JavaProcess) {
    this.address = address;
    this.#java = java;
    this.#client = new Kafka({ brokers: [address], logLevel: logLevel.NOTHING });
  }

  /** Starts one that keeps all it has in `directory`. */
  static async start(jars: string, directory: string): Promise<KafkaBroker> {
    const [port, controller] = await freePorts(2);
    const config = join(directory, 'server.properties');
    const settings = {
      'process.roles': 'broker,controller',
      'node.id': '1',
      'controller.quorum.voters': `1@127.0.0.1:${controller}`,
      listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controller}`,
      'advertised.listeners': `PLAINTEXT://127.0.0.1:${port}`,
      'controller.listener.names': 'CONTROLLER',
      'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
      'log.dirs': join(directory, 'logs'),
      'offsets.topic.replication.factor': '1',
      'transaction.state.log.replication.factor': '1',
      'transaction.state.log.min.isr': '1',
      'group.initial.rebalance.delay.ms': '0',
      // Tests write messages of long ago.
      'log.retention.ms': '-1',
      // A batch of the client is one request.
      'message.max.bytes': String(64 << 20),
      'log.message.timestamp.before.max.ms': '9223372036854775807',
    };
    const lines = Object.entries(settings).map(([name, value]) => `${name}=${value}`);
    await writeFile(config, `${lines.join('\n')}\n`);
    const logging = join(directory, 'log4j.properties');
    await writeFile(
      logging,
      'log4j.rootLogger=INFO, out\nlog4j.appender.out=org.apache.log4j.ConsoleAppender\n' +
        'log4j.appender.out.layout=org.apache.log4j.PatternLayout\n' +
        'log4j.appender.out.layout.ConversionPattern=%d %p %c %m%n\n',
    );
    const flags = ['-Xmx512m', `-Dlog4j.configuration=file:${logging}`, '-cp', join(jars, '*')];
    await run('java', [
      ...flags,
      'kafka.tools.StorageTool',
      'format',
      '-t',
      CLUSTER_ID,
      '-c',
      config,
    ]);
    const java = await JavaProcess.start([...flags, 'kafka.Kafka', config], {
      ready: /Kafka Server started/,
      logFile: join(directory, 'kafka.log'),
    });
    return new KafkaBroker(`127.0.0.1:${port}`, java);
  }

  /** `kafka://...` of a topic. */
  uri(topic: string): string {
    return `kafka://${this.address}/${topic}`;
  }

  async createTopic(topic: string, partitions = 1): Promise<void> {
    const admin = this.#client.admin();
    await admin.connect();
    await admin.createTopics({ topics: [{ topic, numPartitions: partitions }] });
    await admin.disconnect();
  }

  /** Resolves when the broker has them all. */
  async produce(topic: string, messages: readonly ProducedMessage[]): Promise<void> {
    const producer = this.#client.producer();
    await producer.connect();
    for (let at = 0; at < messages.length; at += 1000) {
      const some = messages.slice(at, at + 1000).map(({ key = null, value, timestampMs }) => ({
        key,
        value,
        ...(timestampMs === undefined ? {} : { timestamp: String(timestampMs) }),
      }));
      await producer.send({ topic, messages: some });
    }
    await producer.disconnect();
  }

  /** All messages that the topic has now. */
  async consume(topic: string): Promise<ConsumedMessage[]> {
    const admin = this.#client.admin();
    await admin.connect();
    const ends = await admin.fetchTopicOffsets(topic);
    await admin.disconnect();
    const left = new Map(
      ends
        .filter(({ high, low }) => high !== low)
        .map((each) => [each.partition, BigInt(each.high)]),
    );
    const found: ConsumedMessage[] = [];
    if (left.size === 0) return found;
    const consumer = this.#client.consumer({ groupId: `test-${process.hrtime.bigint()}` });
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: true });
    await new Promise<void>((resolve, reject) => {
      consumer
        .run({
          autoCommit: false,
          eachMessage: ({ partition, message }) => {
            const { key, value, offset } = message;
            found.push({ key: key?.toString() ?? '', value: value?.toString() ?? '' });
            if (BigInt(offset) + 1n >= (left.get(partition) ?? 0n)) left.delete(partition);
            if (left.size === 0) resolve();
            return Promise.resolve();
          },
        })
        .catch(reject);
    });
    await consumer.disconnect();
    return found;
  }

  /** Offsets that a group has committed, by partition; -1 = none. */
  async committed(group: string, topic: string): Promise<ReadonlyMap<number, number>> {
    const admin = this.#client.admin();
    await admin.connect();
    const offsets = await admin.fetchOffsets({ groupId: group, topics: [topic] });
    await admin.disconnect();
    return new Map(
      offsets.flatMap(({ partitions }) =>
        partitions.map(({ partition, offset }) => [partition, Number(offset)] as const),
      ),
    );
  }

  stop(): Promise<void> {
    return this.#java.stop();
  }
}
